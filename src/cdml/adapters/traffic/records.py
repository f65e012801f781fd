"""Records of requests, one JSON object a line, and what they come to.

at_ms   when the request ended, in milliseconds since 1970
slot    the server that was given it
status  HTTP status; -1 where the client never got one
ms      milliseconds the server took to answer; -1 where it did not
ended   how the session ended, as HAProxy's two letters; may be left out
valid   false or 0 where the answer was no valid prediction; may be left out
"""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cdml.delivery.canary.traffic import Answers, Latencies, Window
from cdml.delivery.traffic import ServerLabels

LONGEST = 65_536
"""Bytes of a line; HAProxy writes no longer one."""
_ANSWERED = range(100, 400)
_STATUSES = range(-1, 1000)
_FAULTLESS = ("", "-", "C", "c")
"""First letters of `ended` where no server or balancer broke off: all went well, or the client
left, which the status describes."""
_VALID = {True: True, False: False, "1": True, "0": False, "": True, "-": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One request: when it ended (since 1970), where, and the time of its answer, if it had one."""

    at_ms: float
    slot: str
    failed: bool
    ms: float | None


def parse_record(line: bytes) -> Record | None:
    """One record, whatever a syslog daemon wrote before it; None where it cannot be understood."""
    begin = line.find(b"{")
    if begin < 0 or len(line) > LONGEST:
        return None
    try:
        document = json.loads(line[begin:])
        return _record(document)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _record(document: dict[str, Any]) -> Record | None:
    slot, status, ended = document["slot"], document["status"], document.get("ended", "")
    at_ms, ms = _number(document["at_ms"]), _number(document["ms"])
    is_typed = isinstance(slot, str) and isinstance(ended, str) and type(status) is int
    if not (is_typed and status in _STATUSES and at_ms >= 0):
        return None
    valid = _VALID[document.get("valid", True)]
    is_faultless = status in _ANSWERED and ended[:1] in _FAULTLESS and valid
    return Record(at_ms=at_ms, slot=slot, failed=not is_faultless, ms=ms if ms >= 0 else None)


def _number(value: object) -> float:
    """The figure; -1 for None, as there is no latency where there was no answer.

    Raises:
        ValueError: it is none, or not finite.
    """
    if value is None:
        return -1.0
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r} is not a number")
    figure = float(value)
    if not math.isfinite(figure):
        raise ValueError(f"{value!r} is not finite")
    return figure


class RecordBuffer:
    """Records that came and were not requested yet."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float | None, Record | None]] = []
        self._latest: float | None = None
        self._until: datetime | None = None

    def put(self, lines: Iterable[bytes]) -> None:
        """Take lines; one that cannot be understood is as old as the one before it."""
        for line in lines:
            record = parse_record(line)
            if record is not None:
                self._latest = record.at_ms
            self._waiting.append((self._latest, record))

    def take(self, since: datetime, until: datetime, slots: ServerLabels) -> Window:
        """All that came and is of before `until`.

        What came late belongs to a window that begins where the one before ended; any other
        window has only what is of since `since`.
        """
        first = -math.inf if since == self._until else since.timestamp() * 1000
        last = until.timestamp() * 1000
        self._until = until
        taken = [record for at, record in self._waiting if at is None or first <= at < last]
        self._waiting = [one for one in self._waiting if one[0] is not None and one[0] >= last]
        records = [record for record in taken if record is not None]
        named = {slots.champion, slots.challenger}
        return Window(
            since=since,
            until=until,
            champion=_answers(records, slots.champion),
            challenger=_answers(records, slots.challenger),
            elsewhere=sum(record.slot not in named for record in records),
            unreadable=len(taken) - len(records),
        )


def _answers(records: list[Record], slot: str) -> Answers:
    mine = [record for record in records if record.slot == slot]
    return Answers(
        requests=len(mine),
        errors=sum(record.failed for record in mine),
        latencies=Latencies.from_milliseconds(
            record.ms for record in mine if record.ms is not None and not record.failed
        ),
    )
