"""How often a challenger that is exactly as bad as the margin allows is let through, and power.

    python benchmarks/coverage.py --replicates 20000

Nominal is 5 %. Accuracy (Tango) is enumerated exactly; the rest is simulated: rows drawn from
models whose true difference is known, the margin set to it, and the one-sided 95 % bound of
`cdml.statistics` asked whether it lies beyond. Power is that of the same rows with the whole
difference moved by one margin: to twice the margin (how often that is caught), and to none (how
often that passes). Seeded; prints docs/statistics.md's table.
"""

import argparse
import math
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
from latencies import LATENCIES
from scenarios import SCENARIOS as OF_ROWS
from scenarios import Scenario

from cdml.statistics.difference import Side
from cdml.statistics.engine import compare
from cdml.statistics.interval import Unmeasured
from cdml.statistics.metrics import Metric, find_metric
from cdml.statistics.proportions import Tango

ROWS = (50, 100, 200, 1000)
POWER_ROWS = (200, 1000)
"""For so many rows power is printed."""
NOMINAL = 0.05
SCENARIOS = (*OF_ROWS, *LATENCIES)
RESAMPLES = 2000
MARGINS = (0.01, 0.02, 0.05, 0.1)
DIFFER = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3)
"""Shares of rows, beyond the margin, on which just one of the models is right."""
TRUTH_ROWS = 250_000
TRUTH_BATCHES = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Of the replicates with so many rows.

    Attributes:
        passed: a loss of just the margin is let through.
        caught: a loss of twice the margin is proven.
        equal: a model that is as good as the champion passes.
    """

    passed: float
    caught: float
    equal: float


def truth(scenario: Scenario, metric: str) -> float:
    """The difference itself, of so many rows that its error does not show."""
    random = np.random.default_rng(2)
    found = []
    for _ in range(TRUTH_BATCHES):
        paired = compare(_known(metric), scenario.draw(random, TRUTH_ROWS), resamples=2)
        assert not isinstance(paired, Unmeasured)
        found.append(paired.challenger - paired.champion)
    return float(np.mean(found))


def simulated(scenario: Scenario, metric: str, replicates: int) -> tuple[str, list[Shares]]:
    """The method, and what comes of the replicates for each number of rows."""
    margin, found = truth(scenario, metric), _known(metric)
    kept, harm = Side.LOWER, Side.UPPER
    if not found.greater_is_better:
        kept, harm = harm, kept
    methods, shares = set(), []
    for rows in ROWS:
        random = np.random.default_rng([rows, len(metric)])
        below = np.zeros(3)
        for _ in range(replicates):
            paired = compare(found, scenario.draw(random, rows), resamples=RESAMPLES)
            if not isinstance(paired, Unmeasured):
                of = paired.difference
                methods.add(of.method)
                claims = ((kept, margin), (harm, 0.0), (kept, 2 * margin))
                below += [of.p_value(side, against) < NOMINAL for side, against in claims]
        passed, caught, equal = (float(share) for share in below / replicates)
        shares.append(Shares(passed=passed, caught=caught, equal=equal))
    return ", ".join(sorted(methods)), shares


def tango(differing: float, margin: float) -> list[Shares]:
    """The same where the challenger's accuracy is exactly so much lower, exactly."""
    return [
        Shares(
            passed=_chance_of(rows, differing + margin, margin, Side.LOWER, margin),
            caught=_chance_of(rows, differing + 2 * margin, 2 * margin, Side.UPPER, margin),
            equal=_chance_of(rows, differing + margin, 0.0, Side.LOWER, margin),
        )
        for rows in ROWS
    ]


