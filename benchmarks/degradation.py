"""How often monitoring raises a false alarm in a year, and how late a true one is: by simulation.

    python benchmarks/degradation.py --models 2000

Each line is so many models whose windows are days of 2,000 predictions, looked at every day. All
models of a line go through the test's formula at once, in arrays; some of them also go through the
test itself, day by day, which has to decide on the same day. Seeded; prints the tables of
docs/monitoring-power.md.
"""

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cdml.statistics.sequential.degradation import (
    CASH,
    MEMORY,
    ROW_FRACTIONS,
    SPREAD_ANEW,
    WINDOW_FRACTIONS,
    DegradationTest,
    WindowSums,
)

Array = np.ndarray
BOUND, ALPHA, YEAR, ROWS = 0.85, 0.01, 365, 2_000
SLICES = (800, 400, 300, 200, 120, 80, 60, 40)
"""Rows of a day in each slice; they add up to all rows."""
Z = 2.3263478740408408  # 1 % one-sided
CHECKED = 8


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """Days of predictions of which a share is right.

    Attributes:
        name: for people.
        spread: standard deviation of the days' true accuracy.
        weekend: how much the accuracy of a weekend differs from that of other days.
        weekend_rows: traffic of a weekend's day, as a share of the others'.
        lucky: chance of a day that is 10 points better than the others.
        memory: correlation of a day's deviation with that of the day before.
    """

    name: str
    spread: float = 0.0
    weekend: float = 0.0
    weekend_rows: float = 1.0
    lucky: float = 0.0
    memory: float = 0.0

    def draw(self, accuracy: Array, models: int, seed: int) -> tuple[Array, Array]:
        """Rows and right ones, shape (models, days); `accuracy` is the mean of rows, by day."""
        days = len(accuracy)
        random = np.random.default_rng([seed, models, days])
        return self._of_days(
            random, accuracy, ROWS, self._weekend(days), self._deviate(random, models, days)
        )

    def draw_slices(self, accuracy: Array, models: int, seed: int) -> tuple[Array, Array]:
        """The same for each of `SLICES`, shape (slices, models, days).

        Half of the variance of a slice's days is its own and half is that of all. Weekends are
        worse in every other slice, and better in those between.
        """
        days = len(accuracy)
        random = np.random.default_rng([seed, models, days, len(SLICES)])
        common = self._deviate(random, models, days)
        drawn = []
        for place, rows in enumerate(SLICES):
            deviation = (common + self._deviate(random, models, days)) / math.sqrt(2)
            season = self._weekend(days) * (1, -1)[place % 2]
            drawn.append(self._of_days(random, accuracy, rows, season, deviation))
        return np.stack([rows for rows, _ in drawn]), np.stack([right for _, right in drawn])

    def _weekend(self, days: int) -> Array:
        share = 2 * self.weekend_rows / (5 + 2 * self.weekend_rows)
        return self.weekend * ((np.arange(days) % 7 >= 5) - share)

    def _deviate(self, random: np.random.Generator, models: int, days: int) -> Array:
        deviation = random.normal(0, self.spread, (models, days))
        for day in range(1, days):
            deviation[:, day] += self.memory * deviation[:, day - 1]
        luck = 0.1 * ((random.random((models, days)) < self.lucky) - self.lucky)
        return deviation + luck

    def _of_days(
        self,
        random: np.random.Generator,
        accuracy: Array,
        rows: int,
        season: Array,
        deviation: Array,
    ) -> tuple[Array, Array]:
        true = np.clip(accuracy + season + deviation, 0, 1)
        weekend = np.arange(len(accuracy)) % 7 >= 5
        by_day = np.where(weekend, round(rows * self.weekend_rows), rows)
        every = np.broadcast_to(by_day, true.shape)
        return every, random.binomial(every, true)


