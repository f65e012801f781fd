"""How often a challenger that is exactly as bad as the margin allows is let through.

    python benchmarks/coverage.py --replicates 20000

Nominal is 5 %. Accuracy (Tango) is enumerated exactly; the rest is simulated: rows drawn from
models whose true difference is known, the margin set to it, and the one-sided 95 % bound of
`cdml.core.inference` asked whether it lies beyond. Seeded; prints docs/statistics.md's table.
"""

import argparse
import math
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np

from cdml.core.inference import Side, compare
from cdml.core.inference.tango import Tango
from cdml.core.interval import Unmeasured
from cdml.core.metrics import Metric, find
from cdml.core.sample import Cells, Floats, Moments, Ranked, Sample

ROWS = (50, 100, 200, 1000)
NOMINAL = 0.05
RESAMPLES = 2000
MARGINS = (0.01, 0.02, 0.05, 0.1)
DIFFER = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3)
"""Shares of rows, beyond the margin, on which just one of the models is right."""
TRUTH_ROWS = 1_000_000
TRUTH_BATCHES = 24

Random = np.random.Generator
Draw = Callable[[Random, int], Sample]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """Two models of a known difference; `draw` gives the statistics of so many rows."""

    metrics: tuple[str, ...]
    name: str
    draw: Draw


def cells(chances: Floats, classes: int) -> Draw:
    """Joint cells of a table of chances, shape (label, challenger, champion)."""
    label, challenger, champion = np.indices(chances.shape).reshape(3, -1)

    def draw(random: Random, rows: int) -> Cells:
        count = random.multinomial(rows, chances.ravel())
        kept = count > 0
        return Cells(
            classes=tuple(map(str, range(classes))),
            label=label[kept],
            challenger=challenger[kept],
            champion=champion[kept],
            count=count[kept],
        )

    return draw


def binary(positives: float, right: tuple[float, float], flips: tuple[float, ...]) -> Draw:
    """A champion with (specificity, sensitivity), and the chances that the challenger differs.

    `flips`: right to wrong and wrong to right among negatives, the same among positives.
    """
    chances = np.zeros((2, 2, 2))
    for label, share in ((0, 1 - positives), (1, positives)):
        lost, gained = flips[2 * label : 2 * label + 2]
        hit, miss = share * right[label], share * (1 - right[label])
        chances[label, label, label] = hit * (1 - lost)
        chances[label, 1 - label, label] = hit * lost
        chances[label, label, 1 - label] = miss * gained
        chances[label, 1 - label, 1 - label] = miss * (1 - gained)
    return cells(chances, 2)


def multiclass(classes: int, right: float, lost: float, gained: float) -> Draw:
    """Classes of falling size; mistakes fall on the others alike."""
    size = 0.5 ** np.arange(classes)
    chances = np.zeros((classes, classes, classes))
    for label, share in enumerate(size / size.sum()):
        wrong = [code for code in range(classes) if code != label]
        each = 1 / len(wrong)
        chances[label, label, label] = share * right * (1 - lost)
        for code in wrong:
            chances[label, code, label] = share * right * lost * each
            chances[label, label, code] = share * (1 - right) * gained * each
            chances[label, code, code] = share * (1 - right) * (1 - gained) * each
    return cells(chances, classes)


def grouped(sizes: tuple[float, ...], rates: tuple[tuple[float, float], ...], noise: float) -> Draw:
    """Groups of these shares, in which the champion and the challenger say yes this often.

    The labels have nothing to do with it; `noise` is how often the challenger answers apart.
    """

    def draw(random: Random, rows: int) -> Cells:
        group = random.choice(len(sizes), rows, p=sizes)
        champion_rate, challenger_rate = np.array(rates).T
        level = random.random(rows)
        apart = np.where(random.random(rows) < noise, random.random(rows), level)
        label = random.random(rows) < 0.4
        said = np.stack(
            (group, label, apart < challenger_rate[group], level < champion_rate[group])
        ).astype(np.int64)
        found, count = np.unique(said, axis=1, return_counts=True)
        return Cells(
            classes=("other", "positive"),
            label=found[1],
            challenger=found[2],
            champion=found[3],
            count=count,
            groups=tuple(map(str, range(len(sizes)))),
            group=found[0],
        )

    return draw


def ranked(positives: float, distance: float, noise: float) -> Draw:
    """Normal scores `distance` apart, and a challenger that adds noise to them."""

    def draw(random: Random, rows: int) -> Ranked:
        positive = np.arange(rows) < round(rows * positives)
        score = positive * distance + random.normal(size=rows)
        return Ranked(
            positive=positive,
            challenger=score + noise * random.normal(size=rows),
            champion=score,
        )

    return draw


