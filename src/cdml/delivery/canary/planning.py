"""Before a canary begins: what limit its latencies have, and how long it will take."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from cdml.delivery.canary.events import chance, harm, safe
from cdml.delivery.canary.judge import FEWEST_WINDOWS
from cdml.delivery.canary.mixture import FALLS, RISES, log_costs
from cdml.delivery.canary.rules import CanaryTolerances
from cdml.delivery.canary.traffic import Latencies

BEYOND = 10
"""Answers that have to lie beyond a quantile for it to be a guardrail."""
HORIZON = 60 * 24 * 30
"""Minutes after which a decision is not expected any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """Minutes from the first request on until a decision; None: not within `HORIZON`."""

    promote: float | None  # of a challenger as good as the champion
    rollback: float | None  # of one with `times` its rate of errors
    times: float


def fewest(quantile: float) -> int:
    """The answers it takes for a quantile, in (0, 1), to be a guardrail."""
    return math.ceil(round(BEYOND / (1 - quantile), 6))  # 1 - 0.9 is a little less than 0.1


def guardrail(champion: Latencies, *, quantile: float, factor: float) -> float | None:
    """The limit in milliseconds that a champion's own latencies lead to: `factor` times a quantile.

    They are of the time before the canary, when it had all traffic: of other requests than those
    that will be judged. Of a histogram the limit is the end of a bucket. None where fewer than
    `BEYOND` answers lie beyond the quantile, or the histogram does not reach so far.
    """
    if not champion.requests >= fewest(quantile):
        return None
    limit = factor * champion.quantile(quantile)
    if not math.isfinite(limit):
        return None
    if len(champion.upper_ms) and math.isinf(champion.upper_ms[-1]):
        limit = next(end for end in champion.upper_ms if end >= limit)
    return limit if math.isfinite(limit) else None


def expectation(
    rules: CanaryTolerances,
    *,
    weight: float,
    requests_per_minute: float,
    error_rate: float,
    times: float | None = None,
    minutes_between_looks: float = 1.0,
) -> Expectation:
    """How long errors will take to decide, near enough the median.

    It is when the evidence would suffice if all counts were as expected; latencies mostly decide
    sooner, since slow answers are more frequent. `weight` is the challenger's share of all
    requests, `error_rate` the champion's in [0, 1), and `times` (the tolerated ratio by default)
    how many times as many errors are to be rolled back.
    """
    times = rules.tolerated_ratio if times is None else times
    requests = weight * requests_per_minute
    others = requests_per_minute - requests
    worse = min(1.0, times * error_rate)

    def is_safe(minutes: float) -> bool:
        events = minutes * error_rate * requests_per_minute
        costs = log_costs(FALLS, events, chance(others, requests, rules.tolerated_ratio))
        hits = minutes * requests * error_rate
        evidence_of_safety = safe(hits, minutes * requests, costs, rules.tolerated_error_rate, 1.0)
        return evidence_of_safety >= rules.promote_threshold

    def is_harmful(minutes: float) -> bool:
        hits = minutes * requests * worse
        events = hits + minutes * others * error_rate
        costs = log_costs(RISES, events, chance(others, requests, rules.harm_ratio))
        evidence_of_harm = harm(hits, minutes * requests, costs, rules.tolerated_error_rate, 1.0)
        return evidence_of_harm >= rules.harm_threshold

    first = FEWEST_WINDOWS * minutes_between_looks
    return Expectation(
        promote=_reached(is_safe, first), rollback=_reached(is_harmful, first), times=times
    )


def _reached(is_reached: Callable[[float], bool], first: float) -> float | None:
    """The first minute at which it is shown, to 1 %; what is shown once stays so."""
    low, high = 0.0, first
    while not is_reached(high):
        if not high < HORIZON:
            return None
        low, high = high, 2 * high
    while high > first and high - low > high / 100:
        middle = (low + high) / 2
        low, high = (low, middle) if is_reached(middle) else (middle, high)
    return high
