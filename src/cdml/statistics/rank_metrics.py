"""ROC-AUC, one class or many, and average precision."""

import math
from statistics import NormalDist

import numpy as np

from cdml.statistics.difference import Level, Paired
from cdml.statistics.interval import ConfidenceInterval, Unmeasured
from cdml.statistics.ranks import (
    auc_influence,
    joint_moments,
    powers,
    precision_influence,
    same_order,
)
from cdml.statistics.samples import Flags, Floats, OneVsRest, Ranked
from cdml.statistics.skewed_means import Linear

FEW_ROWS = 20
"""With fewer rows of a class than this, DeLong's two-sided interval is corrected as its bounds."""


LARGE_MOVE = 0.125
"""The least of the largest moves of a row that are reckoned with: past an eighth of the others.

Where both models order nearly all rows right, few rows hold none of those that move far.
"""


def compare(metric: str, sample: Ranked | OneVsRest) -> Paired | Unmeasured:
    """Two models by the order of their scores."""
    classes = sample.classes if isinstance(sample, OneVsRest) else (sample,)
    if problem := _problem(metric, classes, of_two=True):
        return problem
    challenger, moves = _influence(metric, [(c.positive, c.challenger) for c in classes])
    champion, champion_moves = _influence(
        metric, [(c.positive, c.champion) for c in classes if c.champion is not None]
    )
    difference = _difference(metric, challenger, moves, champion, champion_moves, classes)
    if (
        challenger == champion
        and difference.standard_error == 0
        and not all(same_order(c.challenger, c.champion) for c in classes if c.champion is not None)
    ):
        return Unmeasured(
            reason=f"{metric} of both models is {challenger:.4g} and no row affects them"
            " differently; these rows cannot show how far the models differ"
        )
    return Paired(challenger=challenger, champion=champion, difference=difference)


def measure(metric: str, sample: Ranked | OneVsRest, confidence: float) -> Level | Unmeasured:
    """One model by the order of its scores."""
    classes = sample.classes if isinstance(sample, OneVsRest) else (sample,)
    if problem := _problem(metric, classes, of_two=False):
        return problem
    value, moves = _influence(metric, [(c.positive, c.challenger) for c in classes])
    error = math.sqrt(powers(moves)[0])
    return Level(value=value, interval=_interval(metric, value, error, classes, confidence))


def _problem(metric: str, classes: tuple[Ranked, ...], *, of_two: bool) -> Unmeasured | None:
    for ranked in classes:
        positives = int(ranked.positive.sum())
        if not 1 < positives < ranked.rows - 1:
            return Unmeasured(
                reason=f"{metric} needs at least two rows of each class; {positives:,} of"
                f" {ranked.rows:,} rows are positive"
            )
        for name, scores in (("challenger", ranked.challenger), ("champion", ranked.champion)):
            if scores is None and of_two:
                return Unmeasured(reason="the champion has no scores")
            if scores is not None and not np.isfinite(scores).all():
                return Unmeasured(reason=f"the {name}'s scores are not all numbers")
    return None if classes else Unmeasured(reason="there are no classes")


def _influence(metric: str, classes: list[tuple[Flags, Floats]]) -> tuple[float, Floats]:
    """The mean over the classes, and how far each row moves it, shape (rows,).

    The squares of the latter add up to the value's variance; the classes of a single AUC are
    drawn apart, each with its own ddof 1 (DeLong).
    """
    one = precision_influence if metric == "average_precision" else auc_influence
    (positive, score), *others = classes
    values, moves = one(positive, score)
    for other, score in others:
        value, influence = one(other, score)
        values += value
        moves += influence
    rows, positives = len(positive), int(positive.sum())
    sizes = (rows, rows) if metric != "roc_auc" else (positives, rows - positives)
    for_positive, for_negative = (math.sqrt(n / (n - 1)) / len(classes) for n in sizes)
    moves *= np.where(positive, for_positive, for_negative)
    return values / len(classes), moves


