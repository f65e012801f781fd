"""A view laid out as Markdown or HTML. Whatever a template prints is escaped before."""

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Undefined
from markupsafe import Markup

from cdml.common import markdown
from cdml.common.verdict import Verdict
from cdml.report.failures import shortened
from cdml.report.formats import combined
from cdml.report.formats.combined import Part
from cdml.report.formats.page import NO_PICTURES, Pictures
from cdml.report.formats.size_budget import fit
from cdml.report.headline import ICONS
from cdml.report.row_cache import RowCache
from cdml.report.sections import sections
from cdml.report.view import View

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
    """The job summary, which is also `report.md`: everything, up to the runner's limit."""
    return _fitted(view, MAX_SUMMARY, _bytes, folded=False)


def combined_comment(parts: Sequence[Part], notes: Sequence[str] = ()) -> str:
    """The comment of several reports, within GitHub's limit.

    Args:
        parts: the reports.
        notes: what the reader must know of all of them.
    """
    return _combined(parts, notes, MAX_COMMENT, _units, folded=True)


def combined_summary(parts: Sequence[Part], notes: Sequence[str] = ()) -> str:
    """The job summary of several reports, likewise, up to the runner's limit."""
    return _combined(parts, notes, MAX_SUMMARY, _bytes, folded=False)


def _combined(
    parts: Sequence[Part],
    notes: Sequence[str],
    limit: int,
    measure: Callable[[str], int],
    *,
    folded: bool,
) -> str:
    """All reports with as many of their rows as fit; else the worst of them.

    What a report never leaves out is small, but there may be hundreds of reports.
    """
    template = _environment(markdown.markdown).get_template("combined.md.j2")
    cached = RowCache()

    def laid_out(lines: Sequence[Part], unfolded: Sequence[Part], views: Sequence[View]) -> str:
        shown = template.render(
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
        return _tidied(shown)

    def fitted(lines: Sequence[Part], unfolded: Sequence[Part], room: int) -> str:
        views = [part.view for part in unfolded]
        return fit(views, lambda kept: laid_out(lines, unfolded, kept), room, measure)

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


def begun(model: str, commit: str | None, run: str | None, notes: Sequence[str] = ()) -> str:
    """The comment that stands until there is a verdict.

    Args:
        model: the model's name.
        commit: the commit that is judged, where it is known.
        run: address of the run that judges it.
        notes: what the pull request changes of where its judges are.
    """
    template = _environment(markdown.markdown).get_template("begun.md.j2")
    said = template.render(model=model, commit=commit, run=run, notes=tuple(notes))
    return said.rstrip() + "\n"


def unjudged(headline: str, lines: Sequence[str], run: str | None) -> str:
    """The comment of a run that formed no verdict.

    Args:
        headline: what cannot be used.
        lines: what is wrong, and what to do about it.
        run: address of the run that should have told the verdict.
    """
    template = _environment(markdown.markdown).get_template("unjudged.md.j2")
    said = template.render(
        icon=ICONS[Verdict.INCONCLUSIVE],
        headline=headline,
        lines=shortened(tuple(lines)),
        run=run,
    )
    return said.rstrip() + "\n"


def page(view: View, written: datetime, pictures: Pictures = NO_PICTURES) -> str:
    """The HTML page: one file without script or network, light and dark, within its limit.

    Args:
        view: what to show.
        written: when, in UTC.
        pictures: what is drawn beside it.
    """
    environment = _environment(markdown.html)
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

    def rendered(shown: Sequence[View]) -> str:
        return template.render(view=shown[0], drawn=drawn, written=time, cached=cached)

    return fit([view], rendered, MAX_PAGE, _bytes)


def _bytes(text: str) -> int:
    return len(text.encode())


def _units(text: str) -> int:
    """Characters as UTF-16 counts them: an emoji is two, whichever way the other side counts."""
    return len(text.encode("utf-16-le")) // 2


def _fitted(view: View, limit: int, measure: Callable[[str], int], *, folded: bool) -> str:
    template = _environment(markdown.markdown).get_template("report.md.j2")
    cached = RowCache()

    def rendered(shown: Sequence[View]) -> str:
        return _tidied(template.render(view=shown[0], icons=ICONS, folded=folded, cached=cached))

    return fit([view], rendered, limit, measure)


def _tidied(text: str) -> str:
    """Markdown without the blank lines that parts of a template leave where they are not shown."""
    return _BLANK_LINES.sub("\n\n", text).rstrip() + "\n"


@cache
def _environment(escaped: Callable[[str, int], Markup]) -> Environment:
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
    environment.filters["sections"] = sections
    environment.filters["address"] = markdown.address
    environment.filters["percent"] = lambda share: f"{share * 100:.2f}"
    return environment
