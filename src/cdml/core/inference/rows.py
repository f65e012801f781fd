"""Figures of few rows, by resampling the rows themselves."""

from collections.abc import Callable

import numpy as np

from cdml.core.inference.resampled import Resampled, batches, defined, generator
from cdml.core.interval import Unmeasured
from cdml.core.sample import Floats

Statistic = Callable[[Floats], Floats]
"""From means, shape (..., k), to the values of challenger and champion, shape (..., 2)."""


def resampled(metric: str, values: Floats, statistic: Statistic) -> Resampled | Unmeasured:
    """The resampled difference of a function of the rows' means.

    Args:
        metric: for the seed and the reason.
        values: the figures, shape (rows, k); the challenger's first, then the champion's.
        statistic: the function; NaN where it has no value.
    """
    ordered, swapped = _canonical(values)
    rows = len(ordered)
    random = generator(metric.encode(), ordered.tobytes())
    if swapped:
        ordered = _swap(ordered)
    parts = [
        statistic(random.multinomial(rows, np.full(rows, 1 / rows), size=size) @ ordered / rows)
        for size in batches(rows)
    ]
    draws = defined(np.concatenate(parts))
    if draws is None:
        return Unmeasured(reason=f"{metric} has no value on many resamples of these {rows:,} rows")
    mean = ordered.mean(axis=0)
    estimate = statistic(mean)
    left_out = (mean * rows - ordered) / (rows - 1)
    return Resampled(
        challenger=float(estimate[0]),
        champion=float(estimate[1]),
        draws=draws,
        influence=estimate - statistic(left_out),
        weight=np.ones(rows),
    )


def _canonical(values: Floats) -> tuple[Floats, bool]:
    """The rows in an order that depends neither on theirs nor on which model is which."""
    plain, turned = _sorted(values), _sorted(_swap(values))
    swapped = turned.tobytes() < plain.tobytes()
    return (turned, True) if swapped else (plain, False)


def _sorted(values: Floats) -> Floats:
    return values[np.lexsort(values.T[::-1])] + 0.0  # -0.0 becomes 0.0


def _swap(values: Floats) -> Floats:
    return values[:, [1, 0, *range(2, values.shape[1])]]