def losses(loss: str, scale: float, noise: float) -> Draw:
    """Logits of a calibrated champion; the challenger's are scaled (over-confident) or noisy."""

    def draw(random: Random, rows: int) -> Moments:
        positive = random.random(rows) < 0.3
        champion = np.where(positive, 0.4, -1.4) + 1.2 * random.normal(size=rows)
        challenger = scale * champion + noise * random.normal(size=rows)
        sign = np.where(positive, 1.0, -1.0)
        against = [-sign * logit for logit in (challenger, champion)]
        if loss == "log_loss":
            return Moments.of_rows(np.logaddexp(0, np.stack(against, axis=1)))
        return Moments.of_rows((1 / (1 + np.exp(-np.stack(against, axis=1)))) ** 2)

    return draw


def errors(metric: str, tails: float, scale: float) -> Draw:
    """Errors that are normal, or t where `tails` is finite, and a challenger's that are larger."""

    def draw(random: Random, rows: int) -> Moments:
        heavy = math.isfinite(tails)
        error = random.standard_t(tails, size=rows) if heavy else random.normal(size=rows)
        both = np.stack((scale * error + 0.3 * random.normal(size=rows), error), axis=1)
        if metric == "mean_absolute_error":
            return Moments.of_rows(np.abs(both))
        if metric == "mean_squared_error":
            return Moments.of_rows(both**2)
        label = 2 * random.normal(size=rows) + error
        return Moments.of_rows(np.column_stack((both**2, label, label**2)))

    return draw


CONFUSION = ("precision", "f1", "balanced_accuracy", "matthews_corrcoef")
RANKS = ("roc_auc", "average_precision")
FAIR = ("demographic_parity_difference", "equalized_odds_difference")
SQUARES = ("root_mean_squared_error", "r2")
SCENARIOS = (
    Scenario(
        metrics=CONFUSION,
        name="30 % positives, the challenger only loses",
        draw=binary(0.3, (0.9, 0.8), (0.03, 0.0, 0.1, 0.0)),
    ),
    Scenario(
        metrics=CONFUSION,
        name="50 % positives, loses and gains",
        draw=binary(0.5, (0.85, 0.85), (0.1, 0.2, 0.1, 0.2)),
    ),
    Scenario(
        metrics=CONFUSION,
        name="20 % positives, hardly differs",
        draw=binary(0.2, (0.95, 0.7), (0.01, 0.05, 0.05, 0.02)),
    ),
    Scenario(
        metrics=("f1_macro", "recall_macro"),
        name="4 classes, 53 to 7 %",
        draw=multiclass(4, 0.8, 0.1, 0.2),
    ),
    Scenario(
        metrics=FAIR,
        name="2 groups, gap 0.1 to 0.2",
        draw=grouped((0.6, 0.4), ((0.4, 0.45), (0.3, 0.25)), 0.2),
    ),
    Scenario(
        metrics=FAIR,
        name="2 groups, no gap to 0.1",
        draw=grouped((0.7, 0.3), ((0.3, 0.35), (0.3, 0.25)), 0.1),
    ),
    Scenario(
        metrics=FAIR,
        name="3 groups, gap 0.2 to 0.3",
        draw=grouped((0.5, 0.3, 0.2), ((0.5, 0.5), (0.4, 0.4), (0.3, 0.2)), 0.2),
    ),
    Scenario(metrics=RANKS, name="50 % positives, AUC 0.76", draw=ranked(0.5, 1.0, 0.5)),
    Scenario(metrics=RANKS, name="50 % positives, AUC 0.98", draw=ranked(0.5, 3.0, 0.5)),
    Scenario(metrics=RANKS, name="20 % positives, AUC 0.92", draw=ranked(0.2, 2.0, 0.5)),
    Scenario(metrics=("log_loss",), name="noisy", draw=losses("log_loss", 1.0, 0.7)),
    Scenario(metrics=("log_loss",), name="over-confident", draw=losses("log_loss", 1.6, 0.0)),
    Scenario(metrics=("brier_score_loss",), name="noisy", draw=losses("brier", 1.0, 0.7)),
    Scenario(metrics=("brier_score_loss",), name="over-confident", draw=losses("brier", 1.6, 0.0)),
    *(
        Scenario(metrics=(metric,), name=name, draw=errors(metric, tails, 1.1))
        for metric in ("mean_absolute_error", "mean_squared_error")
        for name, tails in (("normal errors", math.inf), ("t errors, df 5", 5.0))
    ),
    *(
        Scenario(metrics=SQUARES, name=name, draw=errors("r2", tails, 1.1))
        for name, tails in (("normal errors", math.inf), ("t errors, df 5", 5.0))
    ),
)


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
    options.add_argument("--only", help="a metric")
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
        if chosen.only in {None, metric}
    ]
    with ProcessPoolExecutor(chosen.processes) as pool:
        for line, shares in pool.map(_simulated, jobs):
            worst["simulated"] = max(worst["simulated"], *shares)
            print(line, flush=True)
    print()
    print(", ".join(f"worst {kind}: {100 * share:.2f} %" for kind, share in worst.items()))


if __name__ == "__main__":
    main()
