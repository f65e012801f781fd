"""The report as plain lines: the same words as the comment, for a terminal or a log."""

import unicodedata
from collections.abc import Callable, Iterator, Sequence

from cdml.core.verdict import Verdict
from cdml.report.escape import SHORT, terminal
from cdml.report.rows import CheckRow, GateRow, not_passed
from cdml.report.view import View

Paint = Callable[[str, Verdict | None], str]
"""Colours a text by a verdict."""

_SLICES = 20
_SAMPLES = 3
_GATES = ("metric", "champion", "challenger", "difference", "", "rule")
_WIDE = frozenset("WF")


def lines(view: View, paint: Paint) -> Iterator[str]:
    """The report, line by line; nothing in it moves a cursor or speaks to a runner.

    Args:
        view: what to tell.
        paint: colours verdicts; gives the text as it is where there are no colours.
    """
    title, _, rest = terminal(view.headline).partition(":")
    yield paint(title, view.verdict) + (f":{rest}" if rest else "")
    for point in view.points:
        yield f"  - {terminal(point)}"
    if view.unsaid:
        yield f"  - … and {view.unsaid} more, below"
    for name in view.missing:
        yield f"  - {terminal(name)} left no evidence; its step failed or was not run"
    for note in view.notes:
        yield f"  ! {terminal(note)}"
    if view.gates:
        yield ""
        yield from _gates(view.gates, paint)
    if view.slices:
        yield ""
        yield f"slices: {view.slices_said}"
        bad = [row for row in view.slices if not_passed(row)]
        yield from _gates(bad[:_SLICES], paint) if bad else ()
        if bad[_SLICES:]:
            yield f"  … and {len(bad) - _SLICES:,} more, in the report"
    yield from _checks(view, paint)
    for step in view.steps:
        yield f"  {step.state:8} {terminal(step.name)} {terminal(step.detail)}".rstrip()


def _gates(rows: Sequence[GateRow], paint: Paint) -> Iterator[str]:
    cells = [_GATES, *(_cells(row) for row in rows)]
    widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
    verdicts = [None, *rows]
    for line, row in zip(cells, verdicts, strict=True):
        padded = "  ".join(_padded(cell, width) for cell, width in zip(line, widths, strict=True))
        yield f"  {padded}  {_verdict(row, paint)}".rstrip()


def _cells(row: GateRow) -> tuple[str, ...]:
    metric = f"{row.metric}, {row.slice}" if row.slice else row.metric
    spread = f" ({row.spread})" if row.spread else ""
    difference = f"{row.difference} ({row.interval})" if row.interval else row.difference
    told = (metric, row.champion, row.challenger + spread, difference, row.bar, row.rule)
    return tuple(terminal(cell, SHORT) for cell in told)


def _verdict(row: GateRow | None, paint: Paint) -> str:
    if row is None:
        return "verdict"
    return "not judged" if row.verdict is None else paint(row.verdict.value, row.verdict)


def _checks(view: View, paint: Paint) -> Iterator[str]:
    if view.data:
        yield ""
        yield f"data: {view.data}"
    for row in view.checks:
        yield f"  {paint(row.verdict.value, row.verdict)} {_check(row)}"
        yield from (f"    {terminal(sample, SHORT)}" for sample in row.samples[:_SAMPLES])


def _check(row: CheckRow) -> str:
    where = f"{row.name} {row.column}".rstrip()
    return terminal(f"{where}: {row.reason}")


def _width(text: str) -> int:
    """Columns that a text takes: two for what East Asia writes, none for what joins the last."""
    wide = sum(unicodedata.east_asian_width(letter) in _WIDE for letter in text)
    return len(text) + wide - sum(unicodedata.combining(letter) > 0 for letter in text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))