def _difference(
    metric: str,
    challenger: float,
    moves: Floats,
    champion: float,
    champion_moves: Floats,
    classes: tuple[Ranked, ...],
) -> Linear:
    distances = moves - champion_moves
    covariance, third = joint_moments(moves, champion_moves)
    largest = float(np.abs(distances).max())
    textbook = metric == "roc_auc" and _fewest(classes) >= FEW_ROWS
    return Linear(
        challenger=challenger,
        champion=champion,
        covariance=covariance,
        third=third,
        rows=len(distances),
        method="delong" if textbook else "delong-t" if metric == "roc_auc" else "jackknife",
        df=_degrees(distances, classes) if metric == "roc_auc" else _fewest(classes) - 1,
        extreme=(
            max(largest, LARGE_MOVE / _fewest(classes)) if largest else 0.0,
            float(np.abs(champion_moves).max()),
        ),
        fewest=_fewest(classes),
        published=math.inf if textbook else None,
    )


def _fewest(classes: tuple[Ranked, ...]) -> int:
    """Rows of the smallest class, or of all that are not of it."""
    positives = [int(ranked.positive.sum()) for ranked in classes]
    return min(min(n, c.rows - n) for n, c in zip(positives, classes, strict=True))


def _degrees(moves: Floats, classes: tuple[Ranked, ...]) -> float:
    """Satterthwaite's degrees of freedom of a variance that is the sum of two classes'."""
    positive = classes[0].positive
    parts = [moves[positive], moves[~positive]]
    variances = [powers(part)[0] for part in parts]
    spread = sum(v * v / (len(p) - 1) for v, p in zip(variances, parts, strict=True))
    return sum(variances) ** 2 / spread if spread > 0 else _fewest(classes) - 1.0


def _interval(
    metric: str, value: float, error: float, classes: tuple[Ranked, ...], confidence: float
) -> ConfidenceInterval | Unmeasured:
    """DeLong's, as long as rows are many and the value is not perfect."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    spread = 0 < value < 1 and error > 0
    if metric == "roc_auc" and not (spread and _fewest(classes) >= FEW_ROWS):
        return _newcombe(value, classes[0], z, confidence)
    if not spread:
        return Unmeasured(reason=f"{metric} is {value:g} on these rows and does not vary")
    if metric != "roc_auc":
        return _logit(value, error, z, confidence)
    return ConfidenceInterval(
        low=max(0.0, value - z * error),
        high=min(1.0, value + z * error),
        confidence=confidence,
        method="delong",
    )


def _logit(value: float, error: float, z: float, confidence: float) -> ConfidenceInterval:
    """Normal on the scale of log(v / (1 - v)) (Boyd, Eng & Page 2013)."""
    centre, reach = math.log(value / (1 - value)), z * error / (value * (1 - value))
    low, high = (1 / (1 + math.exp(min(700.0, -end))) for end in (centre - reach, centre + reach))
    return ConfidenceInterval(low=low, high=high, confidence=confidence, method="jackknife")


def _newcombe(value: float, ranked: Ranked, z: float, confidence: float) -> ConfidenceInterval:
    """Where (θ - value)^2 = z^2 var(θ), with the variance at θ (Newcombe 2006, method 5)."""
    positives = int(ranked.positive.sum())
    negatives = ranked.rows - positives
    spare = ranked.rows / 2 - 1

    def too_far(theta: float) -> bool:
        bend = (1 - theta) / (2 - theta) + theta / (1 + theta)
        variance = theta * (1 - theta) * (1 + spare * bend) / (positives * negatives)
        return (theta - value) ** 2 > z * z * variance

    def end(outside: float, inside: float) -> float:
        while (middle := (outside + inside) / 2) not in {outside, inside}:
            outside, inside = (middle, inside) if too_far(middle) else (outside, middle)
        return inside

    low, high = end(0.0, value), end(1.0, value)
    return ConfidenceInterval(low=low, high=high, confidence=confidence, method="newcombe")
