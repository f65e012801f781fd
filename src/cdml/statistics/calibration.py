"""How far probabilities are from the shares that come true: a figure that is reported."""

import numpy as np

from cdml.statistics.difference import Level
from cdml.statistics.interval import Unmeasured
from cdml.statistics.samples import Floats, Ranked, ScoreSums

BINS = 10
NO_ERROR = (
    "it is a reported figure without a valid interval: with few rows it grows by chance; gate"
    " log_loss or brier_score_loss instead, which also reflect calibration"
)


def compare(metric: str, sample: Ranked | ScoreSums) -> Unmeasured:
    """Never."""
    del metric, sample
    return Unmeasured(reason=NO_ERROR)


def measure(metric: str, sample: Ranked | ScoreSums, confidence: float) -> Level:
    """Expected calibration error: sum over ten bins of equal width of |positives - scores| / rows.

    (Naeini, Cooper & Hauskrecht 2015, of the positive class's probability.)
    """
    del metric, confidence
    if isinstance(sample, ScoreSums):
        return _level(sample.excess, sample.rows)
    return level(sample, np.ones(sample.rows))


def level(sample: Ranked, weight: Floats) -> Level:
    """The same of rows with weights, shape (rows,)."""
    order = np.argsort(sample.challenger)  # sums are then the same in whatever order rows come
    score, weight = sample.challenger[order], weight[order]
    bins = np.minimum((score * BINS).astype(np.int64), BINS - 1)
    positives = np.bincount(bins, weight * sample.positive[order], BINS)
    expected = np.bincount(bins, weight * score, BINS)
    return _level(np.subtract(positives, expected, dtype=float), float(weight.sum()))


def _level(excess: Floats, rows: float) -> Level:
    error = float(np.abs(excess).sum() / rows)
    return Level(value=error, interval=Unmeasured(reason=NO_ERROR))
