"""Predictions of models that answer at random, and what their columns mean."""

from random import Random

import numpy as np

from cdml.evaluation.prediction_store import Layout
from cdml.statistics.metrics import METRICS, Task, find_metric

BINARY = Layout(
    key=("id",),
    label="late",
    slices=("carrier", "month"),
    task=Task.BINARY,
    positive=True,
    max_slices=100,
    sensitive="sex",
    cost="cents",
)
GENERATION = Layout(
    key=("id",),
    label="answer",
    slices=("topic",),
    task=Task.GENERATION,
    positive=None,
    max_slices=100,
)
MULTICLASS = Layout(
    key=("id", "day"), label="kind", slices=(), task=Task.MULTICLASS, positive=None, max_slices=100
)
REGRESSION = Layout(
    key=("id",),
    label="delay",
    slices=("carrier",),
    task=Task.REGRESSION,
    positive=None,
    max_slices=100,
)
KINDS = ["a", "b", "it's"]


def of(task):
    """Those of the task, and of every pattern one."""
    named = tuple(metric for metric in METRICS.values() if task in metric.tasks and metric.of_rows)
    more = {Task.BINARY: ("f2", "cost_per_1000_rows"), Task.GENERATION: ("mean(helpful)",)}
    return (*named, *map(find_metric, more.get(task, ())))


def binary(rows=400, seed=1):
    draw, scores, groups = Random(seed), Random(seed + 1), Random(seed + 2)
    found = []
    for index in range(rows):
        late = draw.random() < 0.3
        score = min(max(scores.gauss(0.6 if late else 0.4, 0.2), 0.0), 1.0)
        found.append(
            {
                "id": index,
                "late": late,
                "carrier": draw.choice(["AA", "UA", "HA", None]),
                "month": draw.randint(1, 3),
                "sex": groups.choice(["f", "m", "m", None]),
                "cents": groups.randint(0, 9),
                "prediction": score > 0.5,
                "score": round(score, 2),
            }
        )
    return found


def rival(rows, seed=7):
    """Another model's answers to the same rows."""
    draw = Random(seed)
    scored = [{**row, "score": round(draw.random(), 2)} for row in rows]
    return [{**row, "prediction": row["score"] > 0.5} for row in scored]


def generation(seed=1, rows=300):
    draw = Random(seed)
    return [
        {
            "id": index,
            "answer": f"answer {index % 7}",
            "topic": "tax" if index % 3 else "law",
            "prediction": f"answer {index % 7 if draw.random() < 0.7 else 9}",
            "helpful": draw.randint(1, 5),
        }
        for index in range(rows)
    ]


def multiclass(seed=1, rows=300):
    draw, answers = Random(1), Random(seed)
    found = []
    for index in range(rows):
        chances = np.array([answers.random() for _ in KINDS])
        chances /= chances.sum()
        found.append(
            {
                "id": index // 2,
                "day": index % 2,
                "kind": draw.choice(KINDS),
                "prediction": KINDS[int(chances.argmax())],
                **{f"score_{kind}": float(p) for kind, p in zip(KINDS, chances, strict=True)},
            }
        )
    return found


def regression(seed=1, rows=300):
    draw, answers = Random(1), Random(seed)
    return [
        {
            "id": index,
            "carrier": draw.choice(["AA", "UA"]),
            "delay": (delay := draw.gauss(1000, 30)),
            "prediction": delay + answers.gauss(0, 10),
        }
        for index in range(rows)
    ]
