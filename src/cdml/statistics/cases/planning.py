"""How many cases, trials and human labels a margin needs, at the lowest cost.

The variance of a difference of two models on N cases with T trials is (B + W / T) / N
(`variance_split`), so at a price per case and per trial the best T is near
sqrt(W / B · price of a case / price of a trial) (Cochran 1977, *Sampling Techniques*, 10.6). With n
labelled cases among N, a judge whose differences correlate with people's by ρ leaves the variance
V / n · (1 - ρ² (1 - n/N)) (PPI++: Angelopoulos, Duchi & Zrnic 2023), so the best share of labelled
cases is near sqrt((1 - ρ²) / ρ² · price of a case / price of a label).
"""

import math
from dataclasses import dataclass

from cdml.statistics.interval import Unmeasured
from cdml.statistics.sample_size import error_needed

MOST_TRIALS = 100
_LEAST_SHARE = 0.001
"""Of labelled cases; a judge that is always right would need none."""
_NO_COST = Unmeasured(reason="a plan needs prices of at least 0, of which one is above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """In any unit; `trial` is one trial of both models, with the judge's call."""

    case: float
    trial: float
    label: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to bring, and its price.

    Attributes:
        cases: in all.
        trials: of each case, per model.
        labels: cases that people label; 0 where the plan needs none.
        cost: in the unit of the prices.
    """

    cases: int
    trials: int
    labels: int
    cost: float


def plan_trials(
    between: float, within: float, margin: float, confidence: float, prices: Prices
) -> Plan | Unmeasured:
    """The cheapest cases and trials that prove an equal model within the margin, at 80 % power.

    `between` and `within` are those of `VarianceSplit`.
    """
    if not (prices.case >= 0 and prices.trial >= 0 and prices.case + prices.trial > 0):
        return _NO_COST
    error = error_needed(margin, confidence)
    if error is None or not between + within > 0:
        return Unmeasured(reason="a plan needs a margin above 0 and cases that vary")
    plans = [
        _plan(math.ceil((between + within / trials) / error**2), trials, 0, prices)
        for trials in range(1, MOST_TRIALS + 1)
    ]
    return min(plans, key=lambda plan: (plan.cost, plan.trials))


def plan_labels(
    variance: float,
    correlation: float,
    trials: int,
    margin: float,
    confidence: float,
    prices: Prices,
) -> Plan | Unmeasured:
    """The cheapest cases and labels that do so for a judge corrected by labels.

    `variance` is of a case's difference as people score it, `correlation` that of their differences
    with the judge's; a judge that contradicts people is worth nothing.
    """
    per_case = prices.case + trials * prices.trial
    if not (per_case >= 0 and prices.label >= 0 and per_case + prices.label > 0):
        return _NO_COST
    error = error_needed(margin, confidence)
    if error is None or not variance > 0 or not correlation <= 1:
        return Unmeasured(reason="a plan needs a margin above 0 and cases that vary")
    explained = max(0.0, correlation) ** 2
    share = 1.0
    if explained > 0 and prices.label > 0:
        share = min(1.0, math.sqrt((1 - explained) / explained * per_case / prices.label))
    share = max(share, _LEAST_SHARE)
    labels = math.ceil(variance * (1 - explained * (1 - share)) / error**2)
    return _plan(math.ceil(labels / share), trials, labels, prices)


def _plan(cases: int, trials: int, labels: int, prices: Prices) -> Plan:
    cost = cases * (prices.case + trials * prices.trial) + labels * prices.label
    return Plan(cases=cases, trials=trials, labels=labels, cost=cost)
