"""Charts drawn by matplotlib as inline SVG that follows the page's colours and fonts.

The same chart gives the same bytes: ids are derived from the chart's key, and neither dates nor
paths nor versions are written. Texts are never read as mathematics.
"""

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from io import StringIO
from itertools import count
from typing import TYPE_CHECKING, Any
from unicodedata import east_asian_width

from markupsafe import Markup
from markupsafe import escape as escape_html

from cdml.common.markdown import clean
from cdml.report.charts.charts import Bars, Chart, Lines, Series

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH, _HEIGHT = 4.6, 3.7
"""Inches, of 72 units: one unit is about one pixel on a phone."""
_LABEL, _TICK = 16, 6
"""Narrow letters of a bin, and of a version, next to an axis."""
_THREE_DIGITS = 100
_DECIMAL = r"\d+\.\d+(?:e[+-]?\d+)?"
_AXIS = 40
"""Letters of what an axis measures."""
_INK, _SOFT, _LINE, _PAPER = "#010101", "#020202", "#030303", "#070707"
_COLOURS = {
    "challenger": "#040404",
    "champion": "#050505",
    "now": "#040404",
    "reference": "#050505",
    "band": "#060606",
}
_THEME = {
    "#000000": "var(--ink)",
    _INK: "var(--ink)",
    _SOFT: "var(--soft)",
    _LINE: "var(--line)",
    _PAPER: "var(--paper)",
    "#040404": "var(--challenger)",
    "#050505": "var(--champion)",
    "#060606": "var(--band)",
}
_SETTINGS: Mapping[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "cdml",
    "text.parse_math": False,
    "font.size": 11,
    "axes.edgecolor": _SOFT,
    "axes.facecolor": "none",
    "axes.labelcolor": _SOFT,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": "none",
    "grid.color": _LINE,
    "grid.linewidth": 0.6,
    "text.color": _INK,
    "xtick.color": _SOFT,
    "ytick.color": _SOFT,
}
_REFERENCE = re.compile(r"(?:url\(#|href=\"#)([\w-]+)")
_ID = re.compile(r' id="([\w.-]+)"')
_NOTHING = re.compile(
    r"<!--.*?-->|<metadata>.*?</metadata>|<defs>\s*<style.*?</style>\s*</defs>", re.DOTALL
)
_UNTURNED = re.compile(r" transform=\"rotate\(-0 [\d. -]*\)\"")
_TAG = re.compile(r"<[^<>]*>")
"""matplotlib writes `<` and `>` of texts as entities, so that no text looks like one."""
_TENTHS = re.compile(r"(?<=\.\d)\d+")
_PATH = re.compile(r' d="[^"]*"')
_FONT = re.compile(r"font: ?(\d[\d.]*px) [^;\"]*")
_FAMILY = re.compile(r"font-family: ?[^;\"]*;? ?")


@cache
def available() -> bool:
    """Whether there is somebody to draw."""
    return find_spec("matplotlib") is not None


def draw_charts(charts: Sequence[Chart]) -> tuple[Chart, ...]:
    """The charts with their pictures; as they are where matplotlib is not installed."""
    if not charts or not available():
        return tuple(charts)
    return tuple(replace(chart, svg=svg(chart)) for chart in charts)


