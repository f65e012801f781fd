"""Sufficient statistics: all that a metric's sampling distribution needs to know of the rows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Codes = NDArray[np.int64]
Flags = NDArray[np.bool_]

FEW_ROWS = 200
"""Below this many rows, moments travel with their rows, to be resampled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """How often each combination of label and predictions occurs.

    Attributes:
        classes: the class names, in the order of the codes; for a binary task exactly two,
            the positive class last (code 1), everything else counting as the other.
        label, challenger, champion: codes of the occupied cells, shape (cells,); `champion`
            is None when one model is measured alone.
        count: rows in each cell, shape (cells,).
    """

    classes: tuple[str, ...]
    label: Codes
    challenger: Codes
    champion: Codes | None
    count: Counts

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return int(self.count.sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Mean and covariance of a few figures per row.

    The figures are, in this order: for a metric of the family MEAN, the challenger's loss and
    (where two models are compared) the champion's; for the family MOMENTS, the same two squared
    errors (or the one), then the label less a constant (any; near their mean for precision), then
    the square of that.

    Attributes:
        rows: how many rows.
        mean: shape (k,).
        covariance: of the figures of a row, ddof 1, shape (k, k); zeros for a single row.
        values: the figures themselves, shape (rows, k), in any order; needed below `FEW_ROWS`
            rows, None above.
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

    positive: Flags
    challenger: Floats
    champion: Floats | None

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.positive)


@dataclass(frozen=True, slots=True, kw_only=True)
class OneVsRest:
    """Each class against all others, over the same rows in the same order.

    Attributes:
        classes: the scores of each class, and which rows are of it.
    """

    classes: tuple[Ranked, ...]

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.classes[0].rows if self.classes else 0


Sample = Cells | Moments | Ranked | OneVsRest
