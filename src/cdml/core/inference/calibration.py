"""How far probabilities are from the shares that come true: a figure that is reported."""

import numpy as np

from cdml.core.inference.difference import Level
from cdml.core.interval import Unmeasured
from cdml.core.sample import Ranked

BINS = 10
NO_ERROR = (
    "it is a reported figure: it grows by chance alone where rows are few, so no interval of it is"
    " right; gate log_loss or brier_score_loss, which calibration moves too"
)


def compare(metric: str, sample: Ranked) -> Unmeasured:
    """Never."""
    del metric, sample
    return Unmeasured(reason=NO_ERROR)


def measure(metric: str, sample: Ranked, confidence: float) -> Level:
    """Expected calibration error: sum over ten bins of equal width of |positives - scores| / rows.

    (Naeini, Cooper & Hauskrecht 2015, of the positive class's probability.)
    """
    del metric, confidence
    order = np.argsort(sample.challenger)  # sums are then the same in whatever order rows come
    score = sample.challenger[order]
    bins = np.minimum((score * BINS).astype(np.int64), BINS - 1)
    positives = np.bincount(bins, sample.positive[order], BINS)
    expected = np.bincount(bins, score, BINS)
    error = float(np.abs(positives - expected).sum() / sample.rows)
    return Level(value=error, interval=Unmeasured(reason=NO_ERROR))
