"""How often the interval of a judge's scores, corrected by labels, holds the truth; and its width.

    python benchmarks/judges.py --replicates 2000

1,000 cases, of which people labelled 30 to 200; 95 % intervals of one model's mean, and of the
difference of two models of the same quality that answer seven cases in ten alike. The width is over
that of the labels alone. Seeded; prints the table of docs/statistics.md.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cdml.statistics.cases.case_means import UNIT
from cdml.statistics.interval import ConfidenceInterval, Unmeasured
from cdml.statistics.judges.prediction_powered import (
    JudgedCases,
    compare_corrected,
    measure_corrected,
)
from cdml.statistics.metrics import Range
from cdml.statistics.samples import Floats

CASES = 1000
LABELS = (30, 60, 100, 200)
CONFIDENCE = 0.95
Random = np.random.Generator


@dataclass(frozen=True, kw_only=True)
class Judge:
    """Scores of people and of the judge, for so many cases."""

    name: str
    draw: Callable[[Random, int], tuple[Floats, Floats]]
    within: Range


def _passes(rate: float, accuracy: float) -> Callable[[Random, int], tuple[Floats, Floats]]:
    def draw(random: Random, cases: int) -> tuple[Floats, Floats]:
        human = random.random(cases) < rate
        judge = human == (random.random(cases) < accuracy)
        return human.astype(float), judge.astype(float)

    return draw


def _ratings(random: Random, cases: int) -> tuple[Floats, Floats]:
    human = random.choice(np.arange(1.0, 6.0), cases, p=[0.05, 0.1, 0.2, 0.35, 0.3])
    moved = random.choice([-1, 0, 1], cases, p=[0.2, 0.6, 0.2])
    return human, np.clip(human + moved, 1, 5)


def _scores(random: Random, cases: int) -> tuple[Floats, Floats]:
    human = random.beta(3, 1, cases)
    return human, 0.5 * human + 0.3 + 0.1 * random.normal(size=cases)


JUDGES = (
    Judge(name="80 % pass, right on 85 %", draw=_passes(0.8, 0.85), within=UNIT),
    Judge(name="96 % pass, right on 90 %", draw=_passes(0.96, 0.9), within=UNIT),
    Judge(name="ratings, off by one on 40 %", draw=_ratings, within=Range(low=1.0, high=5.0)),
    Judge(name="scores, too low and noisy", draw=_scores, within=UNIT),
)


def labelled(judge: Judge, human: Floats, scores: Floats, labels: int) -> JudgedCases:
    known = np.full(human.shape, np.nan)
    known[:labels] = human[:labels]
    return JudgedCases(judge=scores, human=known, within=judge.within)


def one_model(judge: Judge, random: Random, labels: int, truth: float) -> tuple[bool, float]:
    human, scores = judge.draw(random, CASES)
    sample = labelled(judge, human[:, None], scores[:, None], labels)
    result = measure_corrected("mean(score)", sample, CONFIDENCE)
    assert not isinstance(result, Unmeasured)
    return _held(result.value.interval, result.labels_alone.interval, truth)


def two_models(judge: Judge, random: Random, labels: int) -> tuple[bool, float]:
    (human, scores), (second, other) = judge.draw(random, CASES), judge.draw(random, CASES)
    same = random.random(CASES) < 0.7
    sample = labelled(
        judge,
        np.column_stack((human, np.where(same, human, second))),
        np.column_stack((scores, np.where(same, scores, other))),
        labels,
    )
    result = compare_corrected("mean(score)", sample)
    assert not isinstance(result, Unmeasured)
    intervals = (
        paired.difference.interval(CONFIDENCE) for paired in (result.value, result.labels_alone)
    )
    return _held(*intervals, 0.0)


def _held(
    corrected: ConfidenceInterval | Unmeasured, alone: ConfidenceInterval | Unmeasured, truth: float
) -> tuple[bool, float]:
    assert isinstance(corrected, ConfidenceInterval)
    assert isinstance(alone, ConfidenceInterval)
    width = (corrected.high - corrected.low) / (alone.high - alone.low)
    return corrected.low <= truth <= corrected.high, width


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--replicates", type=int, default=2000)
    replicates = options.parse_args().replicates
    print("| judge | measured | " + " | ".join(f"{labels} labels" for labels in LABELS) + " |")
    print("|---|---|" + "---:|" * len(LABELS))
    for judge in JUDGES:
        truth = float(judge.draw(np.random.default_rng(0), 2_000_000)[0].mean())
        for name in ("one model", "difference"):
            shown = []
            for labels in LABELS:
                random = np.random.default_rng([labels, len(name)])
                results = [
                    one_model(judge, random, labels, truth)
                    if name == "one model"
                    else two_models(judge, random, labels)
                    for _ in range(replicates)
                ]
                held, width = np.mean(results, axis=0)
                shown.append(f"{100 * held:.1f} ({width:.2f})")
            print(f"| {judge.name} | {name} | {' | '.join(shown)} |", flush=True)


if __name__ == "__main__":
    main()
