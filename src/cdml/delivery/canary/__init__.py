"""The judge of a canary: whether a challenger that gets a share of the traffic may get it all.

    canary = Canary(rules=Rules(...))
    canary = observe(canary, window, weight=0.05)      # after every window of traffic
    judgement = judge(canary, elapsed_seconds=...)     # at any time

`CanaryState` is all that has to be kept between two looks.
"""

from cdml.delivery.canary.judge import (
    CanaryFinding,
    Judgement,
    canary_findings,
    judge_canary,
)
from cdml.delivery.canary.planning import Expectation, expectation, fewest, guardrail
from cdml.delivery.canary.rules import CanaryTolerances
from cdml.delivery.canary.state import CanaryState, observe_window
from cdml.delivery.canary.traffic import Answers, Latencies, Window

__all__ = [
    "Answers",
    "CanaryFinding",
    "CanaryState",
    "CanaryTolerances",
    "Expectation",
    "Judgement",
    "Latencies",
    "Window",
    "canary_findings",
    "expectation",
    "fewest",
    "guardrail",
    "judge_canary",
    "observe_window",
]
