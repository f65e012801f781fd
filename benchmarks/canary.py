"""How often the judge of a canary is wrong, and how long it takes: by simulation.

    python benchmarks/canary.py --canaries 2000

Each line is so many canaries whose traffic is drawn minute by minute and looked at every minute;
the first look that decides, decides. All canaries of a line go through the judge's formulas at
once, in arrays; some of them also go through the judge itself, look by look, which has to decide
the same at the same minute. Seeded; prints the tables of docs/rollouts.md.
"""

import argparse
import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from cdml.delivery.canary.judge import FEWEST_WINDOWS, judge_canary
from cdml.delivery.canary.mixture import FALLS, RISES
from cdml.delivery.canary.rules import CanaryTolerances
from cdml.delivery.canary.state import CanaryState, observe_window
from cdml.delivery.canary.traffic import Answers, Latencies, Window
from cdml.delivery.rollout.state_machine import Decision

Array = np.ndarray
HOUR, LONG = 60, 12 * 60
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
ERRORS_ONLY = CanaryTolerances(timeout_seconds=1e9)
ALL = replace(ERRORS_ONLY, latency_limit_ms=50.0)
CHECKED = 12


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """Two servers whose rates are known.

    Attributes:
        name: for people.
        champion, challenger: errors a request.
        slow: answers beyond the limit, of each.
        burst: how many errors come together, all at one server and in one minute.
        outages: the chance that in a minute half of all requests fail, at both servers alike.
        turns: whether the balancer takes turns, or tosses a coin for each request.
    """

    name: str
    champion: float
    challenger: float
    slow: tuple[float, float] = (0.03, 0.03)
    burst: int = 1
    outages: float = 0.0
    turns: bool = False


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Drawn, shape (canaries, minutes): requests of each server, and how many were bad."""

    asked: tuple[Array, Array]
    errors: tuple[Array, Array]
    slow: tuple[Array, Array]


def draw(of: Scenario, canaries: int, minutes: int, traffic: int, weight: float) -> Counts:
    random = np.random.default_rng([canaries, minutes, traffic, round(1000 * weight), of.burst])
    shape = (canaries, minutes)
    mine = np.full(shape, round(traffic * weight))
    if not of.turns:
        mine = random.binomial(traffic, weight, shape)
    asked = (traffic - mine, mine)
    outage = random.random(shape) < of.outages
    errors, slow = [], []
    for requests, rate, slowness in zip(asked, (of.champion, of.challenger), of.slow, strict=True):
        if of.burst == 1:
            bad = random.binomial(requests, np.where(outage, np.maximum(rate, 0.5), rate))
        else:
            bad = np.minimum(requests, of.burst * random.poisson(requests * rate / of.burst))
        errors.append(bad)
        slow.append(random.binomial(requests - bad, slowness))
    return Counts(asked=asked, errors=tuple(errors), slow=tuple(slow))


def dispersion(requests: Array, events: Array) -> Array:
    """As `Totals.dispersion`, at every look."""

    def total(values: Array) -> Array:
        return np.cumsum(np.where(requests > 0, values, 0.0), axis=1)

    n, k = total(requests), total(events)
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = k / n
        variance = rate * (1 - rate)
        freedom = total(np.ones_like(n)) - 1
        found = (total(events**2 / np.maximum(requests, 1)) - k * rate) / variance / freedom
    return np.where((freedom > 0) & (variance > 0), np.maximum(found, 1.0), 1.0)


def evidence(alternatives: tuple[float, ...], hits: Array, trials: Array, chance: Array) -> Array:
    """The logarithm of each ratio at every look, shape (POINTS, canaries, minutes)."""
    m = np.array(alternatives)[:, None, None]
    return np.cumsum(hits * np.log(m) - trials * np.log1p(chance * (m - 1)), axis=2)


def mixed(ratios: Array, bursts: Array) -> Array:
    tempered = np.where(ratios > 0, ratios / bursts, ratios)
    highest = tempered.max(axis=0)
    return highest + np.log(np.exp(tempered - highest).mean(axis=0))


def of_events(
    asked: tuple[Array, Array], bad: tuple[Array, Array], rules: CanaryTolerances, rate: float
):
    """Evidence of harm and of non-inferiority at every look."""
    champion, challenger = asked
    both = bad[0] + bad[1]
    bursts = np.maximum(dispersion(champion, bad[0]), dispersion(challenger, bad[1]))

    def share(ratio: float) -> Array:
        return ratio * challenger / np.maximum(ratio * challenger + champion, 1e-300)

    sides = []
    for m, ratio in ((RISES, rules.harm_ratio), (FALLS, rules.tolerated_ratio)):
        by_ratio = mixed(evidence(m, bad[1], both, share(ratio)), bursts)
        by_rate = mixed(evidence(m, bad[1], challenger, np.array(rate)), bursts)
        sides.append((by_ratio, by_rate))
    return np.minimum(*sides[0]), np.logaddexp(*sides[1]) - math.log(2)


def of_split(asked: tuple[Array, Array], weight: float, rules: CanaryTolerances) -> Array:
    both = asked[0] + asked[1]
    bursts = dispersion(both, asked[1])
    each = [
        mixed(evidence(m, asked[1], both, np.array(min(1.0, weight * (1 + side)))), bursts)
        for m, side in ((RISES, rules.split_tolerance), (FALLS, -rules.split_tolerance))
    ]
    return np.logaddexp(*each) - math.log(2)


def decide(counts: Counts, weight: float, rules: CanaryTolerances) -> tuple[Array, Array]:
    """The minute (from 1) of the first decision of each canary, 0 for none; whether it is harm."""
    kinds = [of_events(counts.asked, counts.errors, rules, rules.tolerated_error_rate)]
    if rules.latency_limit_ms is not None:
        timed = tuple(n - k for n, k in zip(counts.asked, counts.errors, strict=True))
        kinds.append(of_events(timed, counts.slow, rules, rules.tolerated_slow_rate))
    enough = np.cumsum(counts.asked[1] > 0, axis=1) >= FEWEST_WINDOWS
    harm = enough & np.any([h >= rules.harm_threshold for h, _ in kinds], axis=0)
    safe = enough & np.all([s >= rules.promote_threshold for _, s in kinds], axis=0)
    safe &= of_split(counts.asked, weight, rules) < rules.harm_threshold
    decided = harm | safe
    first = np.where(decided.any(axis=1), decided.argmax(axis=1) + 1, 0)
    return first, harm[np.arange(len(first)), np.maximum(first, 1) - 1] & (first > 0)


def check(
    counts: Counts, weight: float, rules: CanaryTolerances, first: Array, harm: Array
) -> None:
    """The judge itself decides the same, look by look."""
    for canary in range(min(CHECKED, len(first))):
        state, minute, outcome = CanaryState(rules=rules), 0, Decision.HOLD
        while outcome == Decision.HOLD and minute < counts.asked[0].shape[1]:
            answers = [
                _answers(
                    *(
                        int(of[side][canary, minute])
                        for of in (counts.asked, counts.errors, counts.slow)
                    )
                )
                for side in (0, 1)
            ]
            since = BEGIN + timedelta(minutes=minute)
            window = Window(
                since=since,
                until=since + timedelta(minutes=1),
                champion=answers[0],
                challenger=answers[1],
            )
            state, minute = observe_window(state, window, weight=weight), minute + 1
            outcome = judge_canary(state, elapsed_seconds=0).outcome
        told = (0 if outcome == Decision.HOLD else minute, outcome == Decision.ROLLBACK)
        assert told == (first[canary], harm[canary]), (told, first[canary], harm[canary])


def _answers(requests: int, errors: int, slow: int) -> Answers:
    times = [10.0] * (requests - errors - slow) + [100.0] * slow
    return Answers(requests=requests, errors=errors, latencies=Latencies.from_milliseconds(times))


def run(
    of: Scenario, canaries: int, minutes: int, traffic: int, weight: float, rules: CanaryTolerances
):
    counts = draw(of, canaries, minutes, traffic, weight)
    first, harm = decide(counts, weight, rules)
    check(counts, weight, rules, first, harm)
    return first, harm


HEALTHY = (
    Scenario(name="0.1 % errors", champion=0.001, challenger=0.001),
    Scenario(name="1 % errors", champion=0.01, challenger=0.01),
    Scenario(name="30 % errors", champion=0.3, challenger=0.3),
    Scenario(
        name="1 % errors, the balancer takes turns", champion=0.01, challenger=0.01, turns=True
    ),
    Scenario(name="1 % errors, in bursts of 5", champion=0.01, challenger=0.01, burst=5),
    Scenario(name="1 % errors, in bursts of 20", champion=0.01, challenger=0.01, burst=20),
    Scenario(name="1 % errors, and outages of both", champion=0.01, challenger=0.01, outages=0.05),
)
HARMFUL = (
    Scenario(name="1 % → 2 % errors", champion=0.01, challenger=0.02),
    Scenario(name="0.1 % → 1 % errors", champion=0.001, challenger=0.01),
    Scenario(name="every request fails", champion=0.001, challenger=1.0),
    Scenario(name="5 % → 10 % slow answers", champion=0.001, challenger=0.001, slow=(0.05, 0.1)),
)
SAFE = (
    Scenario(name="no errors at all", champion=0.0, challenger=0.0),
    Scenario(name="0.1 % errors", champion=0.001, challenger=0.001),
    Scenario(name="1 % errors", champion=0.01, challenger=0.01),
    Scenario(name="5 % errors", champion=0.05, challenger=0.05),
)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--canaries", type=int, default=2_000)
    canaries = options.parse_args().canaries
    places = [(traffic, weight) for traffic in (100, 1_000) for weight in (0.1, 0.5)]
    head = " | ".join(f"{traffic:,}/min at {100 * weight:.0f} %" for traffic, weight in places)

    def table(title: str, scenarios, cell) -> None:
        print(f"\n{title}\n\n| | {head} |\n|---|" + "---:|" * len(places))
        for of in scenarios:
            cells = [cell(of, *place) for place in places]
            print(f"| {of.name} | {' | '.join(cells)} |", flush=True)

    def alarms(of, traffic, weight) -> str:
        _, harm = run(of, canaries, HOUR, traffic, weight, ALL)
        return f"{100 * np.mean(harm):.2f} %"

    def timed(wanted: bool):
        def cell(of, traffic, weight) -> str:
            first, harm = run(of, canaries, HOUR, traffic, weight, ALL)
            right = (first > 0) & (harm == wanted)
            power = np.mean(right)
            if power <= 0.5:  # the median lies beyond the hour
                first, harm = run(of, canaries // 10, LONG, traffic, weight, ALL)
                right = (first > 0) & (harm == wanted)
            median = np.median(np.where(right, first, np.inf))
            told = f"{median:.0f} min" if np.isfinite(median) else f"> {LONG // 60} h"
            return f"{100 * power:.1f} %, {told}"

        return cell

    table("False alarms within an hour", HEALTHY, alarms)
    table("Rolled back within an hour, and median time", HARMFUL, timed(wanted=True))
    table("Promoted within an hour, and median time", SAFE, timed(wanted=False))

    def wrongly(of, traffic, weight) -> str:
        first, harm = run(of, canaries, HOUR, traffic, weight, ERRORS_ONLY)
        return f"{100 * np.mean((first > 0) & ~harm):.2f} %"

    table("Wrongly promoted within an hour", HARMFUL[:2], wrongly)


if __name__ == "__main__":
    main()
