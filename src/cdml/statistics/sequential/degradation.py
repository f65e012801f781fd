"""Whether a metric in production fell below its bound; the answer may be read after every window.

Figures lie in [0, 1], where 1 is good. H0 says that their mean is at least the bound m. The test
bets against H0: a bet λ = f / (1 - m) multiplies its wealth by 1 + λ (m - x) for a figure x. The
factor is never negative, and under H0 its mean is at most 1. Wealth is therefore an e-process: by
Ville's inequality it ever reaches 1 / α with a probability of at most α, however often one looks
and however the figures are distributed (Waudby-Smith & Ramdas 2024, Estimating means of bounded
random variables by betting, J. R. Stat. Soc. B 86:1).

The wealth is spread over several fractions f and cash. After each window a small share of it is
spread anew (fixed share: Herbster & Warmuth 1998, Machine Learning 32:151). This uses the past
alone, so the wealth remains an e-process. Cash survives months of good figures, so that a late fall
is found almost as soon as an early one.

**The figures.** Rows of one day mostly depend on each other: one cause makes many of them wrong. By
default a figure is therefore the mean of a window, and H0 says that each window's mean, given all
earlier windows, is expected to be at least m. In a season (a week) it is enough that the mean over
each season is: constant bets gain nothing from figures that balance out. A window counts by its
rows, to three digits, relative to the largest of the last `MEMORY` windows.

A window multiplies the wealth by at most 1 + (m - x) / (1 - m), the ratio of the error rates, so
detection takes at least log(1 / α) / log(error rate / tolerated error rate) windows. Two settings
shorten that. `independent_rows` makes each row a figure; if rows do depend on each other, there
will be false alarms. `ceiling` is the highest value that a window can have; then
λ = f / (ceiling - m).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

WINDOW_FRACTIONS = (0.9, 0.3)
"""Fractions f of the largest possible bet on a window."""
ROW_FRACTIONS = (0.5, 0.2, 0.08, 0.03, 0.012, 0.005, 0.002)
"""Fractions f of the largest possible bet on a row. Of thousands of rows, small bets win most."""
CASH = 0.5
"""Share of the wealth that is not bet, at first and of what is spread anew."""
SPREAD_ANEW = 0.01
"""Share of the wealth that is spread anew after each window."""
MEMORY = 7
"""Windows whose largest number of rows is that of a full window: a week of days."""
_HIGHEST = 1 - 1e-6  # a bound of 1 is tested as this one, which H0 implies
_ROUNDING = 1e-6
_STEPS = 60


@dataclass(frozen=True, slots=True)
class WindowSums:
    """The figures of one closed window, scaled to [0, 1] where 1 is good; at least one.

    `count` of them, their `sum`, and the sum of their squares. A metric with one value for each
    window, such as F1, is one figure.
    """

    count: int
    sum: float
    sum_of_squares: float

    def __post_init__(self) -> None:
        slack = _ROUNDING * max(self.count, 1)
        possible = (
            self.count >= 1
            and -slack <= self.sum <= self.count + slack
            and self.sum**2 / self.count - slack <= self.sum_of_squares <= self.sum + slack
        )
        if not possible:  # NaN too
            raise ValueError(f"{self} cannot be sums of figures between 0 and 1")

    @property
    def mean(self) -> float:
        """Their mean, in [0, 1]."""
        return min(max(self.sum / self.count, 0.0), 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Sums over figures x with weights w, from which those of w (m - x) follow for every m."""

    weights: float = 0.0  # Σ w
    figures: float = 0.0  # Σ w x
    squared_weights: float = 0.0  # Σ w²
    squared_figures: float = 0.0  # Σ w² x
    squares: float = 0.0  # Σ w² x²

    def add(self, other: "Moments") -> "Moments":
        """Those of both."""
        return Moments(
            weights=self.weights + other.weights,
            figures=self.figures + other.figures,
            squared_weights=self.squared_weights + other.squared_weights,
            squared_figures=self.squared_figures + other.squared_figures,
            squares=self.squares + other.squares,
        )

    @property
    def mean(self) -> float:
        """The weighted mean; 0.5 without figures."""
        return self.figures / self.weights if self.weights else 0.5

    def mirror(self, most: float) -> "Moments":
        """Those of most - x."""
        return Moments(
            weights=self.weights,
            figures=most * self.weights - self.figures,
            squared_weights=self.squared_weights,
            squared_figures=most * self.squared_weights - self.squared_figures,
            squares=max(0.0, self.shortfall(most)[1]),
        )

    def shortfall(self, bound: float) -> tuple[float, float]:
        """The sums of w (m - x) and of their squares."""
        squares = self.squared_weights * bound**2 - 2 * bound * self.squared_figures + self.squares
        return self.weights * bound - self.figures, max(0.0, squares)


