"""A view laid out as Markdown or HTML. Whatever a template prints is escaped before."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Undefined
from markupsafe import Markup

from cdml.report import combined, escape
from cdml.report.budget import fit
from cdml.report.combined import Part
from cdml.report.headline import ICONS
from cdml.report.page import NO_PICTURES, Pictures
from cdml.report.view import View

MAX_COMMENT = 65_536 - 3_000
"""Characters of a comment; GitHub takes 65,536, and the marker needs room."""
MAX_SUMMARY = 1024 * 1024 - 4_096
"""Bytes of a job summary; the runner takes 1 MiB."""
MAX_PAGE = 1_000_000
"""Bytes of the page, pictures and all."""


def comment(view: View) -> str:
    """The pull request's comment, within GitHub's limit."""
    return fit([view], lambda shown: _markdown(shown[0], folded=True), MAX_COMMENT)


def summary(view: View) -> str:
    """The job summary, which is also `report.md`: everything, up to the runner's limit."""
    return fit([view], lambda shown: _markdown(shown[0], folded=False), MAX_SUMMARY, _bytes)


def combined_comment(parts: Sequence[Part]) -> str:
    """The comment of several reports, within GitHub's limit."""
    return _combined(parts, MAX_COMMENT, len, folded=True)


def combined_summary(parts: Sequence[Part]) -> str:
    """The job summary of several reports, up to the runner's limit."""
    return _combined(parts, MAX_SUMMARY, _bytes, folded=False)


def _combined(
    parts: Sequence[Part], limit: int, measure: Callable[[str], int], *, folded: bool
) -> str:
    template = _environment(escape.markdown).get_template("combined.md.j2")
    names = [part.name for part in parts]

    def rendered(views: Sequence[View]) -> str:
        shown = template.render(
            headline=combined.headline(parts),
            verdict=combined.verdict(parts),
            parts=list(zip(names, views, strict=True)),
            icons=ICONS,
            folded=folded,
        )
        return shown.rstrip() + "\n"

    return fit([part.view for part in parts], rendered, limit, measure)


def begun(model: str, commit: str | None, run: str | None) -> str:
    """The comment that stands until there is a verdict.

    Args:
        model: the model's name.
        commit: the commit that is judged, where it is known.
        run: address of the run that judges it.
    """
    template = _environment(escape.markdown).get_template("begun.md.j2")
    return template.render(model=model, commit=commit, run=run).rstrip() + "\n"


def page(view: View, written: datetime, pictures: Pictures = NO_PICTURES) -> str:
    """The HTML page: one file without script or network, light and dark, within its limit.

    Args:
        view: what to show.
        written: when, in UTC.
        pictures: what is drawn beside it.
    """
    environment = _environment(escape.html)
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

    def rendered(shown: Sequence[View]) -> str:
        return template.render(view=shown[0], drawn=drawn, written=time)

    return fit([view], rendered, MAX_PAGE, _bytes)


def _bytes(text: str) -> int:
    return len(text.encode())


def _markdown(view: View, *, folded: bool) -> str:
    template = _environment(escape.markdown).get_template("report.md.j2")
    return template.render(view=view, icons=ICONS, folded=folded).rstrip() + "\n"


@cache
def _environment(escaped: Callable[[str, int], Markup]) -> Environment:
    """Templates in which every `{{ value }}` is escaped unless a filter already did."""

    def finalize(value: object) -> object:
        if isinstance(value, Undefined | Markup):
            return value
        return escaped(str(value), escape.LONG)

    environment = Environment(
        loader=PackageLoader("cdml.report"),
        autoescape=True,
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["short"] = lambda text: escaped(str(text), escape.SHORT)
    environment.filters["address"] = escape.address
    environment.filters["percent"] = lambda share: f"{share * 100:.2f}"
    return environment