TRAFFIC = (
    Traffic(name="independent rows"),
    Traffic(name="days differ (s.d. 1 point)", spread=0.01),
    Traffic(name="days differ (s.d. 3 points)", spread=0.03),
    Traffic(name="and each is like the day before (0.5)", spread=0.01, memory=0.5),
    Traffic(
        name="weekends 5 points worse, a quarter of the traffic",
        spread=0.01,
        weekend=-0.05,
        weekend_rows=0.25,
    ),
    Traffic(
        name="weekends 5 points better, a quarter of the traffic",
        spread=0.01,
        weekend=0.05,
        weekend_rows=0.25,
    ),
    Traffic(name="every twentieth day 10 points better", lucky=0.05),
)


def wealth(rows: Array, right: Array, *, independent: bool, ceiling: float = 1.0) -> Array:
    """log_e_value after each day, shape (models, days)."""
    fractions = np.array([0.0, *(ROW_FRACTIONS if independent else WINDOW_FRACTIONS)])
    first = np.array([CASH, *[(1 - CASH) / (len(fractions) - 1)] * (len(fractions) - 1)])
    shares, total = np.tile(first, (len(rows), 1)), np.zeros(len(rows))
    log = np.empty(rows.shape)
    squared = np.append(0.0, fractions[1:] + np.log1p(-fractions[1:]))
    for day in range(rows.shape[1]):
        n, mean = rows[:, day], np.minimum(right[:, day] / rows[:, day], ceiling)
        short = (BOUND - mean) / (ceiling - BOUND)
        if independent:
            squares = n * BOUND**2 + (1 - 2 * BOUND) * right[:, day]
            gains = fractions * (n * short)[:, None]
            gains += squared * (squares / (1 - BOUND) ** 2)[:, None]
        else:
            full = rows[:, max(0, day - MEMORY + 1) : day + 1].max(axis=1)
            gains = np.log1p(fractions * (n / full * short)[:, None])
        highest = gains.max(axis=1)
        parts = shares * np.exp(gains - highest[:, None])
        sums = parts.sum(axis=1)
        total = total + highest + np.log(sums)
        shares = (1 - SPREAD_ANEW) * parts / sums[:, None] + SPREAD_ANEW * first
        log[:, day] = total
    return log


def by_test(rows: Array, right: Array, *, alpha: float = ALPHA, **settings) -> Array:
    """The first day on which the test says that a model is degraded, 0 if none."""
    independent, ceiling = settings["independent"], settings.get("ceiling", 1.0)
    first = _first(wealth(rows, right, **settings) >= -math.log(alpha))
    for model in range(min(CHECKED, len(rows))):
        test = DegradationTest.start(
            bound=BOUND, alpha=alpha, ceiling=ceiling, independent_rows=independent
        )
        days = 0
        while not test.degraded and days < rows.shape[1]:
            good = float(right[model, days])
            test, days = test.observe(WindowSums(int(rows[model, days]), good, good)), days + 1
        assert (days if test.degraded else 0) == first[model], (days, first[model])
    return first


def below(rows: Array, right: Array) -> Array:
    """A threshold: the first day whose accuracy is more than one point below the bound."""
    return _first(right / rows < BOUND - 0.01)


def z_test(rows: Array, right: Array) -> Array:
    """A one-sided z-test of each day by itself, at 1 %."""
    return _first((right / rows - BOUND) / np.sqrt(BOUND * (1 - BOUND) / rows) < -Z)


def _first(alarms: Array) -> Array:
    return np.where(alarms.any(axis=1), alarms.argmax(axis=1) + 1, 0)


METHODS: dict[str, Callable[[Array, Array], Array]] = {
    "windows": lambda n, k: by_test(n, k, independent=False),
    "windows, ceiling 0.9": lambda n, k: by_test(n, k, independent=False, ceiling=0.9),
    "independent rows": lambda n, k: by_test(n, k, independent=True),
    "threshold": below,
    "daily z-test": z_test,
}


