"""A view laid out as Markdown or HTML, within the size that the code host accepts.

Whatever a template prints has been escaped before. Where a report is too long, the least important
rows are left out first, and the report says how many.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Undefined
from markupsafe import Markup

from cdml.common import markdown
from cdml.common.verdict import Verdict
from cdml.report import figures
from cdml.report.failures import shortened
from cdml.report.formats import combined
from cdml.report.formats.combined import CombinedEntry
from cdml.report.formats.page import NO_PICTURES, Pictures, draw_pictures
from cdml.report.headline import ICONS
from cdml.report.report_formats import ReportContent
from cdml.report.row_cache import RowCache
from cdml.report.rows import sample_text
from cdml.report.sections import failing_rows, sections
from cdml.report.view import View

LengthOf = Callable[[str], int]
Span = tuple[int, str, int]
"""Which view, which of its tables, which row."""

_ROUNDS = 10  # guesses
_ROW = 60  # no row is shorter, in characters
_FEW = 100  # rows of the first guess
_NEAR = 0.02  # a few rows less than would fit do no harm
_JUDGED = ("gates", "checks", "slices")
_SHORTENED = ("broken", "fixed", "steps", "changes", "metrics")


def fit_to_limit(
    views: Sequence[View],
    render: Callable[[Sequence[View]], str],
    limit: int,
    measure: LengthOf = len,
) -> str:
    """A full rendering, or one with nearly as many rows as do not exceed the limit.

    The views share the room; `measure` gives a text's length, in characters or bytes.
    """
    order = tuple(_by_importance(views))
    too_many = min(len(order), limit // _ROW) + 1
    if len(order) <= min(_FEW, limit // _ROW) and measure(text := render(views)) <= limit:
        return text
    # A guess takes rows to be as long as those of the last; every other one halves what is left,
    # for rows may be of very different length.
    fitting = render(_with(views, order, 0))
    empty = size = measure(fitting)
    retained, guess = 0, _FEW
    for turn in range(_ROUNDS):
        guess = max(retained + 1, min(guess, too_many - 1))
        if guess >= too_many:
            break
        if limit - size < _NEAR * limit:
            if too_many <= len(order):
                break
            guess = len(order)  # nothing has shown yet that they do not fit
        tried = render(_with(views, order, guess))
        length = measure(tried)
        if length <= limit:
            retained, size, fitting = guess, length, tried
        else:
            too_many = guess
        guess = int(0.99 * guess * (limit - empty) / max(length - empty, 1))
        if turn % 2:
            guess = (retained + too_many) // 2
    return fitting


def _by_importance(views: Sequence[View]) -> Iterator[Span]:
    """Every row that could be left out, the most important first.

    What did not pass comes before what did: gates, checks, slices; then what only informs.
    """
    for good in (False, True):
        for kind in _JUDGED:
            for number, view in enumerate(views):
                for index, row in enumerate(getattr(view, kind)):
                    if (row.verdict in {None, Verdict.PASS}) is good:
                        yield number, kind, index
    for kind in _SHORTENED:
        for number, view in enumerate(views):
            yield from ((number, kind, index) for index in range(len(getattr(view, kind))))


def _with(views: Sequence[View], order: tuple[Span, ...], keep: int) -> tuple[View, ...]:
    retained = set(order[:keep])

    def shortened(number: int, view: View) -> View:
        every = sum(place[0] == number for place in order)
        omitted = every - sum(place[0] == number for place in retained)
        if not omitted:
            return view
        tables: dict[str, Any] = {}
        for kind in (*_JUDGED, *_SHORTENED):
            rows = enumerate(getattr(view, kind))
            tables[kind] = tuple(row for index, row in rows if (number, kind, index) in retained)
        return replace(view, **tables, left_out=f"{omitted:,} of {every:,} rows are not shown here")

    return tuple(shortened(number, view) for number, view in enumerate(views))


MAX_COMMENT = 65_536 - 4_000
"""Length of a comment; GitHub takes 65,536 characters, and the marker needs room."""
MAX_SUMMARY = 1024 * 1024 - 4_096
"""Bytes of a job summary; the runner takes 1 MiB."""
MAX_PAGE = 1_000_000
"""Bytes of the page, pictures and all."""

_BLANK_LINES = re.compile(r"\n{3,}")


def comment(view: View) -> str:
    """The pull request's comment, within GitHub's limit."""
    return _fitted(view, MAX_COMMENT, _units, folded=True)


def summary(view: View) -> str:
    """The job summary: everything, up to the runner's limit."""
    return _fitted(view, MAX_SUMMARY, _bytes, folded=False)


def render_comment(content: ReportContent) -> bytes:
    """`comment.md`, of one model or of several."""
    view = content.only
    text = comment(view) if view else combined_comment(content.entries, content.notes)
    return text.encode()


def render_summary(content: ReportContent) -> bytes:
    """`report.md`, of one model or of several."""
    view = content.only
    text = summary(view) if view else combined_summary(content.entries, content.notes)
    return text.encode()


def render_page(content: ReportContent) -> bytes | None:
    """`report.html`, of one model."""
    if content.only is None:
        return None
    [evidence] = content.evidence.values()
    return page(content.only, content.now, draw_pictures(evidence)).encode()


def combined_comment(parts: Sequence[CombinedEntry], notes: Sequence[str] = ()) -> str:
    """The comment of several reports, within GitHub's limit."""
    return _combined(parts, notes, MAX_COMMENT, _units, folded=True)


def combined_summary(parts: Sequence[CombinedEntry], notes: Sequence[str] = ()) -> str:
    """The job summary of several reports, likewise, up to the runner's limit."""
    return _combined(parts, notes, MAX_SUMMARY, _bytes, folded=False)