def svg(chart: Chart) -> Markup:
    """A chart as an inline SVG element with title and description."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    marks = chart.drawn
    height = _HEIGHT if isinstance(marks, Lines) else 0.75 + 0.3 * len(marks.bins)
    with rc_context(dict(_SETTINGS)), warnings.catch_warnings():
        # Letters that matplotlib's own font lacks: the browser writes them in another.
        warnings.filterwarnings("ignore", message="Glyph ", category=UserWarning)
        figure = Figure(figsize=(_WIDTH, height))
        canvas = FigureCanvasSVG(figure)
        axes = figure.add_axes(_place(marks, height))
        if isinstance(marks, Lines):
            _lines(axes, marks)
        else:
            _bars(axes, marks)
        text = StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        canvas.print_svg(text, metadata=nothing)
    return _inline(text.getvalue(), chart)


def _place(marks: Lines | Bars, height: float) -> tuple[float, float, float, float]:
    """Left, bottom, width and height of the axes, as shares of the figure.

    Fixed, so that no text decides where the figures lie.
    """
    left, top = _margins(marks)
    bottom, right = 0.55, 0.2
    return (
        left / _WIDTH,
        bottom / height,
        (_WIDTH - left - right) / _WIDTH,
        (height - bottom - top) / height,
    )


def _margins(marks: Lines | Bars) -> tuple[float, float]:
    """Inches to the left and above: for bins, for rates, or for figures of any size."""
    if isinstance(marks, Bars):
        return 1.8, 0.12
    return (0.72, 0.12) if marks.square else (0.95, 0.3)


def _lines(axes: "Axes", marks: Lines) -> None:
    axes.grid(visible=True)
    axes.set_axisbelow(True)
    axes.set_xlabel(clean(marks.across, _AXIS))
    left, _ = _margins(marks)
    axes.set_ylabel(clean(marks.up, _AXIS))
    axes.yaxis.set_label_coords(-(left - 0.27) / (_WIDTH - left - 0.2), 0.5)
    if marks.diagonal:
        axes.plot([0, 1], [0, 1], color=_SOFT, linewidth=1, linestyle=(0, (2, 3)))
    if marks.level is not None:
        axes.axhline(marks.level, color=_SOFT, linewidth=1, linestyle=(0, (2, 3)))
    for series in marks.series:
        _line(axes, series)
    if marks.square:
        axes.set_xlim(-0.01, 1.01)
        axes.set_ylim(-0.01, 1.02)
    else:
        axes.ticklabel_format(axis="y", scilimits=(-3, 4))
    if marks.ticks:
        visible = range(0, len(marks.ticks), 1 + len(marks.ticks) // 7)
        axes.set_xticks(list(visible), [_fitting(marks.ticks[at], _TICK) for at in visible])
        axes.margins(x=0.06, y=0.15)


def _line(axes: "Axes", series: Series) -> None:
    colour = _COLOURS[series.role]
    if series.upper:
        axes.fill_between(series.x, series.y, series.upper, color=colour, linewidth=0, alpha=0.25)
        return
    style = (0, (5, 2)) if series.role == "champion" else "solid"
    axes.plot(
        series.x,
        series.y,
        color=colour,
        linewidth=1.8,
        linestyle=style,
        drawstyle="steps-pre" if series.step else "default",
    )
    for filled in (True, False):
        at = [index for index, mark in enumerate(series.marked) if mark is filled]
        axes.plot(
            [series.x[index] for index in at],
            [series.y[index] for index in at],
            linestyle="none",
            marker="o" if series.role != "champion" else "s",
            markersize=5,
            color=colour,
            markerfacecolor=colour if filled else _PAPER,
        )


def _bars(axes: "Axes", marks: Bars) -> None:
    rows = list(range(len(marks.bins)))
    axes.grid(visible=True, axis="x")
    axes.set_axisbelow(True)
    for at, series in ((0.2, "now"), (-0.2, "reference")):
        shares = marks.now if series == "now" else marks.reference
        axes.barh(
            [row + at for row in rows],
            [100 * share for share in shares],
            height=0.36,
            color=_COLOURS[series],
            alpha=1.0 if series == "now" else 0.75,
        )
    axes.set_yticks(rows, [_fitting(name, _LABEL) for name in _rounded(marks.bins)])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlabel("% of the rows")


def _rounded(bins: Sequence[str]) -> Sequence[str]:
    """Bins of numbers with three digits of each, if all of them differ even so.

    Classes stay as they are: of these, `3.10` and `3.1` may be two.
    """
    if not any(re.fullmatch(rf"below -?(?:\d+|{_DECIMAL})", name) for name in bins):
        return bins
    numbers = {number: float(number) for name in bins for number in re.findall(_DECIMAL, name)}
    short = {
        number: f"{value:.0f}" if value >= _THREE_DIGITS else f"{value:.3g}"
        for number, value in numbers.items()
    }
    if len(set(short.values())) < len(short):
        return bins
    return [re.sub(_DECIMAL, lambda number: short[number[0]], name) for name in bins]


def _fitting(text: str, letters: int) -> str:
    """A name cut to the room it has, by about how wide its letters are."""
    clipped = clean(text, letters)
    room = float(letters)
    for at, letter in enumerate(clipped):
        wide = east_asian_width(letter) in "WF"
        room -= 2 if wide else 1.5 if letter in "mwMW@%—…" else 1.2 if letter.isupper() else 1
        if room < 0:
            return f"{clipped[: max(at - 1, 0)].removesuffix('…')}…"
    return clipped


def _short(path: re.Match[str]) -> str:
    """A path with a tenth of a pixel as its finest digit."""
    moves = re.sub(r"\s*([A-Za-z])\s*", r"\1", path[0].partition('"')[2].strip(' \n"'))
    short = _TENTHS.sub("", moves)
    return f' d="{short}"'


def _themed(tag: str, names: Mapping[str, str]) -> str:
    """A tag with the chart's ids and the page's colours and fonts; texts stay as they are."""
    tag = _ID.sub(lambda m: f' id="{names[m[1]]}"' if m[1] in names else "", _UNTURNED.sub("", tag))
    tag = _REFERENCE.sub(lambda m: m[0].replace(m[1], names[m[1]]), _PATH.sub(_short, tag))
    tag = _FAMILY.sub("", _FONT.sub(r"font-size: \1", tag))
    for colour, themed in _THEME.items():
        tag = tag.replace(colour, themed)
    return tag


def _inline(written: str, chart: Chart) -> Markup:
    """The SVG element alone, its ids those of this chart, its colours the page's."""
    start = written.index("<svg")
    size = re.search(r'viewBox="([\d. ]+)"', written)
    body = written[written.index(">", start) + 1 : written.rindex("</svg>")]
    body = _NOTHING.sub("", body)
    numbers = count(1)
    names: dict[str, str] = {}
    for tag in _TAG.findall(body):
        for name in _REFERENCE.findall(tag):
            names.setdefault(name, f"{chart.key}-{next(numbers)}")
    body = _TAG.sub(lambda tag: _themed(tag[0], names), body)
    body = "\n".join(filter(None, map(str.strip, body.splitlines())))
    title, description = (escape_html(clean(text)) for text in (chart.title, chart.description))
    label = f"{chart.key}-title {chart.key}-said"
    return Markup(  # noqa: S704 - matplotlib escapes texts, and what stands here is escaped
        f'<svg class="chart" viewBox="{size[1] if size else ""}" role="img"'
        f' aria-labelledby="{label}"><title id="{chart.key}-title">{title}</title>'
        f'<desc id="{chart.key}-said">{description}</desc>\n{body}\n</svg>'
    )
