"""Sums that are the same in whatever order the rows come: of whole numbers, never of floats.

A figure is summed twice: finely for its mean, and coarsely, together with its products, for the
covariance and the third moments. Whole numbers make the covariance consistent in itself: that of
equal figures is equal, that of a constant figure zero.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, combinations_with_replacement

import numpy as np

from cdml.statistics.samples import Moments

LARGEST = 1e90
"""A figure's cube still fits into a float."""
_SMALLEST = 1e-100
_FINE_BITS = 50
_COARSE_BITS = 30
_HALF = 1 << (_COARSE_BITS - 1)
_LESS = 1 << (_FINE_BITS - _COARSE_BITS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactSums:
    """The sums of figures (SQL) per row, each at most its `largest`; `of` says what, by {x}."""

    figures: tuple[str, ...]
    largest: tuple[float, ...]
    template: str = "{x}"

    @property
    def wholes(self) -> tuple[str, ...]:
        """SQL of the whole number of each figure {x}."""
        return scaled({0: self}, "0")

    @property
    def width(self) -> int:
        count = len(self.figures)
        return 2 * count + len(_tuples(count, 2)) + len(_tuples(count, 3))

    def moments(self, rows: int, sums: Sequence[int]) -> Moments:
        """What the sums of `added` over so many rows say."""
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


def added(
    inner: str, stored: Sequence[str], wholes: Sequence[Sequence[str]]
) -> tuple[str, tuple[str, ...]]:
    """A query that holds what is to be summed, of x0, x1, ... in `inner`, and the expressions.

    Each step is a separate SELECT: an expression that stands in several sums would be reckoned
    as often. `wholes` make whole numbers of each x (see `ExactSums.wholes`), those together whose
    products are summed as well.
    """
    flat = list(enumerate(total for some in wholes for total in some))
    ends = list(accumulate(map(len, wholes)))
    numbered = [range(end - len(some), end) for end, some in zip(ends, wholes, strict=True)]
    twice = [pair for at in numbered for pair in combinations_with_replacement(at, 2)]
    thrice = [_equal_first(one) for at in numbered for one in combinations_with_replacement(at, 3)]
    # A figure is cut to its coarse size, and a product of two to that of one, so that a third
    # factor still fits.
    steps = (
        [f"TRY_CAST({total.replace('{x}', f'x{i}')} AS BIGINT) AS f{i}" for i, total in flat],
        [f"(f{i} + {_LESS // 2}) >> {_FINE_BITS - _COARSE_BITS} AS c{i}" for i, _ in flat],
        [f"c{i} * c{j} AS p{i}_{j}" for i, j in twice],
        [
            f"(p{i}_{j} + {_HALF}) >> {_COARSE_BITS} AS q{i}_{j}"
            for i, j in dict.fromkeys((i, j) for i, j, _ in thrice)
        ],
    )
    columns = list(stored)
    for step in steps:
        inner = f"SELECT {', '.join([*columns, *step])} FROM ({inner})"
        columns += [column.rpartition(" AS ")[2] for column in step]
    sums: list[str] = []
    for at in numbered:
        sums += (f"f{i}" for i in at)
        sums += (f"c{i}" for i in at)
        sums += (f"p{i}_{j}" for i, j in combinations_with_replacement(at, 2))
        sums += (
            f"q{i}_{j} * c{k}"
            for i, j, k in map(_equal_first, combinations_with_replacement(at, 3))
        )
    return inner, tuple(f"sum({one})" for one in sums)


def _equal_first(three: tuple[int, ...]) -> tuple[int, int, int]:
    """Three figures, equal ones first: squares serve for several products."""
    i, j, k = three
    return (j, k, i) if i != j == k else (i, j, k)


def scaled(sums: Mapping[int, ExactSums], code: str) -> tuple[str, ...]:
    """As `ExactSums.wholes` of the same figures, each row on the scale of its group's code."""
    shifts = {group: one.fine for group, one in sums.items()}
    first = next(iter(sums.values()))
    return tuple(
        f"({first.template}) * {by_code({g: 2.0 ** fine[at] for g, fine in shifts.items()}, code)}"
        for at in range(len(first.figures))
    )


def by_code(values: Mapping[int, float], code: str) -> str:
    """SQL of the value that belongs to a row's code."""
    if code == "0":
        return f"CAST({values[0]!r} AS DOUBLE)"
    listed = ", ".join(repr(values.get(group, 0.0)) for group in range(max(values) + 1))
    return f"CAST([{listed}] AS DOUBLE[])[{code} + 1]"


def _tuples(count: int, size: int) -> list[tuple[int, ...]]:
    return list(combinations_with_replacement(range(count), size))
