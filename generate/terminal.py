"""What `cdml compare` prints for two files, as the README shows it: text and a picture."""

import os
import re
import subprocess
import sys
import tempfile
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

LINE = "cdml compare v1.jsonl v2.jsonl --max-regression 5%"
COLUMNS = 80
WIDTH, HEIGHT, MARGIN = 8.4, 20, 20
"""A character's width, a line's height and the space around, in pixels."""
STYLE = """
.box { fill: #f6f8fa; stroke: #d0d7de }
text { fill: #1f2328; font: 14px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  white-space: pre }
.first { font-weight: bold }
@media (prefers-color-scheme: dark) {
  .box { fill: #151b23; stroke: #3d444d }
  text { fill: #f0f6fc }
}
"""


@cache
def first_verdict(example: Path) -> str:
    """What comparing the first two versions of the example's application prints."""
    variables = {**os.environ, "NO_COLOR": "1", "COLUMNS": str(COLUMNS)}
    with tempfile.TemporaryDirectory() as folder:
        for version in ("1", "2"):
            answers = _run(sys.executable, example / "answerer.py", version, env=variables)
            (Path(folder) / f"v{version}.jsonl").write_text(answers.stdout, "utf-8")
        done = _run(sys.executable, "-m", *LINE.split(), cwd=folder, env=variables)
    return done.stdout


def _run(*command: object, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run a command; exit code 1 and 3 are verdicts."""
    done = subprocess.run(
        list(map(str, command)), **options, capture_output=True, text=True, check=False
    )
    if done.returncode not in {0, 1, 3}:
        raise RuntimeError(done.stderr)
    return done


def picture(line: str, printed: str) -> str:
    """A terminal with a command line and what it printed, as an SVG for light and dark.

    Each printed line is one `<text>`; a line wider than the terminal has several `<tspan>`.
    """
    rows, y = [], MARGIN + HEIGHT - 6
    for number, written in enumerate([f"$ {line}", *printed.rstrip("\n").split("\n")]):
        parts = wrap(written)
        spans = "".join(
            f'<tspan x="{MARGIN}" y="{y + at * HEIGHT}"{_length(part)}>{escape(part)}</tspan>'
            for at, part in enumerate(parts)
        )
        kind = ' class="first"' if number < 2 else ""  # noqa: PLR2004 - the command and its answer
        rows.append(f"<text{kind}>{spans}</text>")
        y += HEIGHT * len(parts)
    width, height = round(COLUMNS * WIDTH) + 2 * MARGIN, y - HEIGHT + 6 + MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" role="img" aria-labelledby="title desc">\n'
        f'<title id="title">{escape(line)}</title>\n'
        f'<desc id="desc">{escape(" ".join(printed.split()))}</desc>\n'
        f"<style>{STYLE}</style>\n"
        f'<rect class="box" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="6"/>\n'
        + "\n".join(rows)
        + "\n</svg>\n"
    )


def wrap(line: str) -> list[str]:
    """A line broken after spaces, as wide as the terminal; joined, the parts are the line."""
    parts = [""]
    for word in re.findall(rf"^\s+|\S{{1,{COLUMNS}}}\s*", line):
        if parts[-1] and len((parts[-1] + word).rstrip()) > COLUMNS:
            parts.append("")
        parts[-1] += word
    return parts


def _length(part: str) -> str:
    """Columns stay under each other in every font."""
    return f' textLength="{len(part) * WIDTH:.1f}"' if part else ""