@dataclass(frozen=True, slots=True, kw_only=True)
class DegradationTest:
    """The test after some windows; `observe` returns the next one.

    `degraded` alone decides, and stays. `log_e_value` is the logarithm of the wealth now. `lower`
    and `upper` are for display: they bound the mean of all figures since the start.
    """

    bound: float
    alpha: float
    ceiling: float
    independent_rows: bool
    shares: tuple[float, ...]  # of the wealth: cash first, then by fraction
    windows: int = 0
    log_e_value: float = 0.0
    degraded: bool = False
    counts: tuple[int, ...] = ()  # rows of the last windows, to three digits
    moments: Moments = Moments()

    def __post_init__(self) -> None:
        figures = (*self.shares, self.log_e_value, *asdict(self.moments).values())
        possible = 0 <= self.bound < self.ceiling <= 1 and 0 < self.alpha < 1
        if not (possible and all(map(math.isfinite, figures))):
            raise ValueError(f"{self} needs 0 <= bound < ceiling <= 1 and finite figures")
        if len(self.shares) != len(self.fractions) + 1:
            raise ValueError(f"{self} needs a share of the wealth for cash and for each fraction")

    @classmethod
    def start(
        cls, *, bound: float, alpha: float, ceiling: float = 1.0, independent_rows: bool = False
    ) -> Self:
        """The test of whether the mean is at least `bound`, before the first window.

        Args:
            bound: in [0, 1]. No figures can prove a mean below 0; 1 is tested as 0.999999.
            alpha: probability of a false alarm at any time. Several tests share one α.
            ceiling: the highest mean that a window can have; higher ones count as this.
            independent_rows: whether the rows of a window are independent of each other.
        """
        if independent_rows and ceiling != 1:
            raise ValueError("independent rows have no ceiling but 1")
        return cls(
            bound=min(bound, ceiling * _HIGHEST),
            alpha=alpha,
            ceiling=ceiling,
            independent_rows=independent_rows,
            shares=_first_shares(_fractions(independent_rows)),
        )

    @property
    def fractions(self) -> tuple[float, ...]:
        """The bets, as fractions of the largest possible one."""
        return _fractions(self.independent_rows)

    def observe(self, window: WindowSums) -> Self:
        """The test with one more closed window."""
        rows = int(float(f"{window.count:.3g}"))
        counts = (*self.counts, rows)[-MEMORY:]
        if self.independent_rows:
            added = _row_moments(window)
            gains = _gains(self.fractions, added, self.bound, self.ceiling)
        else:
            weight = rows / max(counts)
            figure = min(window.mean, self.ceiling)
            added = _window_moments(weight, figure)
            most = self.ceiling - self.bound
            shortfall = weight * (self.bound - figure) / most
            gains = tuple(math.log1p(fraction * shortfall) for fraction in self.fractions)
        gain, shares = _settle(self.shares, (0.0, *gains))
        log_e_value = self.log_e_value + gain
        first = _first_shares(self.fractions)
        return replace(
            self,
            shares=tuple(
                (1 - SPREAD_ANEW) * share + SPREAD_ANEW * anew
                for share, anew in zip(shares, first, strict=True)
            ),
            windows=self.windows + 1,
            log_e_value=log_e_value,
            degraded=self.degraded or log_e_value >= -math.log(self.alpha),
            counts=counts,
            moments=self.moments.add(added),
        )

    @property
    def upper(self) -> float:
        """The upper bound of the mean; wrong at any time with a probability of at most `alpha`."""
        return self._limit(self.moments, self.ceiling)

    @property
    def lower(self) -> float:
        """The lower bound, likewise."""
        return self.ceiling - self._limit(self.moments.mirror(self.ceiling), self.ceiling)

    def _limit(self, moments: Moments, most: float) -> float:
        """The smallest m, about, that wealth of fixed bets against a mean of m refutes.

        The wealth is that of `_gains`, a lower bound of the true one, which increases with m:
        what it refutes is refuted for every larger m too.
        """
        needed = -math.log(self.alpha)

        def refuted(m: float) -> bool:
            logs = _gains(self.fractions, moments, m, most)
            highest = max(logs)
            return (
                highest + math.log(sum(math.exp(x - highest) for x in logs) / len(logs)) >= needed
            )

        low, high = min(moments.mean, most), most
        for _ in range(_STEPS):
            middle = (low + high) / 2
            low, high = (low, middle) if middle < most and refuted(middle) else (middle, high)
        return high

    def to_json(self) -> dict[str, Any]:
        """The state: numbers that JSON keeps to the last digit, of a size that does not grow."""
        return asdict(self)

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Self:
        """The test of a state; ValueError if it is not one."""
        try:
            read = dict(state)
            read["shares"], read["counts"] = tuple(read["shares"]), tuple(read["counts"])
            read["moments"] = Moments(**read["moments"])
            return cls(**read)
        except (KeyError, TypeError) as error:
            raise ValueError(f"this is no state of a degradation test: {error}") from error


