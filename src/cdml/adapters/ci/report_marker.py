"""The hidden last line of a report's comment, by which the next run knows it."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from urllib.parse import quote

from cdml.ci.code_host import Warned

_MARKER = re.compile(
    r"<!-- cdml:report id=(?P<id>\S+)(?: of=(?P<source>\S+))? run=(?P<run>\d+)\.(?P<attempt>\d+)"
    r"(?: at=(?P<at>[\d:TZ-]+))?(?: state=(?P<state>begun|told|hidden))?"
    r"(?: warned=(?P<warned>\S*))? -->"
)
_MOST_WARNINGS = 50
_WARNINGS = re.compile(rf"\+?[0-9a-f]{{8}}(?:,\+?[0-9a-f]{{8}}){{0,{_MOST_WARNINGS - 1}}}")
_NEW = "+"


class State(StrEnum):
    """How far the run was that wrote a comment; hidden where a newer one took its place."""

    BEGUN = "begun"
    REPORTED = "told"
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """The hidden last line of a comment.

    Attributes:
        id: whose report it is; percent-encoded, so that it is found whole or not at all.
        source: the configuration that names the model, likewise; empty where the id was given.
        run: number and attempt of the run that judged; runs are numbered in time.
        at: when it was written, in UTC.
        state: how far that run was.
        warned: digests of the report's warnings, each with whether the report before had it; at
            most `_MOST_WARNINGS`, so that the comment has room for them.
    """

    id: str
    source: str = ""
    run: tuple[int, int]
    at: str = ""
    state: State = State.REPORTED
    warned: Warned = field(default_factory=dict)

    @classmethod
    def for_report(
        cls,
        report_id: str,
        run: tuple[int, int],
        state: State = State.REPORTED,
        *,
        source: str = "",
    ) -> "Marker":
        """The marker of a report that is written now."""
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        id_, source = quote(report_id, safe=""), quote(source, safe="/")
        return cls(id=id_, source=source, run=run, at=now, state=state)

    @classmethod
    def parse(cls, body: str) -> "Marker | None":
        """The marker a comment ends with."""
        last = body.rstrip().rpartition("\n")[2].strip()
        match = _MARKER.fullmatch(last)
        if match is None:
            return None
        return cls(
            id=match["id"],
            source=match["source"] or "",
            run=(int(match["run"]), int(match["attempt"])),
            at=match["at"] or "",
            state=State(match["state"] or State.REPORTED),
            warned=_read_warned(match["warned"] or ""),
        )

    def same_source(self, other: "Marker") -> bool:
        """Whether one configuration named both models, whatever it calls the model by now."""
        return bool(self.source) and self.source == other.source

    def warnings_before(self, run: tuple[int, int]) -> Warned:
        """What of its warnings the report before a run's had, each with True.

        The run's own comment contains what the report before contained when it was written.
        """
        return {digest: True for digest, old in self.warned.items() if old or self.run != run}

    def newer_than(self, other: "Marker") -> bool:
        """Whether a later run wrote it; by the clock where runs have no numbers."""
        if self.run == other.run == (0, 0):
            return self.at > other.at
        return self.run > other.run

    def __str__(self) -> str:
        run, attempt = self.run
        at = f" at={self.at}" if self.at else ""
        source = f" of={self.source}" if self.source else ""
        digests = [digest if old else f"{_NEW}{digest}" for digest, old in self.warned.items()]
        warned = f" warned={','.join(digests[:_MOST_WARNINGS])}" if digests else ""
        state = f" state={self.state}"
        return f"<!-- cdml:report id={self.id}{source} run={run}.{attempt}{at}{state}{warned} -->"


def _read_warned(text: str) -> Warned:
    """The digests in a marker; none where somebody has edited them into something else."""
    if not _WARNINGS.fullmatch(text):
        return {}
    return {one.removeprefix(_NEW): not one.startswith(_NEW) for one in text.split(",")}


def without_marker(body: str) -> str:
    """A comment's text as it was written; a host may have stored other line ends."""
    return _MARKER.sub("", body.replace("\r\n", "\n")).strip()
