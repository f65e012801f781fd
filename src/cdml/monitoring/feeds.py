"""The two tables that monitoring reads, and the alarms of what they lack."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType

from cdml.common.verdict import Verdict
from cdml.config import LoadedConfig
from cdml.config.monitoring import MonitoringSettings
from cdml.errors import InputError
from cdml.evidence.monitor import Alarm
from cdml.tables.declared_types import Declared
from cdml.tables.query import LogicalType
from cdml.tables.table import Since, Table, Tables, open_since

_FUTURE = timedelta(hours=1)
"""How far ahead the clocks of other machines may be."""
MOST_COLUMNS = 30
"""Columns of each table that are remembered, so that a change is noticed: those needed first."""
_YEARS = datetime(1970, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)
"""Times that evidence can have; a log may have others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One table; `problem` says why it could not be opened."""

    name: str
    table: Table | None
    problem: str = ""

    @property
    def types(self) -> dict[str, str]:
        """What each column holds."""
        return {one.name: str(one.type) for one in self.table.fields} if self.table else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Feeds:
    """Predictions and labels as they are now."""

    predictions: Feed
    labels: Feed | None
    newest: datetime | None = None

    @property
    def readable(self) -> bool:
        """Whether windows can be judged."""
        labelled = self.labels is None or self.labels.table is not None
        return self.predictions.table is not None and labelled

    @property
    def columns(self) -> Mapping[str, Mapping[str, str]]:
        """The columns of both, by feed."""
        both = (self.predictions, *([self.labels] if self.labels else []))
        return {feed.name: feed.types for feed in both if feed.table is not None}


def open_feeds(
    loaded: LoadedConfig,
    settings: MonitoringSettings,
    tables: Tables,
    *,
    since: datetime,
    known: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
) -> Feeds:
    """Both tables; what cannot be opened is a feed with a problem.

    Predictions before `since` need not be read, and neither need their labels: a label has its own
    time, or is in the prediction's row. `known` are the columns of earlier looks.
    """
    same = settings.labels == settings.predictions
    times = {"predictions": settings.time, "labels": settings.label_time}
    found: dict[str, Feed] = {}
    for name, address in (("predictions", settings.predictions), ("labels", settings.labels)):
        if address is None:
            continue
        time = times[name]
        types = {time: Declared(type=LogicalType.TIMESTAMP)} if time else {}
        column = settings.time if same else time
        recent = Since(column=column, moment=since, known=known.get(name, {})) if column else None
        try:
            opened = open_since(tables, loaded.locate(address), types, recent)
            found[name] = Feed(name=name, table=opened)
        except InputError as error:
            found[name] = Feed(name=name, table=None, problem=error.message)
    predictions = found["predictions"]
    newest = None
    table = predictions.table
    if table is not None and any(one.name == settings.time for one in table.fields):
        extent = table.extent(settings.time)
        last = extent[1] if extent is not None else None
        if isinstance(last, date) and not isinstance(last, datetime):
            last = datetime(last.year, last.month, last.day, tzinfo=UTC)
        if isinstance(last, datetime):
            newest = last if last.tzinfo else last.replace(tzinfo=UTC)
            newest = min(max(newest, _YEARS[0]), _YEARS[1])
    return Feeds(predictions=predictions, labels=found.get("labels"), newest=newest)


def watched_columns(
    columns: Mapping[str, Mapping[str, str]], needed: Collection[str]
) -> Mapping[str, Mapping[str, str]]:
    """What is remembered of the columns, by feed."""
    return {
        feed: dict(sorted(types.items(), key=lambda one: one[0] not in needed)[:MOST_COLUMNS])
        for feed, types in columns.items()
    }


def feed_alarms(
    feeds: Feeds,
    before: Mapping[str, Mapping[str, str]],
    settings: MonitoringSettings,
    *,
    needed: Collection[str],
    now: datetime,
    since: datetime,
) -> Iterator[Alarm]:
    """Silence, columns that vanished or changed, and clocks that run ahead.

    `before` are the columns since the deploy at `since`; without the `needed` ones nothing is
    judged.
    """
    silence = timedelta(seconds=settings.silence)
    if feeds.predictions.table is None:
        if now - since > silence or before:
            yield _alarm("predictions", f"No predictions: {feeds.predictions.problem}")
    elif now - (newest := max(feeds.newest or since, since)) > silence:
        yield _alarm(
            "predictions",
            f"No predictions since {newest:%Y-%m-%d %H:%M} UTC ({_age(now - newest)}).",
        )
    due = timedelta(seconds=settings.label_delay + settings.window) + silence
    overdue = "labels" in before or now - since > due
    if feeds.labels is not None and feeds.labels.table is None and overdue:
        yield _alarm("labels", f"No labels: {feeds.labels.problem}")
    for name, types in feeds.columns.items():
        yield from _changed(name, before.get(name, {}), types, needed)
        if len(types) > MOST_COLUMNS:
            yield Alarm(
                kind="column",
                verdict=Verdict.PASS,
                reason=f"{MOST_COLUMNS} of the {len(types):,} columns of the {name} are watched for"
                " changes of their type: those that are needed and the first of the others.",
            )
    if feeds.newest is not None and feeds.newest - now > _FUTURE:
        hides = feeds.newest - now > silence
        yield Alarm(
            kind="clock",
            verdict=Verdict.INCONCLUSIVE if hides else Verdict.WARN,
            reason=f"The newest prediction is dated {feeds.newest:%Y-%m-%d %H:%M} UTC, which is in"
            " the future."
            + (" Until then, nobody sees whether predictions stop." if hides else "")
            + " Check the clock and the time zone of the server that logs it.",
        )


def _changed(
    feed: str, before: Mapping[str, str], now: Mapping[str, str], needed: Collection[str]
) -> Iterator[Alarm]:
    for column, kind in before.items():
        if now.get(column) == kind:
            continue
        verdict = Verdict.INCONCLUSIVE if column in needed else Verdict.WARN
        if column not in now:
            change = f"The column {column!r} has vanished from the {feed}."
        else:
            change = f"The column {column!r} of the {feed} changed from {kind} to {now[column]}."
        ending = " No window is judged until it is back." if column in needed else ""
        yield Alarm(
            kind="schema" if column in now else "column", verdict=verdict, reason=change + ending
        )


def _alarm(kind: str, reason: str) -> Alarm:
    return Alarm.model_validate({"kind": kind, "verdict": Verdict.INCONCLUSIVE, "reason": reason})


def _age(age: timedelta) -> str:
    hours = age.total_seconds() / 3600
    return f"{hours:.0f} hours ago" if hours < 48 else f"{hours / 24:.0f} days ago"  # noqa: PLR2004
