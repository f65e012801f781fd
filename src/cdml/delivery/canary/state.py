"""What the judge of a canary knows: few figures, from which a resumed run goes on."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from cdml.delivery.canary import rules as split
from cdml.delivery.canary.events import CanaryModel, Events
from cdml.delivery.canary.rules import CanaryTolerances
from cdml.delivery.canary.traffic import Answers, Window


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryState(CanaryModel):
    """All that the judge knows, in few figures: what a resumed run goes on from."""

    rules: CanaryTolerances
    until: datetime | None = None  # where the next window begins
    requests: int = 0
    unreadable: int = 0
    errors: Events = field(default_factory=Events)
    slow: Events = field(default_factory=Events)  # beyond the limit, of answers that were no errors
    steps: tuple[split.WeightPeriod, ...] = ()

    def __post_init__(self) -> None:
        if not (self.requests >= 0 and self.unreadable >= 0):
            raise ValueError("counts are at least 0")


def observe_window(
    canary: CanaryState, window: Window, *, weight: float, settled: bool = True
) -> CanaryState:
    """What is known after one window more, in all of which the challenger was to have `weight`.

    `settled` is False for the window in which the weight was changed, whose split is of neither.

    Raises:
        ValueError: the window overlaps what was seen already, or the weight is none.
    """
    if canary.until is not None and not window.since >= canary.until:
        raise ValueError(f"the window begins at {window.since}, before {canary.until}")
    if not 0 <= weight <= 1:
        raise ValueError(f"a weight lies between 0 and 1, got {weight}")
    rules, champion, challenger = canary.rules, window.champion, window.challenger
    ratios = {"harm_ratio": rules.harm_ratio, "tolerated_ratio": rules.tolerated_ratio}
    slow = canary.slow
    if rules.latency_limit_ms is not None:
        limit = rules.latency_limit_ms
        slow = slow.add(_slow(champion, limit), _slow(challenger, limit), **ratios)
    steps = canary.steps
    if settled:
        steps = split.add(steps, weight, requests=window.requests, challenger=challenger.requests)
    return replace(
        canary,
        until=window.until,
        requests=canary.requests + window.requests,
        unreadable=canary.unreadable + window.unreadable,
        errors=canary.errors.add(
            (champion.requests, champion.errors),
            (challenger.requests, challenger.errors),
            **ratios,
        ),
        slow=slow,
        steps=steps,
    )


def _slow(answers: Answers, limit_ms: float) -> tuple[int, int]:
    return answers.latencies.requests, answers.latencies.above(limit_ms)