def _combined(
    parts: Sequence[CombinedEntry],
    notes: Sequence[str],
    limit: int,
    measure: Callable[[str], int],
    *,
    folded: bool,
) -> str:
    """All reports with as many of their rows as fit; else the worst of them.

    What a report never leaves out is small, but there may be hundreds of reports.
    """
    template = template_environment(markdown.markdown).get_template("combined.md.j2")
    cached = RowCache()

    def laid_out(
        lines: Sequence[CombinedEntry], unfolded: Sequence[CombinedEntry], views: Sequence[View]
    ) -> str:
        rendered = template.render(
            headline=combined.headline(parts),
            verdict=combined.verdict(parts),
            notes=notes,
            lines=lines,
            parts=[(part.name, view) for part, view in zip(unfolded, views, strict=True)],
            left_out=combined.left_out(len(parts), len(lines), len(unfolded)),
            icons=ICONS,
            folded=folded,
            cached=cached,
        )
        return _tidied(rendered)

    def fitted(lines: Sequence[CombinedEntry], unfolded: Sequence[CombinedEntry], room: int) -> str:
        views = [part.view for part in unfolded]
        return fit_to_limit(
            views, lambda retained: laid_out(lines, unfolded, retained), room, measure
        )

    text = fitted(parts, parts, limit)
    if measure(text) <= limit:
        return text
    worst = combined.worst_first(parts)
    every = len(parts)
    listed = _most(every, lambda few: measure(laid_out(worst[:few], (), ())) <= limit)
    lines = parts if listed == every else worst[:listed]
    half = (limit + measure(laid_out(lines, (), ()))) // 2  # the other half is for rows
    unfolded = _most(listed, lambda few: measure(fitted(lines, worst[:few], 0)) <= half)
    return fitted(lines, worst[:unfolded], limit)


def _most(every: int, fits: Callable[[int], bool]) -> int:
    """The most of so many that fit, where fewer fit whenever more do."""
    return max(0, bisect_left(range(every + 1), 1, key=lambda few: not fits(few)) - 1)


def in_progress(model: str, commit: str | None, run: str | None, notes: Sequence[str] = ()) -> str:
    """The comment that stands until there is a verdict."""
    template = template_environment(markdown.markdown).get_template("begun.md.j2")
    body = template.render(model=model, commit=commit, run=run, notes=tuple(notes))
    return body.rstrip() + "\n"


def unjudged(headline: str, lines: Sequence[str], run: str | None) -> str:
    """The comment of a run that formed no verdict."""
    template = template_environment(markdown.markdown).get_template("unjudged.md.j2")
    body = template.render(
        icon=ICONS[Verdict.INCONCLUSIVE],
        headline=headline,
        lines=shortened(tuple(lines)),
        run=run,
    )
    return body.rstrip() + "\n"


def page(view: View, written: datetime, pictures: Pictures = NO_PICTURES) -> str:
    """The HTML page: one file without script or network, light and dark, within its limit."""
    environment = template_environment(markdown.html)
    template = environment.get_template("page.html.j2")
    # Pictures are never left out, so that they are laid out once, however often the rest is.
    parts = vars(environment.get_template("page_parts.html.j2").module)
    drawn = {
        "curves": parts["charts"](pictures.curves) if pictures.curves else "",
        "confusions": Markup().join(map(parts["card"], pictures.confusions)),
        "heat": parts["matrix"](pictures.heat) if pictures.heat else "",
        "drift": parts["charts"](pictures.drift, 4) if pictures.drift else "",
        "history": parts["charts"](pictures.history) if pictures.history else "",
    }
    time = f"{written:%Y-%m-%d %H:%M} UTC"
    cached = RowCache()

    def rendered(views: Sequence[View]) -> str:
        return template.render(view=views[0], drawn=drawn, written=time, cached=cached)

    return fit_to_limit([view], rendered, MAX_PAGE, _bytes)


def _bytes(text: str) -> int:
    return len(text.encode())


def _units(text: str) -> int:
    """Characters as UTF-16 counts them: an emoji is two, whichever way the other side counts."""
    return len(text.encode("utf-16-le")) // 2


def _fitted(view: View, limit: int, measure: Callable[[str], int], *, folded: bool) -> str:
    template = template_environment(markdown.markdown).get_template("report.md.j2")
    cached = RowCache()

    def rendered(views: Sequence[View]) -> str:
        return _tidied(template.render(view=views[0], icons=ICONS, folded=folded, cached=cached))

    return fit_to_limit([view], rendered, limit, measure)


def _tidied(text: str) -> str:
    """Markdown without the blank lines that parts of a template leave where they are not shown."""
    return _BLANK_LINES.sub("\n\n", text).rstrip() + "\n"


@cache
def template_environment(escaped: Callable[[str, int], Markup]) -> Environment:
    """Templates in which every `{{ value }}` is escaped unless a filter already did."""

    def finalize(value: object) -> object:
        if isinstance(value, Undefined | Markup):
            return value
        return escaped(str(value), markdown.LONG)

    environment = Environment(
        loader=PackageLoader("cdml.report"),
        autoescape=True,
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["short"] = lambda text: escaped(str(text), markdown.SHORT)
    environment.filters["cell"] = lambda text: markdown.breakable(
        escaped(str(text), markdown.SHORT)
    )
    environment.filters |= {
        "figure": figures.value,
        "interval": figures.interval,
        "present": lambda text: figures.NONE if text is None else text,
        "sample": sample_text,
        "time": lambda at: f"{at:%Y-%m-%d %H:%M} UTC" if at else "",
    }
    environment.filters["sections"] = sections
    environment.filters["not_passed"] = failing_rows
    environment.filters["address"] = markdown.address
    environment.filters["percent"] = lambda share: f"{share * 100:.2f}"
    return environment
