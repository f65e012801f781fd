"""Means of a loss per row, and what else the moments of the errors tell: RMSE and R²."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from cdml.statistics.difference import Level, Paired, level
from cdml.statistics.interval import Unmeasured
from cdml.statistics.samples import Floats, Moments
from cdml.statistics.skewed_means import Linear

FEW_ROWS = 200
"""With fewer rows than this, the two-sided interval of a mean is corrected for skewness too."""

TOO_SMALL = (
    "the figures or errors are so close to 0 (squares and other figures below 1e-90) that they"
    " cannot be told apart"
)

Statistic = Callable[[Floats], Floats]
"""From means, shape (..., k), to the values of challenger and champion, shape (..., 2)."""


def compare(metric: str, sample: Moments) -> Paired | Unmeasured:
    """Two models by the mean of a loss, by RMSE or by R²."""
    if problem := _problem(metric, sample, figures=4 if metric in _STATISTICS else 2):
        return problem
    return _compared(metric, sample)


def measure(metric: str, sample: Moments, confidence: float) -> Level | Unmeasured:
    """One model by the mean of a loss, by RMSE or by R²; a champion in the sample is left out."""
    figures = 4 if metric in _STATISTICS else 2
    near_perfection = _against_perfection(sample, models=sample.mean.size - figures + 2)
    if problem := _problem(metric, near_perfection, figures=figures):
        return problem
    paired = _compared(metric, near_perfection)
    return paired if isinstance(paired, Unmeasured) else level(paired, confidence)


def _compared(metric: str, sample: Moments) -> Paired | Unmeasured:
    challenger, champion = (float(value) for value in statistic(metric)(sample.mean))
    if not (math.isfinite(challenger) and math.isfinite(champion)):
        return Unmeasured(reason=f"{metric} has no value: the labels are all the same")
    return Paired(challenger=challenger, champion=champion, difference=_difference(metric, sample))


def statistic(metric: str) -> Statistic:
    """The function of the means of the figures that a metric is."""
    return _STATISTICS.get(metric, _means)


def gradient(metric: str, mean: Floats) -> Floats:
    """Its derivatives by those means, shape (2, k)."""
    return _GRADIENTS[metric](mean) if metric in _GRADIENTS else np.eye(2)


def _difference(metric: str, sample: Moments) -> Linear:
    challenger, champion = (float(value) for value in statistic(metric)(sample.mean))
    slopes = gradient(metric, sample.mean)
    third = np.einsum("ai,bj,ck,ijk", slopes, slopes, slopes, sample.third, optimize=True)
    published = sample.rows - 1 if metric not in _GRADIENTS and sample.rows >= FEW_ROWS else None
    return Linear(
        challenger=challenger,
        champion=champion,
        covariance=slopes @ sample.covariance @ slopes.T / sample.rows,
        third=third / sample.rows**2,
        rows=sample.rows,
        method="delta" if metric in _GRADIENTS else "skew-t" if published is None else "paired-t",
        df=sample.rows - 1,
        published=published,
    )


def _problem(metric: str, sample: Moments, *, figures: int) -> Unmeasured | None:
    if sample.mean.shape != (figures,):
        return Unmeasured(reason=f"{metric} needs {figures} figures per row")
    if np.isnan(sample.mean).all():
        return Unmeasured(reason=TOO_SMALL)
    if not (np.isfinite(sample.mean).all() and np.isfinite(sample.covariance).all()):
        return Unmeasured(reason=f"{metric} is not a finite number on every row")
    if sample.rows <= 1:
        return Unmeasured(reason=f"a single row cannot show how {metric} varies")
    return None


def _against_perfection(sample: Moments, *, models: int) -> Moments:
    """The model and one that makes no error, from which its distance is then measured."""
    alone = np.delete(np.eye(sample.mean.size), slice(1, models), axis=0)
    figures = np.insert(alone, 1, 0.0, axis=0)
    return replace(
        sample,
        mean=figures @ sample.mean,
        covariance=figures @ sample.covariance @ figures.T,
        third=np.einsum("ai,bj,ck,ijk", figures, figures, figures, sample.third, optimize=True),
    )


def _means(mean: Floats) -> Floats:
    return mean[..., :2]


def _rmse(mean: Floats) -> Floats:
    return np.sqrt(mean[..., :2])


def _r2(mean: Floats) -> Floats:
    variance = mean[..., 3] - mean[..., 2] ** 2
    usable = np.where(variance > 1e-12 * mean[..., 3], variance, np.nan)
    return 1 - mean[..., :2] / usable[..., None]


def _rmse_gradient(mean: Floats) -> Floats:
    rmse = np.sqrt(mean[:2])
    slopes = np.divide(0.5, rmse, out=np.zeros(2), where=rmse > 0)
    return np.hstack((np.diag(slopes), np.zeros((2, 2))))


def _r2_gradient(mean: Floats) -> Floats:
    variance = mean[3] - mean[2] ** 2
    by_variance = mean[:2] / variance**2
    return np.column_stack((np.eye(2) * (-1 / variance), by_variance * (-2 * mean[2]), by_variance))


_STATISTICS = {"root_mean_squared_error": _rmse, "r2": _r2}
_GRADIENTS = {"root_mean_squared_error": _rmse_gradient, "r2": _r2_gradient}
