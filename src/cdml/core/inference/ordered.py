"""ROC-AUC, one class or many, and average precision."""

import math
from statistics import NormalDist

import numpy as np

from cdml.core.inference.difference import Level, Paired
from cdml.core.inference.linear import Linear
from cdml.core.inference.ranks import auc_influence, precision_influence
from cdml.core.interval import Interval, Unmeasured
from cdml.core.sample import Flags, Floats, OneVsRest, Ranked

FEW_ROWS = 20
"""With fewer rows of a class than this, the normal distribution gives way to t."""

_METHODS = {"roc_auc": "delong", "roc_auc_ovr": "delong", "average_precision": "jackknife"}


def compare(metric: str, sample: Ranked | OneVsRest) -> Paired | Unmeasured:
    """Two models by the order of their scores."""
    classes = sample.classes if isinstance(sample, OneVsRest) else (sample,)
    if problem := _problem(metric, classes, of_two=True):
        return problem
    challenger, moves = _influence(metric, [(c.positive, c.challenger) for c in classes])
    champions = [(c.positive, c.champion) for c in classes if c.champion is not None]
    champion, champion_moves = _influence(metric, champions)
    influence = np.stack((moves, champion_moves))
    difference = Linear(
        challenger=challenger,
        champion=champion,
        covariance=_covariance(metric, influence, classes),
        method=_METHODS[metric],
        df=_degrees(influence[0] - influence[1], classes),
    )
    same = all(np.array_equal(c.challenger, c.champion) for c in classes if c.champion is not None)
    if difference.standard_error == 0 and not same:
        return Unmeasured(
            reason=f"both models order these rows alike ({metric} {challenger:.4g});"
            " they cannot tell how far the models differ"
        )
    return Paired(challenger=challenger, champion=champion, difference=difference)


def measure(metric: str, sample: Ranked | OneVsRest, confidence: float) -> Level | Unmeasured:
    """One model by the order of its scores."""
    classes = sample.classes if isinstance(sample, OneVsRest) else (sample,)
    if problem := _problem(metric, classes, of_two=False):
        return problem
    value, moves = _influence(metric, [(c.positive, c.challenger) for c in classes])
    error = math.sqrt(float(_covariance(metric, moves[None], classes)[0, 0]))
    return Level(value=value, interval=_interval(metric, value, error, classes, confidence))


def _problem(metric: str, classes: tuple[Ranked, ...], *, of_two: bool) -> Unmeasured | None:
    for ranked in classes:
        positives = int(ranked.positive.sum())
        if not 1 < positives < ranked.rows - 1:
            return Unmeasured(
                reason=f"{metric} needs at least two rows of each class; of {ranked.rows:,} rows"
                f" {positives:,} are of the positive one"
            )
        for name, scores in (("challenger", ranked.challenger), ("champion", ranked.champion)):
            if scores is None and of_two:
                return Unmeasured(reason="there are no scores of a champion")
            if scores is not None and not np.isfinite(scores).all():
                return Unmeasured(reason=f"the {name}'s scores are not all numbers")
    return None if classes else Unmeasured(reason="there are no classes")


def _influence(metric: str, classes: list[tuple[Flags, Floats]]) -> tuple[float, Floats]:
    """The mean over the classes: its value, and how far each row moves it, shape (rows,)."""
    one = precision_influence if metric == "average_precision" else auc_influence
    total, moves = 0.0, np.zeros(len(classes[0][0]))
    for positive, score in classes:
        value, influence = one(positive, score)
        total += value
        moves += influence
    return total / len(classes), moves / len(classes)


def _covariance(metric: str, influence: Floats, classes: tuple[Ranked, ...]) -> Floats:
    """Of the values, from the rows' influence, shape (models, rows).

    The two classes of a single AUC are drawn apart, each with its own ddof 1 (DeLong).
    """
    drawn: list[Floats] = [influence]
    if metric == "roc_auc":
        positive = classes[0].positive
        drawn = [influence[:, positive], influence[:, ~positive]]
    covariance = np.zeros((len(influence), len(influence)))
    for part in drawn:
        rows = part.shape[1]
        covariance += part @ part.T * (rows / (rows - 1))
    return covariance


def _degrees(influence: Floats, classes: tuple[Ranked, ...]) -> float:
    """Degrees of freedom: Satterthwaite's where a class has few rows, else infinite."""
    smallest = min(
        (c.positive if c.positive.sum() * 2 <= c.rows else ~c.positive for c in classes),
        key=lambda flags: int(flags.sum()),
    )
    few = int(smallest.sum())
    if few >= FEW_ROWS:
        return math.inf
    variances = [float(influence[part] @ influence[part]) for part in (smallest, ~smallest)]
    rows = [few, len(smallest) - few]
    spread = sum(v * v / (n - 1) for v, n in zip(variances, rows, strict=True))
    return sum(variances) ** 2 / spread if spread > 0 else few - 1.0


def _interval(
    metric: str, value: float, error: float, classes: tuple[Ranked, ...], confidence: float
) -> Interval | Unmeasured:
    """The normal interval within [0, 1]; near its ends and with few rows, one that bends."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    few = min(min(int(c.positive.sum()), c.rows - int(c.positive.sum())) for c in classes)
    if metric == "roc_auc" and (few < FEW_ROWS or not 0 < value < 1 or error == 0):
        return _newcombe(value, classes[0], z, confidence)
    if not (0 < value < 1 and error > 0):
        return Unmeasured(reason=f"{metric} is {value:g} on these rows, without any spread")
    if metric == "average_precision":
        return _logit(value, error, z, confidence)
    return Interval(
        low=max(0.0, value - z * error),
        high=min(1.0, value + z * error),
        confidence=confidence,
        method="delong",
    )


def _logit(value: float, error: float, z: float, confidence: float) -> Interval:
    """Normal on the scale of log(v / (1 - v)) (Boyd, Eng & Page 2013)."""
    centre, reach = math.log(value / (1 - value)), z * error / (value * (1 - value))
    low, high = (1 / (1 + math.exp(min(700.0, -end))) for end in (centre - reach, centre + reach))
    return Interval(low=low, high=high, confidence=confidence, method="jackknife")


def _newcombe(value: float, ranked: Ranked, z: float, confidence: float) -> Interval:
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
    return Interval(low=low, high=high, confidence=confidence, method="newcombe")
