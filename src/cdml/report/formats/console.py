"""The report as plain lines: the same words as the comment, for a terminal or a log."""

import unicodedata
from collections.abc import Callable, Iterator, Sequence

from cdml.common.markdown import SHORT, address, terminal
from cdml.common.verdict import Verdict
from cdml.evidence.schema import Check
from cdml.report.cases import CaseRow
from cdml.report.figures import NONE
from cdml.report.metric_gates import MetricGates
from cdml.report.rows import GateRow, sample_text
from cdml.report.sections import sections
from cdml.report.view import View

Paint = Callable[[str, Verdict | None], str]
"""Colours a text by a verdict."""

_SLICES = 20
_SAMPLES = 3
_GATES = ("metric", "champion", "challenger", "difference", "", "rule")
_WIDE = frozenset("WF")


def console_lines(view: View, paint: Paint) -> Iterator[str]:
    """The report, line by line; nothing in it moves a cursor or speaks to a runner."""
    title, _, rest = terminal(view.headline).partition(":")
    yield paint(title, view.verdict) + (f":{rest}" if rest else "")
    layout = sections(view)
    yield from _metrics(layout.decided, paint)
    yield from _points(view)
    if layout.overall:
        yield ""
        yield from _metrics(layout.overall, paint)
    if view.slices:
        yield ""
        yield f"slices: {view.slices_summary}"
        bad = [row for row in layout.slices if row.verdict not in {None, Verdict.PASS}]
        yield from _metrics(bad[:_SLICES], paint)
        if bad[_SLICES:]:
            yield f"  … and {len(bad) - _SLICES:,} more, in the report"
    yield from _cases(view)
    yield from _checks(view, paint)
    for step in view.steps:
        yield f"  {step.state:8} {terminal(step.name)} {terminal(step.detail)}".rstrip()
    if view.next.text:
        yield ""
        yield f"next: {terminal(view.next.text)} {terminal(view.next.command)}".rstrip()


def _points(view: View) -> Iterator[str]:
    """Why, and what the reader must know."""
    for point in view.points:
        yield f"  - {terminal(point)}"
    if view.more_reasons:
        yield f"  - … and {view.more_reasons} more, below"
    for point in view.repeated:
        yield f"  - as in the last report: {terminal(point)}"
    for one in view.failures:
        yield f"  - {one.command}: {terminal(one.lines[0])}"
        yield from (f"    {terminal(line)}" for line in one.lines[1:])
    for name in view.missing:
        yield f"  - {terminal(name)} left no evidence; its step failed or did not run"
    for note in view.notes:
        yield f"  ! {terminal(note)}"


def _metrics(metrics: Sequence[MetricGates], paint: Paint) -> Iterator[str]:
    """A line for each gate; what gates of one metric share stands in the first of them."""
    if not metrics:
        return
    rows = [row for one in metrics for row in one.gates]
    cells = [_GATES, *(line for one in metrics for line in _lines(one))]
    widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
    for line, row in zip(cells, [None, *rows], strict=True):
        padded = "  ".join(_padded(cell, width) for cell, width in zip(line, widths, strict=True))
        yield f"  {padded}  {_verdict(row, paint)}".rstrip()


def _lines(group: MetricGates) -> Iterator[tuple[str, ...]]:
    metric = f"{group.metric}, {group.slice}" if group.slice else group.metric
    spread = f" ({group.spread})" if group.spread else ""
    shared = (metric, group.champion, group.challenger + spread)
    for index, row in enumerate(group.gates):
        moved = group.differences[index] if index < len(group.differences) else None
        if moved is None:
            difference, bar = "" if index else NONE, ""
        else:
            interval = f" ({moved.interval})" if moved.interval else ""
            difference, bar = moved.difference + interval, moved.bar
        cells = (*(("", "", "") if index else shared), difference, bar, row.rule)
        yield tuple(terminal(cell, SHORT) for cell in cells)


def _verdict(row: GateRow | None, paint: Paint) -> str:
    if row is None:
        return "verdict"
    return row.mark if row.verdict is None or row.unproven else paint(row.mark, row.verdict)


def _cases(view: View) -> Iterator[str]:
    if view.cases:
        yield ""
        yield f"cases: {terminal(view.cases)}"
    for title, rows in (("broke", view.broken), ("fixed", view.fixed)):
        for row in rows:
            yield f"  {title}  {_case(row)}"
            yield from (f"    {terminal(text, SHORT)}" for text in row.texts)
    yield from (f"  {terminal(sentence)}" for sentence in view.results)


def _case(row: CaseRow) -> str:
    link = f"  {terminal(row.link)}" if row.link and address(row.link) else ""
    return f"{terminal(row.case, SHORT)}  {row.champion} → {row.challenger}{link}"


def _checks(view: View, paint: Paint) -> Iterator[str]:
    if view.data:
        yield ""
        yield f"data: {view.data}"
    for row in view.checks:
        yield f"  {paint(row.verdict.value, row.verdict)} {_check(row)}"
        yield from (f"    {terminal(sample_text(one), SHORT)}" for one in row.sample[:_SAMPLES])


def _check(row: Check) -> str:
    where = f"{row.name} {row.column or ''}".rstrip()
    return terminal(f"{where}: {row.reason}")


def _width(text: str) -> int:
    """Columns that a text takes: two for what East Asia writes, none for what joins the last."""
    wide = sum(unicodedata.east_asian_width(letter) in _WIDE for letter in text)
    return len(text) + wide - sum(unicodedata.combining(letter) > 0 for letter in text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))
