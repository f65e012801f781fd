"""Before a canary begins: what limit its latencies have, and how long it will take."""

from dataclasses import replace
from datetime import datetime, timedelta

from cdml.config.delivery import CanarySettings as Settings
from cdml.config.traffic_steps import ALL, Ramp
from cdml.delivery.canary.planning import expectation, fewest, guardrail
from cdml.delivery.canary.rules import CanaryTolerances
from cdml.delivery.canary.traffic import Answers, Window
from cdml.delivery.ports import DeliveryPorts
from cdml.delivery.traffic import ServerLabels
from cdml.errors import CdmlError, ConfigurationError, InputError

LATELY = timedelta(minutes=2)
"""How far back the traffic is looked at for how long a decision takes."""
EARLIER = timedelta(minutes=10)
"""How far back where the champion's latencies are wanted."""
LISTEN = 10.0
"""Seconds it is listened to where nothing was kept of it, and between two counts of answers."""
PATIENCE = timedelta(minutes=2)
"""How long it is listened to until the champion's answers suffice."""
LEAST_MS = 1.0
"""The limit where the champion's own is 0: HAProxy's log knows whole milliseconds."""


def canary_tolerances(
    settings: Settings | None, ramp: Ramp, limit_ms: float | None
) -> CanaryTolerances:
    """What the configuration tolerates."""
    rules = CanaryTolerances(timeout_seconds=ramp.timeout)
    if settings is None:
        return rules
    return replace(
        rules,
        tolerated_ratio=settings.tolerated_ratio,
        tolerated_error_rate=settings.tolerated_error_rate,
        latency_limit_ms=limit_ms,
    )


def forecast_canary(
    settings: Settings | None, ramp: Ramp, ports: DeliveryPorts, *, since: datetime
) -> tuple[CanaryTolerances, str]:
    """What the judge of a canary tolerates; its limit and likely duration in a line.

    The champion's traffic is looked at once; before `since` its server's answers were another's.

    Raises:
        ConfigurationError: the traffic can never be read as it is configured.
        InputError: latencies are to be judged by the champion's, and those are not known.
        ServiceError: likewise, since nothing reports them.
    """
    factor = settings.latency_factor if settings else None
    try:
        fewest_requests = None if factor is None else fewest(CanaryTolerances().latency_quantile)
        seen, trouble = _seen(ports, since, fewest_requests), ""
    except ConfigurationError:
        raise  # what can never be read must be known before anything is touched
    except CdmlError as error:
        if settings and settings.latency_factor and settings.latency_limit_ms is None:
            raise
        seen, trouble = None, error.message
    answers = seen.champion if seen else Answers()
    limit, latencies = _limit(settings, answers)
    rules = canary_tolerances(settings, ramp, limit)
    if seen is None or answers.requests == 0:
        time = f"cannot be estimated: {trouble or 'no traffic was seen'}"
        return rules, f"{latencies}; the time to a decision {time}"
    return rules, f"{latencies}; {_time(rules, ramp, seen)}"


def _seen(ports: DeliveryPorts, since: datetime, fewest_requests: int | None) -> Window:
    """What the champion answered of late; where that is too little, what it answers next."""
    clock, traffic = ports.clock, ports.traffic
    slots = ServerLabels(champion=ports.target.observe().server or "-", challenger="<none>")
    begun = clock.now()
    back = max(begun - (LATELY if fewest_requests is None else EARLIER), since)
    seen = traffic.window(back, begun, slots) if back < begun else None
    if seen is not None and _enough(seen, fewest_requests):
        return seen
    with ports.progress.step("measuring the champion's traffic"):
        while True:
            last = clock.now()
            clock.sleep(LISTEN)
            more = traffic.window(last, clock.now(), slots)
            if seen is not None and seen.champion.requests:
                more = replace(
                    more, since=seen.since, champion=seen.champion.together(more.champion)
                )
            seen = more
            patient = fewest_requests is not None and clock.now() - begun < PATIENCE
            if _enough(seen, fewest_requests) or not patient:
                return seen


def _enough(seen: Window, fewest_requests: int | None) -> bool:
    requests, timed = seen.champion.requests, seen.champion.latencies.requests
    return bool(requests) if fewest_requests is None else timed >= fewest_requests


def _limit(settings: Settings | None, champion: Answers) -> tuple[float | None, str]:
    """The limit of latencies, and where it is from.

    Raises:
        InputError: only the champion's own could tell it, and does not.
    """
    fixed = settings.latency_limit_ms if settings else None
    factor = settings.latency_factor if settings else None
    share = CanaryTolerances().latency_quantile
    if factor is None:
        sentence = (
            f"{100 * share:g} % of the answers should be within {fixed:g} ms" if fixed else ""
        )
        return fixed, sentence or "latencies are not judged"
    own = guardrail(champion.latencies, quantile=share, factor=factor)
    requests = champion.latencies.requests
    if own is None:
        why = "they are above the histogram's last bucket"
        if requests < fewest(share):
            why = f"{requests:,} answers were measured, and at least {fewest(share):,} are needed"
        sentence = f"the champion's latencies give no limit: {why}"
        if fixed is None:
            raise InputError(
                f"deploy.canary.latency_factor: {sentence}.",
                "Deploy when there is more traffic, or set deploy.canary.latency_limit_ms.",
            )
    else:
        own = own or LEAST_MS
        sentence = (
            f"{factor:g} times the champion's latency is {own:g} ms, measured on {requests:,}"
            " answers"
        )
    limit = min(one for one in (own, fixed) if one is not None)
    return limit, f"{100 * share:g} % of the answers should be within {limit:g} ms ({sentence})"


def _time(rules: CanaryTolerances, ramp: Ramp, seen: Window) -> str:
    share = ramp.steps[-2] if len(ramp.steps) > 1 else ALL
    answers, a_minute = seen.champion, seen.champion.requests / (seen.seconds / 60)
    expected = expectation(
        rules,
        weight=share / ALL,
        requests_per_minute=a_minute,
        error_rate=answers.errors / answers.requests,
        minutes_between_looks=ramp.every / 60,
    )
    good, bad = _minutes(expected.promote), _minutes(expected.rollback)
    return (
        f"at {a_minute:,.0f} requests a minute, {share} % of them to the challenger: a version"
        f" as good as the champion is promoted {good}, one with {expected.times:g} times the"
        f" errors is aborted {bad}; the timeout is {ramp.timeout / 60:,.0f} min"
    )


def _minutes(minutes: float | None) -> str:
    if minutes is None:
        return "not within a month"
    return "within a minute" if minutes < 1 else f"in about {minutes:,.0f} min"
