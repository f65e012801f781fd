"""Windows of made-up traffic for the tests of the canary's judge."""

from datetime import UTC, datetime, timedelta

from cdml.delivery.canary.rules import CanaryTolerances
from cdml.delivery.canary.state import CanaryState, observe_window
from cdml.delivery.canary.traffic import Answers, Latencies, Window

BEGIN = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def answers(requests, errors=0, slow=0, *, fast_ms=10.0, slow_ms=100.0):
    """So many requests; those that are no errors are fast, `slow` of them slow."""
    fast = requests - errors - slow
    times = Latencies(upper_ms=(fast_ms, slow_ms), counts=(fast, slow))
    return Answers(requests=requests, errors=errors, latencies=times)


def window(champion, challenger, *, since=BEGIN, **words):
    return Window(
        since=since, until=since + MINUTE, champion=champion, challenger=challenger, **words
    )


def watched(minutes, *, rules=None, weight=0.1, canary=None, **words):
    """What is known after (champion, challenger) of each minute, as (requests, errors, slow)."""
    canary = canary or CanaryState(rules=rules or CanaryTolerances())
    for champion, challenger in minutes:
        since = canary.until or BEGIN
        seen = window(answers(*champion), answers(*challenger), since=since)
        canary = observe_window(canary, seen, weight=weight, **words)
    return canary
