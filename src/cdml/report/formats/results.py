"""Two files of results compared, as text for a terminal, as Markdown and as JSON."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict

from cdml.common.markdown import SHORT, address, terminal
from cdml.common.markdown import markdown as escape
from cdml.common.verdict import Verdict
from cdml.evidence.cases import ChangedCases
from cdml.report.cases import CaseRow, case_rows
from cdml.report.figures import NONE, value
from cdml.results.comparison import MetricComparison, ResultComparison

_MOST = 12
"""Categories that are listed."""


def headline(comparison: ResultComparison) -> str:
    """The line that answers."""
    primary = comparison.primary
    if primary.interval is None or primary.old is None or primary.new is None:
        return f"{_title(primary)} cannot be compared: {primary.reason}."
    level = f"{comparison.confidence:.0%}".replace("%", " %")
    answer = f"{_title(primary)} {_from_to(primary)}: {_reach(primary)} ({level})"
    changes = [
        f"{_title(one).lower()} {'up' if one.new > one.old else 'down'}"
        f" {abs(one.new - one.old) / abs(one.old) * 100:.0f} %"
        for one in comparison.operations
        if one.moved and one.old and one.new is not None and one.old is not None
    ]
    return "; ".join([answer, *changes]) + "."


def _reach(primary: MetricComparison) -> str:
    """How much better or worse the new one may be."""
    assert primary.interval is not None  # noqa: S101 - the caller has looked
    low, high = sorted(primary.sign * end for end in (primary.interval.low, primary.interval.high))
    worse, better = (_amount(primary, abs(end)) for end in (low, high))
    unit = " points" if primary.is_share else ""
    if low == high == 0:
        return "no case differs"
    if low >= 0:
        least, most = _amount(primary, low), better
        return f"the new one is {least} to {most}{unit} better"
    if high <= 0:
        return f"the new one is {_amount(primary, -high)} to {worse}{unit} worse"
    return f"the new one could be up to {worse}{unit} worse or {better} better"


def text(comparison: ResultComparison) -> str:
    """For a terminal."""
    return "\n".join(_lines(comparison, _text_table, terminal, _text_link, gap=())) + "\n"


def markdown(comparison: ResultComparison) -> str:
    """For a comment."""
    return "\n".join(_lines(comparison, _markdown_table, escape, _markdown_link, gap=("",))) + "\n"


def document(comparison: ResultComparison) -> str:
    """For scripts."""
    content = {"schema": "cdml.results/1", "headline": headline(comparison), **asdict(comparison)}
    content.pop("cases")
    changed = comparison.changed
    content["changed"] = None if changed is None else changed.model_dump(mode="json")
    return json.dumps({"cases": comparison.cases, **content}, default=str, indent=2) + "\n"


Safe = Callable[[str], str]
Link = Callable[[CaseRow], str]
Table = Callable[[Sequence[str], Sequence[tuple[str, ...]]], list[str]]


def _lines(
    comparison: ResultComparison, table: Table, safe: Safe, link: Link, gap: Sequence[str]
) -> list[str]:
    """All lines, with a `gap` where Markdown begins a paragraph or a table."""
    lines = [safe(headline(comparison)), ""]
    if comparison.verdict is not None:
        verdict = f"verdict: {comparison.verdict.value}"
        lines[:1] = [verdict, *gap, safe(comparison.reason), *gap, lines[0]]
    rows = [_row(one, safe) for one in (*comparison.metrics, *comparison.operations)]
    lines += [*table(("metric", "old", "new", "difference", "cases"), rows), ""]
    moved = [one for one in comparison.categories if one.moved or (one.verdict or "") == "fail"]
    if comparison.categories:
        shown = moved[:_MOST]
        name = f"categories that moved ({comparison.primary.metric})"
        if shown:
            lines += [safe(name), *gap, *table(
                ("category", "old", "new", "difference", "cases"),
                [_row(one, safe, category=True) for one in shown],
            ), ""]  # fmt: skip
        else:
            lines += [f"No category moved ({len(comparison.categories):,} compared).", ""]
    lines += _changed(comparison.changed, table, safe, link, gap)
    open_ = [*map(safe, _power(comparison)), *_asks(comparison)]
    lines += [*open_, ""] if open_ else []
    lines += [f"- {safe(note)}" for note in comparison.notes]
    return lines


def _changed(
    changed: ChangedCases | None, table: Table, safe: Safe, link: Link, gap: Sequence[str]
) -> list[str]:
    """The cases that broke and those that were fixed: in a line, or in a table with links."""
    if changed is None:
        return []
    lines = []
    for title, count, cases in (
        ("cases that broke", f"{changed.worse:,} of {changed.cases:,} got worse", changed.broken),
        ("cases that were fixed", f"{changed.better:,} got better", changed.fixed),
    ):
        rows = case_rows(cases)
        if any(row.link for row in rows):
            cells = [(link(row), row.champion, row.challenger) for row in rows]
            lines += [f"{title} ({count})", *gap, *table(("case", "old", "new"), cells), ""]
        elif rows:
            moves = (f"{safe(row.case)} {row.champion} → {row.challenger}" for row in rows)
            lines += [f"{title} ({count})", f"  {', '.join(moves)}", ""]
    return lines


def _text_link(row: CaseRow) -> str:
    link = f" {terminal(row.link)}" if address(row.link) and row.link else ""
    return f"{terminal(row.case, SHORT)}{link}"


def _markdown_link(row: CaseRow) -> str:
    name, href = escape(row.case, SHORT), address(row.link)
    return f'<a href="{href}">{name}</a>' if href else name


def _power(comparison: ResultComparison) -> list[str]:
    if not comparison.smallest or comparison.verdict in {Verdict.PASS, Verdict.FAIL}:
        return []
    primary = comparison.primary
    unit = " points" if primary.is_share else ""
    smallest = _amount(primary, comparison.smallest)
    cases = f"{primary.cases:,} case{'s' * (primary.cases != 1)}"
    can = f"{cases} can see a change of {smallest}{unit}"
    if primary.is_share and comparison.smallest >= 1:
        can = f"{cases} cannot show any change"
    if comparison.target is None or comparison.needed is None:
        return [f"{can}."]
    target = f"{_amount(primary, comparison.target)}{unit}"
    if comparison.needed <= primary.cases:
        return [f"{can}, and so one of {target}."]
    more = f"; for {target} bring {comparison.needed:,}"
    if comparison.more_trials is not None:
        more += f", or {comparison.more_trials:,} trials of each"
    return [f"{can}{more}."]


def _asks(comparison: ResultComparison) -> list[str]:
    if comparison.verdict is not None:
        return []
    return ["No margin was given: `--max-regression 2%` turns this into a verdict."]


def _row(one: MetricComparison, safe: Safe, *, category: bool = False) -> tuple[str, ...]:
    name = one.metric
    if category:
        name = ", ".join(f"{column} = {part}" for column, part in (one.category or {}).items())
    like = (one.old, one.new)
    if one.interval is None:
        difference = f"{NONE} ({one.reason})"
    else:
        low, high = (f"{end:+.3g}" for end in (one.interval.low, one.interval.high))
        difference = f"{one.change or 0.0:+.3g} ({low} to {high})"
    return (
        safe(name),
        value(one.old, like),
        value(one.new, like),
        safe(difference),
        f"{one.cases:,}",
    )


def _text_table(heads: Sequence[str], rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[at]) for row in (heads, *rows)) for at in range(len(heads))]
    return [
        "  "
        + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (tuple(heads), *rows)
    ]


def _markdown_table(heads: Sequence[str], rows: Sequence[tuple[str, ...]]) -> list[str]:
    rule = "|".join(["---", *["---:"] * (len(heads) - 1)])
    return [
        f"| {' | '.join(heads)} |", f"|{rule}|", *(f"| {' | '.join(row)} |" for row in rows)
    ]  # fmt: skip


def _title(one: MetricComparison) -> str:
    name = one.column.replace("_", " ")
    if one.metric.startswith("rate("):
        name = "pass rate" if name in {"pass", "passed", "success"} else f"rate of {name}"
    return name[:1].upper() + name[1:]


def _from_to(one: MetricComparison) -> str:
    if one.is_share and one.old is not None and one.new is not None:
        return f"{one.old * 100:.1f} → {one.new * 100:.1f} %"
    like = (one.old, one.new)
    return f"{value(one.old, like)} → {value(one.new, like)}"


def _amount(one: MetricComparison, amount: float) -> str:
    return f"{amount * 100:.1f}" if one.is_share else f"{amount:.3g}"
