"""How often a challenger that is exactly as bad as the margin allows is let through.

    python benchmarks/coverage.py --replicates 20000

Nominal is 5 %. Accuracy (Tango) is enumerated exactly; the rest is simulated: rows drawn from
models whose true difference is known, the margin set to it, and the one-sided 95 % bound of
`cdml.core.inference` asked whether it lies beyond. Seeded; prints docs/statistics.md's table.
"""

import argparse
import math
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from latencies import LATENCIES

from cdml.core.inference import Side, compare
from cdml.core.inference.tango import Tango
from cdml.core.interval import Unmeasured
from cdml.core.metrics import Metric, find
from scenarios import SCENARIOS as OF_ROWS
from scenarios import Scenario

ROWS = (50, 100, 200, 1000)
NOMINAL = 0.05
SCENARIOS = (*OF_ROWS, *LATENCIES)
RESAMPLES = 2000
MARGINS = (0.01, 0.02, 0.05, 0.1)
DIFFER = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3)
"""Shares of rows, beyond the margin, on which just one of the models is right."""
TRUTH_ROWS = 1_000_000
TRUTH_BATCHES = 24


def truth(scenario: Scenario, metric: str) -> float:
    """The difference itself, of so many rows that its error does not show."""
    random = np.random.default_rng(2)
    found = []
    for _ in range(TRUTH_BATCHES):
        paired = compare(_known(metric), scenario.draw(random, TRUTH_ROWS), resamples=2)
        assert not isinstance(paired, Unmeasured)
        found.append(paired.challenger - paired.champion)
    return float(np.mean(found))


def false_passes(scenario: Scenario, metric: str, replicates: int) -> tuple[str, list[float]]:
    """The method, and for each number of rows the share of replicates that pass at the margin."""
    margin, found = truth(scenario, metric), _known(metric)
    side, methods, shares = Side.LOWER if found.greater_is_better else Side.UPPER, set(), []
    for rows in ROWS:
        random = np.random.default_rng([rows, len(metric)])
        passed = 0
        for _ in range(replicates):
            paired = compare(found, scenario.draw(random, rows), resamples=RESAMPLES)
            if not isinstance(paired, Unmeasured):
                methods.add(paired.difference.method)
                passed += paired.difference.p_value(side, margin) < NOMINAL
        shares.append(passed / replicates)
    return ", ".join(sorted(methods)), shares


def tango(differing: float, margin: float) -> list[float]:
    """The share that passes where the challenger's accuracy is exactly `margin` lower, exactly."""
    gain, loss = (differing - margin) / 2, (differing + margin) / 2
    shares = []
    for rows in ROWS:
        log = [math.lgamma(n + 1) for n in range(rows + 1)]
        total = 0.0
        for gained, lost in _likely(rows, gain, loss):
            agreed = rows - gained - lost
            p = Tango(both=agreed, gained=gained, lost=lost, rows=rows).p_value(Side.LOWER, -margin)
            if p < NOMINAL:
                chance = log[rows] - log[gained] - log[lost] - log[agreed]
                chance += lost * math.log(loss) + agreed * math.log(1 - differing)
                total += math.exp(chance + (gained * math.log(gain) if gained else 0.0))
        shares.append(total)
    return shares


def _likely(rows: int, gain: float, loss: float) -> Iterator[tuple[int, int]]:
    """Counts within eight standard deviations; the rest weighs less than 1e-14."""

    def span(chance: float) -> range:
        reach = 8 * math.sqrt(rows * chance) + 8
        middle = rows * chance
        return range(max(0, math.floor(middle - reach)), math.ceil(middle + reach) + 1)

    for gained in span(gain) if gain else (0,):
        yield from ((gained, lost) for lost in span(loss) if gained + lost <= rows)


def _known(name: str) -> Metric:
    metric = find(name)
    assert metric is not None
    return metric


def _line(metric: str, method: str, name: str, shares: list[float]) -> str:
    cells_ = " | ".join(f"{100 * share:.1f}" for share in shares)
    return f"| {metric} | {method} | {name} | {cells_} |"


def _simulated(job: tuple[int, str, int]) -> tuple[str, list[float]]:
    index, metric, replicates = job
    method, shares = false_passes(SCENARIOS[index], metric, replicates)
    return _line(metric, method, SCENARIOS[index].name, shares), shares


def main() -> None:
    """Print the table, and the worst figure of each kind."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--replicates", type=int, default=20_000)
    options.add_argument("--only", help="a metric, or the models of a line")
    options.add_argument("--processes", type=int, default=2)
    chosen = options.parse_args()
    print("| metric | method | models | " + " | ".join(f"n = {rows}" for rows in ROWS) + " |")
    print("|---|---|---|" + "---:|" * len(ROWS))
    worst = {"enumerated": 0.0, "simulated": 0.0}
    if chosen.only in {None, "accuracy"}:
        for margin in MARGINS:
            of_each = [tango(margin + more, margin) for more in DIFFER]
            shares = [max(at_rows) for at_rows in zip(*of_each, strict=True)]
            worst["enumerated"] = max(worst["enumerated"], *shares)
            print(_line("accuracy", "tango", f"margin {margin:g}, worst", shares), flush=True)
    jobs = [
        (index, metric, chosen.replicates)
        for index, scenario in enumerate(SCENARIOS)
        for metric in scenario.metrics
        if chosen.only in {None, metric, scenario.name}
    ]
    with ProcessPoolExecutor(chosen.processes) as pool:
        for line, shares in pool.map(_simulated, jobs):
            worst["simulated"] = max(worst["simulated"], *shares)
            print(line, flush=True)
    print()
    print(", ".join(f"worst {kind}: {100 * share:.2f} %" for kind, share in worst.items()))


if __name__ == "__main__":
    main()
