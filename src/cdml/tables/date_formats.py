"""Formats of dates as a contract writes them: the letters of the JDK's DateTimeFormatter.

The Open Data Contract Standard names that notation for `logicalTypeOptions.format`. Only what can
be applied exactly is understood; whatever else stands in a format makes it one that is not applied.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from cdml.tables.query import LogicalType


@dataclass(frozen=True, slots=True, kw_only=True)
class DateFormat:
    """A format that can be applied; `strptime` is C's, `zoned` texts say their offset from UTC."""

    written: str
    regex: str
    strptime: str
    two_digit_year: bool
    zoned: bool
    dated: bool
    timed: bool

    def gives(self, kind: LogicalType) -> bool:
        """Whether its texts are values of this type, no part of them lost or made up."""
        match kind:
            case LogicalType.DATE:
                return self.dated and not self.timed
            case LogicalType.TIMESTAMP:
                return self.dated
            case LogicalType.TIME:
                return self.timed and not self.dated and not self.zoned
            case _:
                return False


_MONTHS = r"(January|February|March|April|May|June|July|August|September|October|November|December)"
_PARTS: Mapping[str, tuple[str, str, str]] = {
    "yyyy": (r"\d{4}", "%Y", "year"),
    "uuuu": (r"\d{4}", "%Y", "year"),
    "yy": (r"\d{2}", "%y", "year"),
    "uu": (r"\d{2}", "%y", "year"),
    "M": (r"(0?[1-9]|1[0-2])", "%m", "month"),
    "MM": (r"(0[1-9]|1[0-2])", "%m", "month"),
    "MMM": (r"(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)", "%b", "month"),
    "MMMM": (_MONTHS, "%B", "month"),
    "d": (r"(0?[1-9]|[12]\d|3[01])", "%d", "day"),
    "dd": (r"(0[1-9]|[12]\d|3[01])", "%d", "day"),
    "H": (r"([01]?\d|2[0-3])", "%H", "hour"),
    "HH": (r"([01]\d|2[0-3])", "%H", "hour"),
    "h": (r"(0?[1-9]|1[0-2])", "%I", "half"),
    "hh": (r"(0[1-9]|1[0-2])", "%I", "half"),
    "a": (r"(AM|PM)", "%p", "noon"),
    "m": (r"[0-5]?\d", "%M", "minute"),
    "mm": (r"[0-5]\d", "%M", "minute"),
    "s": (r"[0-5]?\d", "%S", "second"),
    "ss": (r"[0-5]\d", "%S", "second"),
    **{"S" * n: (rf"\d{{{n}}}", "%f", "fraction") for n in range(1, 7)},
    "X": (r"(Z|[+-]\d{2}(\d{2})?)", "%z", "zone"),
    "XX": (r"(Z|[+-]\d{4})", "%z", "zone"),
    "XXX": (r"(Z|[+-]\d{2}:\d{2})", "%z", "zone"),
    "x": (r"[+-]\d{2}(\d{2})?", "%z", "zone"),
    "xx": (r"[+-]\d{4}", "%z", "zone"),
    "xxx": (r"[+-]\d{2}:\d{2}", "%z", "zone"),
    # The standard's own examples end in Z, and mean what ISO 8601 means by it.
    "Z": (r"(Z|[+-]\d{2}:?\d{2})", "%z", "zone"),
}  # fmt: skip
"""Letters, repeated: the regular expression, strptime's word, and what it is part of."""
_TOKEN = re.compile(r"'(?:[^']|'')*'|([A-Za-z])\1*|[^A-Za-z']")
_DAY = {"year", "month", "day"}
_CLOCK = {"hour", "half", "noon", "minute", "second", "fraction"}


@lru_cache(maxsize=256)
def read_format(written: str) -> DateFormat | None:
    """A format of dates or times; None where it cannot be applied exactly.

    Letters that are not understood: week-based years (`YYYY`), days of the year (`DDD`), names of
    weekdays and zones, optional sections. A bare `T` stands for itself.
    """
    regex, strptime, seen, at = "", "", list[str](), 0
    while at < len(written):
        token = _TOKEN.match(written, at)
        if token is None:
            return None
        at, text = token.end(), token[0]
        if token[1] and text != "T":
            if text not in _PARTS:
                return None
            pattern, word, part = _PARTS[text]
            seen.append(part)
            regex, strptime = regex + pattern, strptime + word
            continue
        if text in "[]{}#" and not token[1]:
            return None
        if text.startswith("'"):
            text = text[1:-1].replace("''", "'") or "'"
        regex, strptime = regex + re.escape(text), strptime + text.replace("%", "%%")
    parts = set(seen)
    dated, timed = parts >= _DAY, bool(parts & _CLOCK)
    if len(parts) != len(seen) or not _is_complete(parts):
        return None
    return DateFormat(
        written=written, regex=regex, strptime=strptime, zoned="zone" in parts, dated=dated,
        timed=timed, two_digit_year="%y" in strptime.replace("%%", ""),
    )  # fmt: skip


def _is_complete(parts: set[str]) -> bool:
    """Whether nothing is missing between the largest part and the smallest."""
    if parts & _DAY and not parts >= _DAY:
        return False
    halves = {"half", "noon"}
    if parts & halves and (not parts >= halves or "hour" in parts):
        return False
    if not parts & _CLOCK:
        return parts >= _DAY and "zone" not in parts
    if not parts & {"hour", "half"}:
        return False
    return "minute" in parts or not parts & {"second", "fraction"}