def _fractions(independent_rows: bool) -> tuple[float, ...]:
    return ROW_FRACTIONS if independent_rows else WINDOW_FRACTIONS


def _first_shares(fractions: Sequence[float]) -> tuple[float, ...]:
    return (CASH, *((1 - CASH) / len(fractions) for _ in fractions))


def _settle(shares: Sequence[float], gains: Sequence[float]) -> tuple[float, tuple[float, ...]]:
    """The logarithm of what the wealth is multiplied by, and the shares of it thereafter."""
    highest = max(gains)
    parts = [share * math.exp(gain - highest) for share, gain in zip(shares, gains, strict=True)]
    total = math.fsum(parts)
    return highest + math.log(total), tuple(part / total for part in parts)


def _row_moments(window: WindowSums) -> Moments:
    return Moments(
        weights=window.count,
        figures=window.sum,
        squared_weights=window.count,
        squared_figures=window.sum,
        squares=window.sum_of_squares,
    )


def _window_moments(weight: float, figure: float) -> Moments:
    return Moments(
        weights=weight,
        figures=weight * figure,
        squared_weights=weight**2,
        squared_figures=weight**2 * figure,
        squares=(weight * figure) ** 2,
    )


def _gains(
    fractions: Sequence[float], moments: Moments, m: float, most: float
) -> tuple[float, ...]:
    """At most the logarithm of what bets on figures up to `most` gain, of their moments alone.

    With z = (m - x) / (most - m) >= -1: log(1 + f z) >= f z + z² (f + log(1 - f)) (Fan, Grama & Liu
    2015, Exponential inequalities for martingales with applications, Electron. J. Probab. 20:1).
    """
    shortfall, squares = moments.shortfall(m)
    scale = most - m
    return tuple(
        fraction * shortfall / scale + squares / scale**2 * (fraction + math.log1p(-fraction))
        for fraction in fractions
    )
