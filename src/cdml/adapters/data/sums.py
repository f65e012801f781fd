"""Sums that are the same in whatever order the rows come: of whole numbers, never of floats.

A figure is summed twice: finely for its mean, and coarsely, together with its products, for the
covariance and the third moments. Whole numbers make the covariance consistent in itself: that of
equal figures is equal, that of a constant figure zero.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np

from cdml.core.sample import Moments

LARGEST = 1e90
"""A figure's cube still fits into a float."""
_SMALLEST = 1e-100
_FINE_BITS = 50
_COARSE_BITS = 30
_HALF = 1 << (_COARSE_BITS - 1)


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
    def width(self) -> int:
        """How many columns there are."""
        return len(columns({0: self}))

    def moments(self, rows: int, sums: Sequence[int]) -> Moments:
        """What the sums of `columns` over so many rows say."""
        count = len(self.figures)
        pairs, triples = _tuples(count, 2), _tuples(count, 3)
        fine, one = sums[:count], sums[count : 2 * count]
        after = 2 * count + len(pairs)
        two = dict(zip(pairs, sums[2 * count : after], strict=True))
        three = dict(zip(triples, sums[after:], strict=True))
        covariance, third = np.zeros((count,) * 2), np.zeros((count,) * 3)
        for at in np.ndindex(covariance.shape):
            i, j = sorted(at)
            exact = (rows * two[i, j] - one[i] * one[j]) / (rows * max(rows - 1, 1))
            covariance[at] = self._unscaled(exact, at)
        for at in np.ndindex(third.shape):
            i, j, k = sorted(at)
            if min(covariance[i, i], covariance[j, j], covariance[k, k]) > 0:
                mixed = one[i] * two[j, k] + one[j] * two[i, k] + one[k] * two[i, j]
                cubed = rows * rows * (three[i, j, k] << _COARSE_BITS) - rows * mixed
                exact = (cubed + 2 * one[i] * one[j] * one[k]) / rows**3
                third[at] = self._unscaled(exact, at)
        means = (
            math.ldexp(total / rows, -shift) for total, shift in zip(fine, self.fine, strict=True)
        )
        return Moments(rows=rows, mean=np.array(list(means)), covariance=covariance, third=third)

    def _unscaled(self, value: float, at: Sequence[int]) -> float:
        return math.ldexp(value, -sum(self.coarse[index] for index in at))

    @property
    def fine(self) -> tuple[int, ...]:
        """Bits that figures are shifted by for their mean."""
        return self._shifts(_FINE_BITS)

    @property
    def coarse(self) -> tuple[int, ...]:
        """Bits that figures are shifted by for their products."""
        return self._shifts(_COARSE_BITS)

    def _shifts(self, bits: int) -> tuple[int, ...]:
        """By how many bits each figure is shifted to have so many in front of the point."""
        return tuple(
            bits - (math.frexp(max(largest, _SMALLEST))[1] if largest else 0)
            for largest in self.largest
        )


def columns(sums: Mapping[int, Sums], code: str = "0") -> tuple[str, ...]:
    """Whole numbers per row, to be summed; each row on the scale of its group.

    Args:
        sums: of the same figures, by the group's code.
        code: SQL of a row's code.
    """
    figures = next(iter(sums.values())).figures
    fine = [
        _whole(figure, {group: one.fine[at] for group, one in sums.items()}, code)
        for at, figure in enumerate(figures)
    ]
    coarse = [
        _whole(figure, {group: one.coarse[at] for group, one in sums.items()}, code)
        for at, figure in enumerate(figures)
    ]
    twice = [f"{coarse[i]} * {coarse[j]}" for i, j in _tuples(len(figures), 2)]
    # A product of two is cut to the size of one, so that a third factor still fits.
    thrice = [
        f"((({coarse[i]} * {coarse[j]}) + {_HALF}) >> {_COARSE_BITS}) * {coarse[k]}"
        for i, j, k in _tuples(len(figures), 3)
    ]
    return (*fine, *coarse, *twice, *thrice)


def by_code(values: Mapping[int, float], code: str) -> str:
    """SQL of the value that belongs to a row's code."""
    if code == "0":
        return f"CAST({values[0]!r} AS DOUBLE)"
    listed = ", ".join(repr(values.get(group, 0.0)) for group in range(max(values) + 1))
    return f"CAST([{listed}] AS DOUBLE[])[{code} + 1]"


def _tuples(count: int, size: int) -> list[tuple[int, ...]]:
    """Which of so many figures are multiplied."""
    return list(combinations_with_replacement(range(count), size))


def _whole(figure: str, shifts: Mapping[int, int], code: str) -> str:
    factor = by_code({group: 2.0**shift for group, shift in shifts.items()}, code)
    return f"TRY_CAST(round(({figure}) * {factor}) AS BIGINT)"