def _chance_of(rows: int, differing: float, lower: float, side: Side, margin: float) -> float:
    """That a claim is made of the margin where accuracy is so much lower."""
    gain, loss = (differing - lower) / 2, (differing + lower) / 2
    log = [math.lgamma(n + 1) for n in range(rows + 1)]
    total = 0.0
    for gained, lost in _likely(rows, gain, loss):
        agreed = rows - gained - lost
        p = Tango(both=agreed, gained=gained, lost=lost, rows=rows).p_value(side, -margin)
        if p < NOMINAL:
            chance = log[rows] - log[gained] - log[lost] - log[agreed]
            chance += lost * math.log(loss) + agreed * math.log(1 - differing)
            total += math.exp(chance + (gained * math.log(gain) if gained else 0.0))
    return total


def _likely(rows: int, gain: float, loss: float) -> Iterator[tuple[int, int]]:
    """Counts within eight standard deviations; the rest weighs less than 1e-14."""

    def span(chance: float) -> range:
        reach = 8 * math.sqrt(rows * chance) + 8
        middle = rows * chance
        return range(max(0, math.floor(middle - reach)), math.ceil(middle + reach) + 1)

    for gained in span(gain) if gain else (0,):
        yield from ((gained, lost) for lost in span(loss) if gained + lost <= rows)


def _known(name: str) -> Metric:
    metric = find_metric(name)
    assert metric is not None
    return metric


def _line(metric: str, method: str, name: str, shares: list[Shares]) -> str:
    at = dict(zip(ROWS, shares, strict=True))
    passed = [f"{100 * share.passed:.1f}" for share in shares]
    caught = " / ".join(f"{100 * at[rows].caught:.0f}" for rows in POWER_ROWS)
    equal = " / ".join(f"{100 * at[rows].equal:.0f}" for rows in POWER_ROWS)
    return f"| {' | '.join((metric, method, name, *passed, caught, equal))} |"


def _simulated(job: tuple[int, str, int]) -> tuple[str, list[Shares]]:
    index, metric, replicates = job
    method, shares = simulated(SCENARIOS[index], metric, replicates)
    return _line(metric, method, SCENARIOS[index].name, shares), shares


def _worst(of_each: list[list[Shares]]) -> list[Shares]:
    """The worst of several, for each number of rows."""
    return [
        Shares(
            passed=max(one.passed for one in at_rows),
            caught=min(one.caught for one in at_rows),
            equal=min(one.equal for one in at_rows),
        )
        for at_rows in zip(*of_each, strict=True)
    ]


def main() -> None:
    """Print the table, and the worst figure of each kind."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--replicates", type=int, default=20_000)
    options.add_argument("--only", help="a metric, or the models of a line")
    options.add_argument("--processes", type=int, default=2)
    chosen = options.parse_args()
    at = " / ".join(f"{rows:,}" for rows in POWER_ROWS)
    heads = [*(f"n = {rows}" for rows in ROWS), f"caught, {at}", f"equal passes, {at}"]
    print(f"| metric | method | models | {' | '.join(heads)} |")
    print("|---|---|---|" + "---:|" * len(heads))
    worst = {"enumerated": 0.0, "simulated": 0.0}
    if chosen.only in {None, "accuracy"}:
        for margin in MARGINS:
            of_each = [tango(more, margin) for more in DIFFER]
            shares = _worst(of_each)
            worst["enumerated"] = max(worst["enumerated"], *(one.passed for one in shares))
            print(_line("accuracy", "tango", f"margin {margin:g}, worst", shares), flush=True)
    jobs = [
        (index, metric, chosen.replicates)
        for index, scenario in enumerate(SCENARIOS)
        for metric in scenario.metrics
        if chosen.only in {None, metric, scenario.name}
    ]
    with ProcessPoolExecutor(chosen.processes) as pool:
        for line, shares in pool.map(_simulated, jobs):
            worst["simulated"] = max(worst["simulated"], *(one.passed for one in shares))
            print(line, flush=True)
    print()
    print(", ".join(f"worst {kind}: {100 * share:.2f} %" for kind, share in worst.items()))


if __name__ == "__main__":
    main()
