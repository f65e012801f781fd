"""ROC-AUC, one class or many, and average precision."""

import math
from statistics import NormalDist

import numpy as np

from cdml.statistics.difference import Level, Paired
from cdml.statistics.interval import ConfidenceInterval, Unmeasured
from cdml.statistics.ranks import (
    auc_influence,
    corrections,
    joint_moments,
    powers,
    precision_influence,
    same_order,
)
from cdml.statistics.samples import Flags, Floats, OneVsRest, Ranked, RankMoments
from cdml.statistics.skewed_means import Linear

FEW_ROWS = 20
"""With fewer rows of a class than this, DeLong's two-sided interval is corrected as its bounds."""


LARGE_MOVE = 0.125
"""The least of the largest moves of a row that are reckoned with: past an eighth of the others.

Where both models order nearly all rows right, few rows hold none of those that move far.
"""


def compare(metric: str, sample: Ranked | OneVsRest | RankMoments) -> Paired | Unmeasured:
    """Two models by the order of their scores."""
    if problem := _problem(metric, sample, of_two=True):
        return problem
    moments = sample if isinstance(sample, RankMoments) else _of_rows(metric, sample)
    challenger, champion = map(float, moments.value)
    difference = _difference(metric, moments)
    if challenger == champion and difference.standard_error == 0 and not moments.same_order:
        return Unmeasured(
            reason=f"{metric} of both models is {challenger:.4g} and no row affects them"
            " differently; these rows cannot show how far the models differ"
        )
    return Paired(challenger=challenger, champion=champion, difference=difference)


def measure(
    metric: str, sample: Ranked | OneVsRest | RankMoments, confidence: float
) -> Level | Unmeasured:
    """One model by the order of its scores."""
    if problem := _problem(metric, sample, of_two=False):
        return problem
    moments = sample if isinstance(sample, RankMoments) else _of_rows(metric, sample, alone=True)
    value, error = float(moments.value[0]), math.sqrt(moments.squares[0, 0])
    return Level(value=value, interval=_interval(metric, value, error, moments, confidence))


def _problem(
    metric: str, sample: Ranked | OneVsRest | RankMoments, *, of_two: bool
) -> Unmeasured | None:
    classes = () if isinstance(sample, RankMoments) else _classes(sample)
    counts = [int(ranked.positive.sum()) for ranked in classes]
    if isinstance(sample, RankMoments):
        counts = list(sample.positives)
    for positives in counts:
        if not 1 < positives < sample.rows - 1:
            return Unmeasured(
                reason=f"{metric} needs at least two rows of each class; {positives:,} of"
                f" {sample.rows:,} rows are positive"
            )
    if isinstance(sample, RankMoments) and of_two and len(sample.value) == 1:
        return Unmeasured(reason="the champion has no scores")
    for ranked in classes:
        for name, scores in (("challenger", ranked.challenger), ("champion", ranked.champion)):
            if scores is None and of_two:
                return Unmeasured(reason="the champion has no scores")
            if scores is not None and not np.isfinite(scores).all():
                return Unmeasured(reason=f"the {name}'s scores are not all numbers")
    return None if counts else Unmeasured(reason="there are no classes")


def _classes(sample: Ranked | OneVsRest) -> tuple[Ranked, ...]:
    return sample.classes if isinstance(sample, OneVsRest) else (sample,)


def _of_rows(metric: str, sample: Ranked | OneVsRest, *, alone: bool = False) -> RankMoments:
    """The moments of the rows themselves; `alone` leaves the champion out."""
    classes = _classes(sample)
    positives = tuple(int(ranked.positive.sum()) for ranked in classes)
    value, moves = _influence(metric, [(c.positive, c.challenger) for c in classes])
    if alone:
        square, cube = powers(moves)
        return RankMoments(
            rows=sample.rows,
            positives=positives,
            value=np.array([value]),
            squares=np.array([[square]]),
            cubes=np.array([[[cube]]]),
        )
    champion, others = _influence(
        metric, [(c.positive, c.champion) for c in classes if c.champion is not None]
    )
    squares, cubes = joint_moments(moves, others)
    distances = moves - others
    positive = classes[0].positive
    split = (powers(distances[positive])[0], powers(distances[~positive])[0])
    return RankMoments(
        rows=sample.rows,
        positives=positives,
        value=np.array([value, champion]),
        squares=squares,
        cubes=cubes,
        split=split if metric == "roc_auc" else (0.0, 0.0),
        extreme=(float(np.abs(distances).max()), float(np.abs(others).max())),
        same_order=value == champion
        and all(same_order(c.challenger, c.champion) for c in classes if c.champion is not None),
    )


def _influence(metric: str, classes: list[tuple[Flags, Floats]]) -> tuple[float, Floats]:
    """The mean over the classes, and how far each row moves it, shape (rows,)."""
    one = precision_influence if metric == "average_precision" else auc_influence
    (positive, score), *others = classes
    values, moves = one(positive, score)
    for other, score in others:
        value, influence = one(other, score)
        values += value
        moves += influence
    for_positive, for_negative = (
        factor / len(classes) for factor in corrections(metric, len(positive), int(positive.sum()))
    )
    moves *= np.where(positive, for_positive, for_negative)
    return values / len(classes), moves


def _difference(metric: str, moments: RankMoments) -> Linear:
    challenger, champion = map(float, moments.value)
    fewest = _fewest(moments)
    largest, largest_champion = moments.extreme
    textbook = metric == "roc_auc" and fewest >= FEW_ROWS
    return Linear(
        challenger=challenger,
        champion=champion,
        covariance=moments.squares,
        third=moments.cubes,
        rows=moments.rows,
        method="delong" if textbook else "delong-t" if metric == "roc_auc" else "jackknife",
        df=_degrees(moments) if metric == "roc_auc" else fewest - 1,
        extreme=(max(largest, LARGE_MOVE / fewest) if largest else 0.0, largest_champion),
        fewest=fewest,
        published=math.inf if textbook else None,
    )


def _fewest(moments: RankMoments) -> int:
    """Rows of the smallest class, or of all that are not of it."""
    return min(min(n, moments.rows - n) for n in moments.positives)


def _degrees(moments: RankMoments) -> float:
    """Satterthwaite's degrees of freedom of a variance that is the sum of two classes'."""
    positives = moments.positives[0]
    sizes = (positives, moments.rows - positives)
    spread = sum(v * v / (n - 1) for v, n in zip(moments.split, sizes, strict=True))
    return sum(moments.split) ** 2 / spread if spread > 0 else _fewest(moments) - 1.0


def _interval(
    metric: str, value: float, error: float, moments: RankMoments, confidence: float
) -> ConfidenceInterval | Unmeasured:
    """DeLong's, as long as rows are many and the value is not perfect."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    spread = 0 < value < 1 and error > 0
    if metric == "roc_auc" and not (spread and _fewest(moments) >= FEW_ROWS):
        return _newcombe(value, moments, z, confidence)
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


def _newcombe(
    value: float, moments: RankMoments, z: float, confidence: float
) -> ConfidenceInterval:
    """Where (θ - value)^2 = z^2 var(θ), with the variance at θ (Newcombe 2006, method 5)."""
    positives = moments.positives[0]
    negatives = moments.rows - positives
    spare = moments.rows / 2 - 1

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
