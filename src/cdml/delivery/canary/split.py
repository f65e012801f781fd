"""Whether the traffic is split as configured: the sample-ratio check.

Requests go to the challenger with chance w(1 ± t), w: the configured weight, t: a tolerance for
weights that a balancer rounds. Both sides are tested as in `mixture`: more than w(1 + t), fewer
than w(1 - t). A balancer that takes turns splits more evenly than chance, which only makes false
alarms rarer; clients that stick to a server come in bursts, which temper the evidence.
Fabijan et al. 2019, Diagnosing sample ratio mismatch in online controlled experiments, KDD.
"""

import math
from dataclasses import dataclass, field, replace

from cdml.delivery.canary.events import Strict, Totals
from cdml.delivery.canary.mixture import FALLS, RISES, log_costs, log_evidence, log_mean, log_ratios


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Strict):
    """The requests of both servers while one weight was in force.

    Attributes:
        weight: the share of requests that the challenger was to have, in [0, 1].
        given: requests of both, and as its events those that the challenger was given.
    """

    weight: float
    given: Totals = field(default_factory=Totals)

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 1:
            raise ValueError(f"a weight lies between 0 and 1, got {self.weight}")


def add(
    steps: tuple[Step, ...], weight: float, *, requests: int, challenger: int
) -> tuple[Step, ...]:
    """With one window more.

    Args:
        steps: one a weight, in the order they came.
        weight: in force all through the window.
        requests: of both servers.
        challenger: those of them that the challenger was given.
    """
    known = next((step for step in steps if step.weight == weight), None)
    step = known or Step(weight=weight)
    more = replace(step, given=step.given.add(requests, challenger))
    return tuple(more if one is known else one for one in steps) + (() if known else (more,))


def mismatch(steps: tuple[Step, ...], tolerance: float) -> float:
    """The logarithm of the evidence that requests are not split as they should be.

    Args:
        steps: what was given.
        tolerance: t, relative to the weight.
    """
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
