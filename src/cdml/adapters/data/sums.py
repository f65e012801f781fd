"""Sums that are the same in whatever order the rows come: of whole numbers, never of floats.

A figure is summed twice: finely for its mean, and coarsely, together with its products, for the
covariance. Whole numbers make the covariance consistent in itself: of equal figures it is equal,
of a constant figure zero.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cdml.core.sample import Floats, Moments

_FINE_BITS = 50
_COARSE_BITS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """The sums of a few figures per row.

    Attributes:
        figures: SQL expressions.
        largest: their largest absolute values, or more.
    """

    figures: tuple[str, ...]
    largest: tuple[float, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Whole numbers per row, to be summed."""
        coarse = [
            _whole(f, s) for f, s in zip(self.figures, self._shifts(_COARSE_BITS), strict=True)
        ]
        fine = [_whole(f, s) for f, s in zip(self.figures, self._shifts(_FINE_BITS), strict=True)]
        products = [f"{coarse[i]} * {coarse[j]}" for i, j in self._pairs()]
        return (*fine, *coarse, *products)

    def moments(self, rows: int, sums: Sequence[int], values: Floats | None) -> Moments:
        """What the sums of `columns` over so many rows say."""
        count = len(self.figures)
        fine, coarse, products = sums[:count], sums[count : 2 * count], sums[2 * count :]
        mean = [
            math.ldexp(total / rows, -shift)
            for total, shift in zip(fine, self._shifts(_FINE_BITS), strict=True)
        ]
        shifts = self._shifts(_COARSE_BITS)
        covariance = np.zeros((count, count))
        if rows > 1:
            for (i, j), product in zip(self._pairs(), products, strict=True):
                exact = (rows * product - coarse[i] * coarse[j]) / (rows * (rows - 1))
                covariance[i, j] = covariance[j, i] = math.ldexp(exact, -shifts[i] - shifts[j])
        return Moments(rows=rows, mean=np.array(mean), covariance=covariance, values=values)

    def _shifts(self, bits: int) -> tuple[int, ...]:
        """By how many bits each figure is shifted to have so many in front of the point."""
        return tuple(bits - (math.frexp(largest)[1] if largest else 0) for largest in self.largest)

    def _pairs(self) -> list[tuple[int, int]]:
        count = len(self.figures)
        return [(i, j) for i in range(count) for j in range(i, count)]


def _whole(figure: str, shift: int) -> str:
    return f"TRY_CAST(round(({figure}) * {2.0**shift!r}) AS BIGINT)"
