"""How often a gate on cases with several trials fails an equal model, passes a worse one, finds it.

    python benchmarks/trials.py --replicates 4000

Suites of 60 and 400 cases, three trials of each and model, an own chance of success for each case.
A challenger that is the champion itself (A/A), one that is worse by exactly the margin of 0.05 of
the range, and one that is worse by twice that. Beside cdml's bound: the difference of two averages
held against 0 and against the margin, as gates without an interval do. A verdict *flips* where two
runs of one comparison, with new trials, come to opposite verdicts. Seeded; prints the table of
docs/statistics.md.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cdml.statistics.cases.case_means import CaseMeans, compare_cases
from cdml.statistics.difference import Side
from cdml.statistics.interval import Unmeasured
from cdml.statistics.metrics import Range
from cdml.statistics.samples import Floats

SUITES = ((60, 3), (400, 3))
MARGIN = 0.05
CONFIDENCE = 0.95
Random = np.random.Generator


@dataclass(frozen=True, kw_only=True)
class Suite:
    """Cases of known chances, shape (cases,), and scores with these means over the range.

    `chances(random, cases, loss)` gives those of champion and challenger; their mean difference
    is the loss. `score(random, chance, trials)` has the shape (trials, cases).
    """

    name: str
    chances: Callable[[Random, int, float], tuple[Floats, Floats]]
    score: Callable[[Random, Floats, int], Floats]
    within: Range = Range(low=0.0, high=1.0)  # noqa: RUF009 - it is frozen

    def draw(self, random: Random, cases: int, trials: int, loss: float) -> tuple[Floats, Floats]:
        """Scores of challenger and champion, shapes (trials, cases)."""
        champion, challenger = self.chances(random, cases, loss)
        return (
            self.score(random, challenger, trials),
            self.score(random, champion, trials),
        )


def _uniform(random: Random, cases: int, loss: float) -> tuple[Floats, Floats]:
    champion = 0.2 + 0.8 * random.random(cases)
    return champion, champion - loss


def _ties(flaky: float, broken_to: float) -> Callable[[Random, int, float], tuple[Floats, Floats]]:
    """Most cases always pass or always fail; the loss falls on a few of those that pass."""

    def chances(random: Random, cases: int, loss: float) -> tuple[Floats, Floats]:
        kind = random.random(cases)
        steady = (random.random(cases) < 0.75).astype(float)
        champion = np.where(kind < flaky, random.random(cases), steady)
        share = loss / ((1 - broken_to) * 0.75 * (1 - flaky))
        breaks = (kind >= flaky) & (steady == 1) & (random.random(cases) < share)
        return champion, np.where(breaks, broken_to, champion)

    return chances


def _passes(random: Random, chance: Floats, trials: int) -> Floats:
    return (random.random((trials, len(chance))) < chance).astype(float)


def _shares(random: Random, chance: Floats, trials: int) -> Floats:
    inside = np.clip(chance, 1e-6, 1 - 1e-6)
    return random.beta(4 * inside, 4 * (1 - inside), (trials, len(chance)))


def _ratings(random: Random, chance: Floats, trials: int) -> Floats:
    return 1.0 + random.binomial(4, chance, (trials, len(chance)))


SUITES_OF_CASES = (
    Suite(name="every case is flaky", chances=_uniform, score=_passes),
    Suite(name="30 % flaky, the loss halves cases", chances=_ties(0.3, 0.5), score=_passes),
    Suite(name="5 % flaky, the loss breaks cases", chances=_ties(0.05, 0.0), score=_passes),
    Suite(name="none flaky, the loss breaks cases", chances=_ties(0.0, 0.0), score=_passes),
    Suite(name="scores between 0 and 1", chances=_uniform, score=_shares),
    Suite(
        name="ratings of 1 to 5, 30 % of cases vary",
        chances=_ties(0.3, 0.5),
        score=_ratings,
        within=Range(low=1.0, high=5.0),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """Shares of the runs of one comparison."""

    passed: float
    failed: float
    averages_failed: float
    averages_past_margin: float


def verdicts(suite: Suite, cases: int, trials: int, losses: float, replicates: int) -> Verdicts:
    """Of a challenger that is worse by so many margins."""
    margin = MARGIN * suite.within.width
    random = np.random.default_rng([cases, trials, round(10 * losses)])
    counts = np.zeros(4)
    for _ in range(replicates):
        challenger, champion = suite.draw(random, cases, trials, losses * MARGIN)
        paired = compare_cases("mean(score)", by_case(challenger), by_case(champion), suite.within)
        if isinstance(paired, Unmeasured):
            continue
        known = paired.difference
        counts += (
            known.bound(Side.LOWER, CONFIDENCE) > -margin,
            known.bound(Side.UPPER, CONFIDENCE) < -margin,
            paired.challenger < paired.champion,
            paired.challenger < paired.champion - margin,
        )
    passed, failed, averages, past_margin = counts / replicates
    return Verdicts(
        passed=passed, failed=failed, averages_failed=averages, averages_past_margin=past_margin
    )


def by_case(scores: Floats) -> CaseMeans:
    """From scores of the shape (trials, cases)."""
    trials, cases = scores.shape
    return CaseMeans.of_trials(np.tile(np.arange(cases), trials), scores.ravel(), cases)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--replicates", type=int, default=4000)
    replicates = options.parse_args().replicates
    print(
        "| cases × trials | suite | A/A fails | A/A passes | passes at the margin"
        " | fails at twice the margin | averages fail A/A | averages past the margin fail A/A |"
    )
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for cases, trials in SUITES:
        for suite in SUITES_OF_CASES:
            equal, at, twice = (
                verdicts(suite, cases, trials, losses, replicates) for losses in (0.0, 1.0, 2.0)
            )
            figures = (
                equal.failed,
                equal.passed,
                at.passed,
                twice.failed,
                equal.averages_failed,
                equal.averages_past_margin,
            )
            shown = " | ".join(f"{100 * figure:.1f}" for figure in figures)
            print(f"| {cases} × {trials} | {suite.name} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
