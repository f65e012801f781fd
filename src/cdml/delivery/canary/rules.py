"""What a canary must not do, how sure its judge has to be, and the sample-ratio check.

The check tests whether traffic is split as configured. Requests go to the challenger with
probability w(1 ± t), where w is the configured weight and t a tolerance for weights that a balancer
rounds. Both sides are tested as in `mixture`: more than w(1 + t), fewer than w(1 - t). A balancer
that takes turns splits more evenly than chance, which only makes false alarms rarer; clients that
stick to a server come in bursts, which temper the evidence.
Fabijan et al. 2019, Diagnosing sample ratio mismatch in online controlled experiments, KDD.
"""

import math
from dataclasses import dataclass, field, replace

from cdml.delivery.canary.events import CanaryModel, Totals
from cdml.delivery.canary.mixture import FALLS, RISES, log_costs, log_evidence, log_mean, log_ratios


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryTolerances(CanaryModel):
    """What is tolerated, and how sure the judge has to be. Fixed before the first look."""

    tolerated_ratio: float = 2.0  # of the champion's rate of errors or slow answers, at least 1
    tolerated_error_rate: float = 0.001  # whatever the champion does; at 0 no errors never promote
    harm_ratio: float = 1.0  # what is no harm yet, from 1 to the tolerated
    latency_quantile: float = 0.95  # answers that should be within the limit, in (0, 1)
    latency_limit_ms: float | None = None  # such as `guardrail` finds; None: not judged
    split_tolerance: float = 0.1  # relative to the weight, in [0, 1)
    harm_alpha: float = 0.01  # chance of a false alarm, over all looks
    promote_alpha: float = 0.05  # chance of a false promotion, over all looks
    timeout_seconds: float = 3600.0

    def __post_init__(self) -> None:
        limit = self.latency_limit_ms
        right = {
            "tolerated_ratio": 1 <= self.tolerated_ratio < math.inf,
            "tolerated_error_rate": 0 <= self.tolerated_error_rate < 1,
            "harm_ratio": 1 <= self.harm_ratio <= self.tolerated_ratio,
            "latency_quantile": 0 < self.latency_quantile < 1,
            "latency_limit_ms": limit is None or 0 < limit < math.inf,
            "split_tolerance": 0 <= self.split_tolerance < 1,
            "harm_alpha": 0 < self.harm_alpha < 1,
            "promote_alpha": 0 < self.promote_alpha < 1,
            "timeout_seconds": 0 < self.timeout_seconds < math.inf,
        }
        wrong = [name for name, holds in right.items() if not holds]
        if wrong:
            raise ValueError(f"out of range: {', '.join(wrong)}")

    @property
    def tolerated_slow_rate(self) -> float:
        """Answers slower than the limit that the quantile allows."""
        return 1 - self.latency_quantile

    @property
    def harm_threshold(self) -> float:
        """The logarithm of the evidence that stops a canary; its tests share `harm_alpha`."""
        tests = 2 if self.latency_limit_ms is None else 3
        return math.log(tests / self.harm_alpha)

    @property
    def promote_threshold(self) -> float:
        """The logarithm of the evidence of non-inferiority that each part needs."""
        return math.log(1 / self.promote_alpha)


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightPeriod(CanaryModel):
    """The requests of both servers while one weight was in force."""

    weight: float  # the challenger's share of requests
    given: Totals = field(default_factory=Totals)  # its events: those of the challenger

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 1:
            raise ValueError(f"a weight lies between 0 and 1, got {self.weight}")


def add(
    steps: tuple[WeightPeriod, ...], weight: float, *, requests: int, challenger: int
) -> tuple[WeightPeriod, ...]:
    """With one window more, in all of which `weight` was in force; `requests` are those of both."""
    existing = next((step for step in steps if step.weight == weight), None)
    step = existing or WeightPeriod(weight=weight)
    more = replace(step, given=step.given.add(requests, challenger))
    return tuple(more if one is existing else one for one in steps) + (() if existing else (more,))


def mismatch(steps: tuple[WeightPeriod, ...], tolerance: float) -> float:
    """The logarithm of the evidence that requests are not split as they should be, within t."""
    if not steps:
        return 0.0
    hits = sum(step.given.events for step in steps)
    bursts = max(step.given.dispersion for step in steps)

    def side(alternatives: tuple[float, ...], factor: float) -> float:
        each = [
            log_costs(alternatives, step.given.requests, min(1.0, step.weight * factor))
            for step in steps
        ]
        costs = [math.fsum(one) for one in zip(*each, strict=True)]
        return log_evidence(log_ratios(alternatives, hits, costs), bursts)

    return log_mean((side(RISES, 1 + tolerance), side(FALLS, 1 - tolerance)))
