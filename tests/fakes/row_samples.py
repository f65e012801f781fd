"""The statistics of some rows, by plain Python and numpy."""

import math
from collections import Counter

import numpy as np

from cdml.evaluation.prediction_store import PredictionSlice
from cdml.statistics.metrics import Family, Loss, Task
from cdml.statistics.samples import Cells, Moments, OneVsRest, Ranked, RowFigures, Weighted


def text(value):
    return str(value).lower() if isinstance(value, bool) else str(value).removesuffix(".0")


def part_of(place, pairs, layout, classes, groups):
    def outcome(value, label=None):
        if layout.task is Task.GENERATION:
            return int(label is None or text(value) == text(label))
        if layout.task is Task.BINARY:
            return int(value == layout.positive)
        return classes.index(text(value))

    weighted = layout.weight is not None or layout.cluster is not None
    moments = _figures if weighted else _moments

    def sample(metric):
        return _weighted(pairs, layout, plain(metric)) if weighted else plain(metric)

    def plain(metric):
        match metric.family:
            case Family.PROPORTION | Family.CELLS:
                return _cells(pairs, layout, classes, outcome)
            case Family.FAIRNESS:
                return _cells(pairs, layout, classes, outcome, groups)
            case Family.RANKS | Family.CALIBRATION:
                return _ranks(pairs, layout, classes)
            case _:
                return moments([_errors(metric, pair, layout) for pair in pairs])

    return PredictionSlice(slice=place, rows=len(pairs), sample=sample)


def _errors(metric, pair, layout):
    if metric.loss is Loss.COLUMN:
        return [metric.scale * row[metric.column or layout.cost] for row in pair]
    if metric.family is Family.MEAN:
        return [_loss(metric.loss, row, layout) for row in pair]
    label = pair[0][layout.label]
    return [*((row["prediction"] - label) ** 2 for row in pair), label, label**2]


def _cells(pairs, layout, classes, outcome, groups=()):
    each = layout.weight is not None or layout.cluster is not None
    found = [
        (
            outcome(pair[0][layout.label]),
            *(outcome(row["prediction"], row[layout.label]) for row in pair),
            groups.index(pair[0][layout.sensitive]) if groups else 0,
        )
        for pair in pairs
    ]
    counts = Counter(found)
    cells = np.array(found if each else sorted(counts), dtype=np.int64)
    multiclass = layout.task is Task.MULTICLASS
    return Cells(
        classes=tuple(classes) if multiclass else ("other", "positive"),
        label=cells[:, 0],
        challenger=cells[:, 1],
        champion=cells[:, 2] if len(pairs[0]) > 1 else None,
        count=np.array(
            [1 if each else counts[tuple(cell)] for cell in cells.tolist()], dtype=np.int64
        ),
        groups=tuple("(missing)" if name is None else str(name) for name in groups),
        group=cells[:, -1] if groups else None,
    )


def _weighted(pairs, layout, found):
    users = [pair[0][layout.cluster] for pair in pairs] if layout.cluster else None
    return Weighted(
        weight=np.array([pair[0][layout.weight] if layout.weight else 1.0 for pair in pairs]),
        cluster=None if users is None else np.unique(users, return_inverse=True)[1],
        inner=found,
    )


def _figures(rows):
    return RowFigures(values=np.array(rows, dtype=float))


def _ranks(pairs, layout, classes):
    def ranked(is_positive, name):
        scores = [
            np.array([row.get(name, 0.0) for row in side]) for side in zip(*pairs, strict=True)
        ]
        return Ranked(
            positive=np.array([is_positive(pair[0][layout.label]) for pair in pairs]),
            challenger=scores[0],
            champion=scores[1] if len(scores) > 1 else None,
        )

    if layout.task is Task.BINARY:
        return ranked(lambda value: value == layout.positive, "score")
    return OneVsRest(
        classes=tuple(ranked(lambda v, c=c: text(v) == c, f"score_{c}") for c in classes)
    )


def _loss(loss, row, layout):
    label, prediction = row[layout.label], row["prediction"]
    match loss:
        case Loss.LOG:
            if layout.task is Task.BINARY:
                chance = row["score"] if label == layout.positive else 1 - row["score"]
            else:
                chance = row.get(f"score_{text(label)}", 0.0)
            return -math.log(min(max(chance, 2**-52), 1 - 2**-52))
        case Loss.BRIER:
            return (row["score"] - (label == layout.positive)) ** 2
        case Loss.ABSOLUTE:
            return abs(prediction - label)
        case Loss.SQUARED:
            return (prediction - label) ** 2
        case _:
            return abs(prediction - label) / max(abs(label), 2**-52)


def _moments(figures):
    values = np.array(figures, dtype=float)
    centred = values - values.mean(axis=0)
    rows = len(values)
    return Moments(
        rows=rows,
        mean=values.mean(axis=0),
        covariance=centred.T @ centred / max(rows - 1, 1),
        third=np.einsum("ni,nj,nk->ijk", centred, centred, centred) / rows,
    )