def false_alarms(traffic: Traffic, models: int, accuracy: float = BOUND) -> dict[str, float]:
    """By method the share of models that alarm within a year although they keep the bound."""
    rows, right = traffic.draw(np.full(YEAR, accuracy), models, seed=1)
    return {name: float(np.mean(method(rows, right) > 0)) for name, method in METHODS.items()}


def false_alarms_of_slices(
    traffic: Traffic, models: int, accuracy: float = BOUND
) -> dict[str, float]:
    """The share of models of which all rows, any slice, or either alarm within a year.

    All rows have one half of the chance and slices share the other, as in monitoring. Without
    sharing, each test has all of it.
    """
    rows, right = traffic.draw_slices(np.full(YEAR, accuracy), models, seed=3)
    every = rows.sum(axis=0), right.sum(axis=0)

    def alarms(method: Callable[[Array, Array], Array]) -> Array:
        return np.stack([method(n, k) > 0 for n, k in zip(rows, right, strict=True)]).any(axis=0)

    overall = by_test(*every, independent=False, alpha=ALPHA / 2) > 0
    shared = ALPHA / 2 / len(SLICES)
    sliced = alarms(lambda n, k: by_test(n, k, independent=False, alpha=shared))
    unshared = alarms(lambda n, k: by_test(n, k, independent=False)) | (
        by_test(*every, independent=False) > 0
    )
    found = {
        "all rows": overall,
        "any slice": sliced,
        "either": overall | sliced,
        "either, without sharing": unshared,
        "threshold": alarms(below) | (below(*every) > 0),
        "daily z-test": alarms(z_test) | (z_test(*every) > 0),
    }
    return {name: float(one.mean()) for name, one in found.items()}


def delays(
    traffic: Traffic, models: int, *, before: float, after: float, healthy: int
) -> dict[str, tuple[float, float]]:
    """By method the median day after the fall, and the share of alarms before it."""
    accuracy = np.concatenate([np.full(healthy, before), np.full(YEAR, after)])
    rows, right = traffic.draw(accuracy, models, seed=2)
    found = {}
    for name, method in METHODS.items():
        first = method(rows, right)
        early = (first > 0) & (first <= healthy)
        late = np.where(first == 0, np.inf, first - healthy)[~early]
        found[name] = (float(np.median(late)) if late.size else math.nan, float(early.mean()))
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--models", type=int, default=2_000)
    models = options.parse_args().models
    head = f"| {' | '.join(METHODS)} |\n|---|" + "---:|" * len(METHODS)
    for accuracy in (BOUND, BOUND + 0.01):
        print(f"\nFalse alarms in a year at an accuracy of {accuracy:g}\n\n| traffic {head}")
        for traffic in TRAFFIC:
            shares = false_alarms(traffic, models, accuracy).values()
            print(f"| {traffic.name} | {' | '.join(f'{s:.2%}' for s in shares)} |", flush=True)
    print(f"\nFalse alarms in a year with {len(SLICES)} slices\n")
    for place, traffic in enumerate(TRAFFIC):
        found = false_alarms_of_slices(traffic, models)
        if not place:
            print(f"| traffic | {' | '.join(found)} |\n|---|" + "---:|" * len(found))
        print(f"| {traffic.name} | {' | '.join(f'{s:.2%}' for s in found.values())} |", flush=True)
    for healthy in (0, 180):
        print(f"\nMedian days to the alarm, after {healthy} days at 0.87\n")
        print(f"| accuracy falls to {head}")
        for after in (0.84, 0.82, 0.8, 0.75, 0.7, 0.5):
            found = delays(TRAFFIC[1], models // 10, before=0.87, after=after, healthy=healthy)
            cells = [
                (f"{days:.0f}" if days < YEAR else "> 365")
                + (f" ({early:.0%} before)" if early >= 0.005 else "")
                for days, early in found.values()
            ]
            print(f"| {after:g} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
