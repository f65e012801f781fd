"""What is drawn on the page, before anybody draws it: figures, words, and a table of the same."""

from dataclasses import dataclass, field
from typing import Literal

Who = Literal["challenger", "champion", "reference", "now", "band"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The figures of a chart as a table; the first cell of each row is its header."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A line, or with `upper` the band between two.

    Attributes:
        who: whose it is; decides the colour.
        x, y: its points.
        upper: the upper edge of a band, at the same x; empty for a line.
        step: whether it is a step that ends at each point.
        marked: points that get a mark; hollow where False; empty for a line without.
    """

    who: Who
    x: tuple[float, ...]
    y: tuple[float, ...]
    upper: tuple[float, ...] = ()
    step: bool = False
    marked: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Lines over a common axis.

    Attributes:
        across, up: names of the axes.
        series: the lines.
        square: whether both axes go from 0 to 1.
        diagonal: whether a reference line runs from (0, 0) to (1, 1); level: one at this height.
        ticks: names of x = 0, 1, …; empty for numbers.
    """

    across: str
    up: str
    series: tuple[Series, ...]
    square: bool = True
    diagonal: bool = False
    level: float | None = None
    ticks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Two shares for each bin."""

    bins: tuple[str, ...]
    reference: tuple[float, ...]
    now: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One picture.

    Attributes:
        key: names it within the page; letters, digits and hyphens.
        title: a few words.
        said: what the picture shows, in a sentence, for whoever cannot see it.
        drawn: what to draw.
        table: the same figures.
        svg: the picture, where somebody drew it.
    """

    key: str
    title: str
    said: str
    drawn: Lines | Bars
    table: Table
    svg: str = field(default="", repr=False)
