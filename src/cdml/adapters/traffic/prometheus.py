"""Counts of requests that a Prometheus server keeps, through its HTTP API.

Raw samples of counters are requested and counted here: PromQL's `increase` extrapolates to the
ends of its range and gives fractions, which are no counts. A counter that falls was reset, and
what it has since is what was counted since. Where a series begins, it begins at 0: so does the
one of the first error, which would be missed otherwise.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import requests

from cdml.common.addresses import reveal
from cdml.config.traffic import PrometheusSettings
from cdml.delivery.canary.traffic import Answers, Latencies, Window
from cdml.delivery.traffic import ServerLabels
from cdml.errors import ConfigurationError, ServiceError

LOOKBACK = 300
"""Seconds before a window in which the last sample before it is looked for, as Prometheus does."""
_BAD_QUERY = (400, 422)
_UNAUTHORIZED = (401, 403)
_MILLI = 1000
SeriesSample = tuple[float, float]
SeriesPoint = tuple[str, float]
"""A slot, and the upper end of a bucket; infinite where all are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    """How much counters grew, by place; and how many series could not be read."""

    grown: Mapping[SeriesPoint, float]
    unreadable: int

    def total(self, slot: str) -> int:
        return round(self.grown.get((slot, math.inf), 0.0))


class PrometheusTraffic:
    """Queries a server for each window; its token, PROMETHEUS_TOKEN, is never printed."""

    def __init__(
        self,
        settings: PrometheusSettings,
        *,
        locate: Callable[[str], str],
        variables: Mapping[str, str],
        timeout: float = 10.0,
    ) -> None:
        del locate
        self._url, self._shown = (form(settings.url).rstrip("/") for form in (reveal, str))
        self._settings = settings
        self._timeout = timeout
        self._session = requests.Session()
        if token := variables.get("PROMETHEUS_TOKEN"):
            self._session.headers["Authorization"] = f"Bearer {token}"

    def window(self, since: datetime, until: datetime, slots: ServerLabels) -> Window:
        """See the port."""
        settings = self._settings
        counted = self._counted(settings.requests, since, until)
        failed = self._counted(settings.errors, since, until)
        timed = _Counted(grown={}, unreadable=0)
        if settings.latency is not None:
            timed = self._counted(settings.latency, since, until, label="le")
        named = (slots.champion, slots.challenger)
        unit = _MILLI if settings.latency_unit == "s" else 1
        champion, challenger = (_answers(slot, counted, failed, timed, unit) for slot in named)
        others = {slot for slot, _ in counted.grown} - set(named)
        return Window(
            since=since,
            until=until,
            champion=champion,
            challenger=challenger,
            elsewhere=sum(counted.total(slot) for slot in others),
            unreadable=counted.unreadable + failed.unreadable + timed.unreadable,
        )

    def close(self) -> None:
        """See the port."""
        self._session.close()

    def _counted(
        self, selector: str, since: datetime, until: datetime, label: str | None = None
    ) -> _Counted:
        seconds = math.ceil((until - since).total_seconds()) + LOOKBACK
        grown: dict[SeriesPoint, float] = defaultdict(float)
        unreadable = 0
        for series in self._query(f"{selector}[{seconds}s]", until):
            read = _series(series, self._settings.label, label)
            if read is None:
                unreadable += 1
                continue
            place, samples = read
            grown[place] += _increase(samples, since.timestamp(), until.timestamp())
        return _Counted(grown=grown, unreadable=unreadable)

    def _query(self, query: str, at: datetime) -> Sequence[object]:
        try:
            answer = self._session.get(
                f"{self._url}/api/v1/query",
                params={"query": query, "time": f"{at.timestamp():.3f}"},
                timeout=self._timeout,
            )
        except requests.RequestException as error:
            kind = type(error).__name__
            raise ServiceError(f"Prometheus at {self._shown} did not answer ({kind}).") from error
        if answer.status_code in _BAD_QUERY:
            raise ConfigurationError(
                f"Prometheus cannot parse the query {query}.",
                "Use selectors of counters, without functions and ranges.",
            )
        if answer.status_code in _UNAUTHORIZED:
            raise ServiceError(
                f"Prometheus at {self._shown} rejects the token ({answer.status_code}).",
                "Use a token that may query.",
            )
        try:
            data = answer.json()["data"]
            if answer.ok and data["resultType"] == "matrix" and isinstance(data["result"], list):
                return data["result"]
        except (ValueError, KeyError, TypeError, RecursionError):
            pass
        raise ServiceError(
            f"the server at {self._shown} ({answer.status_code}) is not Prometheus.",
            "Check the address and any proxy in between.",
        )


def _series(
    series: object, slot: str, label: str | None
) -> tuple[SeriesPoint, list[SeriesSample]] | None:
    """Whose it is, and its samples in order of time; None where it cannot be understood."""
    try:
        metric, values = series["metric"], series["values"]  # type: ignore[index]
        end = float(metric[label]) if label else math.inf
        place = str(metric.get(slot, "")), end
        samples = [(float(at), float(value)) for at, value in values]
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    readable = end >= 0 and all(0 <= value < math.inf for _, value in samples)
    return (place, samples) if readable else None


def _increase(samples: Sequence[SeriesSample], since: float, until: float) -> float:
    """By how much a counter grew after `since` and up to `until`, over resets."""
    before = [value for at, value in samples if at <= since]
    inside = [value for at, value in samples if since < at <= until]
    steps = pairwise([*(before[-1:] or [0.0]), *inside])
    return sum(later - one if later >= one else later for one, later in steps)


def _answers(
    slot: str, requests: _Counted, failed: _Counted, timed: _Counted, unit: float
) -> Answers:
    below, upper, counts = 0, [], []
    for end in sorted(end for name, end in timed.grown if name == slot):
        cumulative = max(below, round(timed.grown[slot, end]))
        upper.append(unit * end)
        counts.append(cumulative - below)
        below = cumulative
    errors = failed.total(slot)
    return Answers(
        requests=max(requests.total(slot), errors, below),
        errors=errors,
        latencies=Latencies(upper_ms=tuple(upper), counts=tuple(counts)),
    )
