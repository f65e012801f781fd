"""Sufficient statistics: all that a metric's sampling distribution needs to know of the rows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """How often each combination of label and predictions occurs.

    Attributes:
        classes: the class names, in the order of the codes.
        label, challenger, champion: codes of the occupied cells, shape (cells,); `champion`
            is None when one model is measured alone.
        count: rows in each cell, shape (cells,).
    """

    classes: tuple[str, ...]
    label: Codes
    challenger: Codes
    champion: Codes | None
    count: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Mean and covariance of a few figures per row.

    Attributes:
        rows: how many rows.
        mean: shape (k,).
        covariance: per row, ddof 1, shape (k, k); zeros for a single row.
        values: the figures themselves, shape (rows, k), kept only where rows are few.
    """

    rows: int
    mean: Floats
    covariance: Floats
    values: Floats | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """Scores that are compared by their order.

    Attributes:
        positive: whether the row is of the positive class, shape (rows,).
        challenger, champion: scores, shape (rows,); `champion` None for one model alone.
    """

    positive: NDArray[np.bool_]
    challenger: Floats
    champion: Floats | None
