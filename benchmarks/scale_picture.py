"""Draws what bench_scale.py measured: two charts side by side, both axes logarithmic."""

import math
from collections.abc import Iterator, Mapping
from html import escape

WIDTH, HEIGHT = 760, 330
TOP, BOTTOM, ACROSS = 46, 250, 270
"""Where a chart begins and ends, and how wide it is, in pixels."""
LEFTS = (64, 448)
COLOURS = ("#0969da", "#bf5700", "#1a7f37", "#8250df")
STYLE = (
    "text{font:12px ui-sans-serif,system-ui,sans-serif;fill:#1f2328}"
    ".note{font-size:11px;fill:#57606a}.title{font-weight:600}"
    ".grid{stroke:#d0d7de;stroke-width:1}.limit{stroke:#57606a;stroke-dasharray:4 3}"
    "polyline{fill:none;stroke-width:2}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.note{fill:#9198a1}"
    ".grid{stroke:#3d444d}.limit{stroke:#9198a1}}"
)
GIB = 1024
Points = Mapping[str, Mapping[str, tuple[float, float]]]


def draw(points: Points) -> str:
    """The picture as SVG; figures are seconds of a processor and MiB, by curve and rows."""
    rows = [int(count) for curve in points.values() for count in curve]
    across = math.floor(math.log10(min(rows))), math.ceil(math.log10(max(rows)))
    titles = ("time of a processor, seconds", "memory of all processes, MiB")
    charts = "".join(
        _chart(points, at, LEFTS[at], across, title) for at, title in enumerate(titles)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}"'
        f' viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="title desc">\n'
        '<title id="title">Time and memory of a comparison by ROC AUC, against rows</title>\n'
        f'<desc id="desc">{escape(_described(points))}</desc>\n'
        f"<style>{STYLE}</style>\n{charts}{''.join(_legend(points))}</svg>\n"
    )


def _chart(points: Points, at: int, left: int, across: tuple[int, int], title: str) -> str:
    figures = [found[at] for curve in points.values() for found in curve.values()]
    up = math.floor(math.log10(min(figures))), math.ceil(math.log10(max(figures)))

    def x(count: float) -> float:
        return left + (math.log10(count) - across[0]) / (across[1] - across[0]) * ACROSS

    def y(figure: float) -> float:
        return BOTTOM - (math.log10(figure) - up[0]) / (up[1] - up[0]) * (BOTTOM - TOP)

    parts = [f'<text class="title" x="{left}" y="26">{escape(title)}</text>']
    for power in range(up[0], up[1] + 1):
        level = y(10.0**power)
        parts.append(f'<path class="grid" d="M{left} {level:.1f}h{ACROSS}"/>')
        parts.append(_text(left - 6, level + 4, f"{10**power:,}", "end"))
    parts += [
        _text(x(10.0**power), BOTTOM + 18, _short(10**power), "middle")
        for power in range(across[0], across[1] + 1)
    ]
    parts.append(_text(left + ACROSS / 2, BOTTOM + 36, "rows of each model", "middle"))
    if at:
        parts.append(f'<path class="limit" d="M{left} {y(GIB):.1f}h{ACROSS}"/>')
        parts.append(_text(left + 4, y(GIB) - 4, "1 GiB", "start"))
    for colour, curve in zip(COLOURS, points.values(), strict=False):
        spots = [(x(int(count)), y(found[at])) for count, found in curve.items()]
        line = " ".join(f"{one:.1f},{other:.1f}" for one, other in spots)
        parts.append(f'<polyline points="{line}" stroke="{colour}"/>')
        parts += [
            f'<circle cx="{one:.1f}" cy="{other:.1f}" r="3.5" fill="{colour}"/>'
            for one, other in spots
        ]
    return "\n".join(parts) + "\n"


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text class="note" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'


def _legend(points: Points) -> Iterator[str]:
    for at, (colour, name) in enumerate(zip(COLOURS, points, strict=False)):
        x = LEFTS[0] + at * 170
        yield f'<circle cx="{x}" cy="{HEIGHT - 18}" r="4" fill="{colour}"/>\n'
        yield f'<text x="{x + 10}" y="{HEIGHT - 14}">{escape(name)}</text>\n'


def _short(count: int) -> str:
    for size, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= size:
            return f"{count // size}{letter}"
    return str(count)


def _described(points: Points) -> str:
    return "; ".join(
        f"{name}: "
        + ", ".join(
            f"{int(count):,} rows {seconds:g} s and {memory:,.0f} MiB"
            for count, (seconds, memory) in curve.items()
        )
        for name, curve in points.items()
    )
