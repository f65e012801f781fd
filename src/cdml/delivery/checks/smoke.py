"""The smoke check before traffic: the requests go to the very server that is going to serve."""

from collections.abc import Sequence

from cdml.config import Config
from cdml.delivery.checks import smoke_cases as rules
from cdml.delivery.checks.smoke_cases import (
    MALFORMED,
    Case,
    NoPredictions,
    Replies,
    SmokeCheck,
    SmokeTolerances,
)
from cdml.delivery.target import ServerAnswer, SplittingTarget
from cdml.errors import ServiceError
from cdml.journal.records import Release
from cdml.statistics import metrics
from cdml.statistics.metrics import Statistic


def run_smoke_test(
    target: SplittingTarget, release: Release, cases: Sequence[Case], limits: SmokeTolerances
) -> tuple[SmokeCheck, ...]:
    """Ask a staged release what is known, something it must refuse, and how long it takes.

    A server that does not answer is a check that failed, not an error. The first case, whose first
    request is the one that warms up, is sent again to measure latency.
    """
    replies = [(case, _send_case(target, release, case.body, limits)) for case in cases]
    malformed = _send_case(target, release, MALFORMED, limits)
    times: list[float] = []
    if cases and limits.latency_ms is not None:
        first = cases[0]
        times = [_seconds(target, release, first, limits) for _ in range(limits.requests)]
    return rules.judge_replies(
        Replies(cases=replies, malformed=malformed, latencies=tuple(times)), limits
    )


def smoke_tolerances(config: Config) -> SmokeTolerances:
    """The limits that a configuration requires: the lowest `at_most` of its latency gates."""
    latencies = (
        gate.at_most
        for gate in config.gates
        if gate.at_most is not None
        and (metric := metrics.find_metric(gate.metric)) is not None
        and metric.family.reads is Statistic.TIMINGS
    )
    return SmokeTolerances(latency_ms=min(latencies, default=None))


def _seconds(
    target: SplittingTarget, release: Release, case: Case, limits: SmokeTolerances
) -> float:
    reply = _send_case(target, release, case.body, limits)
    try:
        rules.predictions(reply, case.rows)
    except NoPredictions:
        return float("inf")
    return reply.seconds


def _send_case(
    target: SplittingTarget, release: Release, body: bytes, limits: SmokeTolerances
) -> ServerAnswer:
    try:
        return target.send_request(release, body, timeout=limits.timeout)
    except ServiceError as error:
        return ServerAnswer(status=None, body=error.message.encode())
