"""How far two distributions lie apart, from counts of the same bins alone.

With shares p (reference) and q (now) of the bins, missing values being one of them:

- psi: Σ (q - p)·ln(q / p), half a row added to every bin that is not empty on both sides, so that
  one that is empty on one stays finite.
- js: square root of the Jensen-Shannon divergence in bits, 0 to 1, with the same half rows.
- ks: the largest difference of the cumulated shares (Kolmogorov-Smirnov); of categories, which
  have no order, the largest difference of the shares of any set of them (total variation).
- wasserstein: ∫ |F - G| of the values that are there, in standard deviations of the reference,
  plus the change in the share of missing values; of categories, total variation, which is the
  same distance where all values lie equally far apart.
- cramers_v: √(χ²/n) of the table of both sides, as it would be with as many rows on both:
  √(½ Σ (p - q)² / (p + q)), 0 to 1. The plain one shrinks when one side is much the larger.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Literal

from cdml.data.drift.bins import Edges
from cdml.data.drift.profile import ColumnProfile

DistanceName = Literal["psi", "js", "ks", "wasserstein", "cramers_v"]
_MEAN_OF_KOLMOGOROV = 0.8687
"""√(π/2)·ln 2: the mean of the limit of √n·D, by which two samples of one distribution differ."""
_MEAN_OF_HALF_NORMAL = math.sqrt(2 / math.pi)
_FAR = 8e307


@dataclass(frozen=True, slots=True, kw_only=True)
class Distances:
    """What two sets of counts show, by every measure.

    `noise` is what to expect where both sides are drawn from one distribution; `chi2` Pearson's
    statistic of the table of both sides; `moved` ∫ |F - G| in the column's unit (seconds for
    times), None for categories.
    """

    values: Mapping[DistanceName, float]
    noise: Mapping[DistanceName, float]
    chi2: float
    moved: float | None


def distances(column: ColumnProfile, now: Sequence[int]) -> Distances | None:
    """Every measure of a column's counts against the reference's; None where a side has no rows."""
    before = column.counts
    n, m = sum(before), sum(now)
    if n == 0 or m == 0:
        return None
    p, q = [count / n for count in before], [count / m for count in now]
    filled = [(a, b) for a, b in zip(before, now, strict=True) if a + b > 0]
    psi, js = _smoothed(filled)
    noise = (len(filled) - 1) * (1 / n + 1 / m)
    pairs = [(a / n, b / m) for a, b in filled]
    v = math.sqrt(math.fsum((a - b) ** 2 / (a + b) for a, b in pairs) / 2)
    variation = math.fsum(abs(a - b) for a, b in pairs) / 2
    chance = math.sqrt(noise / (2 * math.pi))
    ks, ks_noise, shift, shift_noise, moved = variation, chance, variation, chance, None
    if isinstance(column.bins, Edges):
        ks = max(abs(a - b) for a, b in zip(accumulate(p), accumulate(q), strict=True))
        ks_noise = _MEAN_OF_KOLMOGOROV * math.sqrt(1 / n + 1 / m)
        line = _DistanceLine.from_profile(column)
        moved = line.distance(before, now)
        shift, shift_noise = line.scaled(before, now, moved, variation, chance)
    return Distances(
        values={"psi": psi, "js": js, "ks": ks, "wasserstein": shift, "cramers_v": v},
        noise={
            "psi": noise,
            "js": math.sqrt(noise / (8 * math.log(2))),
            "ks": ks_noise,
            "wasserstein": shift_noise,
            "cramers_v": math.sqrt(noise) / 2,
        },
        chi2=math.fsum((a * m - b * n) ** 2 / (n * m * (a + b)) for a, b in filled),
        moved=moved,
    )


def _smoothed(filled: Sequence[tuple[int, int]]) -> tuple[float, float]:
    """PSI and Jensen-Shannon distance of bins that either side fills."""
    half = 0.5 * len(filled)
    n, m = sum(a for a, _ in filled) + half, sum(b for _, b in filled) + half
    shares = [((a + 0.5) / n, (b + 0.5) / m) for a, b in filled]
    psi = math.fsum((q - p) * math.log(q / p) for p, q in shares)
    divergence = math.fsum(
        (p * math.log2(2 * p / (p + q)) + q * math.log2(2 * q / (p + q))) / 2 for p, q in shares
    )
    return psi, math.sqrt(max(divergence, 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class _DistanceLine:
    """The places of a column's bins.

    Values lie evenly between the ends of their bin, the outermost of which end where the reference
    does; where every value is an edge, they lie on it.
    """

    ends: tuple[float, ...]
    steps: bool

    @classmethod
    def from_profile(cls, column: ColumnProfile) -> "_DistanceLine":
        at = column.bins.at if isinstance(column.bins, Edges) else ()
        steps = isinstance(column.bins, Edges) and column.bins.each
        # The largest floats lie further apart than a float can say.
        at = tuple(min(max(one, -_FAR), _FAR) for one in at)
        if not at or steps:
            return cls(ends=at, steps=steps)
        low = at[0] if column.low is None else min(column.low, at[0])
        high = at[-1] if column.high is None else max(column.high, at[-1])
        return cls(ends=(max(low, -_FAR), *at, min(high, _FAR)), steps=False)

    def shares(self, counts: Sequence[int]) -> list[float]:
        """The share of what is there below every end; with steps, up to and with it."""
        present = counts[1:]
        total = sum(present)
        if total == 0:
            return [0.0] * len(self.ends)
        upto = [many / total for many in accumulate(present)]
        if self.steps:
            return [*upto[1:-2], 1.0] if self.ends else []
        return [0.0, *upto[:-1], 1.0] if self.ends else []

    def distance(self, before: Sequence[int], now: Sequence[int]) -> float:
        """∫ |F - G|; 0 where a side has only missing values."""
        if not sum(before[1:]) or not sum(now[1:]):
            return 0.0
        gaps = [a - b for a, b in zip(self.shares(before), self.shares(now), strict=True)]
        return self._integral(gaps)

    def _integral(self, gaps: Sequence[float]) -> float:
        widths = [high - low for low, high in pairwise(self.ends)]
        if self.steps:
            return math.fsum(abs(gap) * width for gap, width in zip(gaps, widths, strict=False))
        return math.fsum(
            _under(a, b) * width for (a, b), width in zip(pairwise(gaps), widths, strict=True)
        )

    def spread(self, counts: Sequence[int]) -> float:
        """The standard deviation; squares are taken of shares of the largest end."""
        unit = max(map(abs, self.ends), default=0.0) or 1.0
        upto = self.shares(counts)
        shares = [high - low for low, high in pairwise(upto)]
        if self.steps:
            places = [(end / unit, end / unit) for end in self.ends]
            shares = [*upto[:1], *shares]
        else:
            places = [(low / unit, high / unit) for low, high in pairwise(self.ends)]
        mean = math.fsum(s * (a + b) / 2 for s, (a, b) in zip(shares, places, strict=True))
        square = math.fsum(
            s * ((a - mean) ** 2 + (a - mean) * (b - mean) + (b - mean) ** 2) / 3
            for s, (a, b) in zip(shares, places, strict=True)
        )
        return math.sqrt(max(square, 0.0)) * unit

    def scaled(
        self, before: Sequence[int], now: Sequence[int], moved: float, variation: float,
        chance: float,
    ) -> tuple[float, float]:  # fmt: skip
        """The distance in standard deviations with missing values added, and its noise."""
        n, m = sum(before), sum(now)
        spread = self.spread(before) if sum(before[1:]) else 0.0
        if spread == 0:
            return variation, chance
        roots = [math.sqrt(max(f * (1 - f), 0.0)) for f in self.shares(before)]
        lost = before[0] / n
        deviation = self._integral(roots) / spread + math.sqrt(lost * (1 - lost))
        noise = deviation * _MEAN_OF_HALF_NORMAL * math.sqrt(1 / n + 1 / m)
        return moved / spread + abs(lost - now[0] / m), noise


def _under(start: float, end: float) -> float:
    """The mean of |x| where x runs straight from one value to the other."""
    if start * end >= 0:
        return (abs(start) + abs(end)) / 2
    return (start**2 + end**2) / (2 * (abs(start) + abs(end)))
