"""Packages that bring something to cdml by entry points, installed in a folder of their own."""

import re
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

EXTENDING = Path(__file__).parents[2] / "docs/extending.md"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def install(site: Path, groups: Mapping[str, Mapping[str, str]], files: Mapping[str, str]) -> None:
    """Write a package `more` with these entry points by group, and these files."""
    about = site / "more-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: more\nVersion: 1.0\n")
    lines = [
        line
        for group, points in groups.items()
        for line in (f"[{group}]", *(f"{name} = {value}" for name, value in points.items()))
    ]
    (about / "entry_points.txt").write_text("\n".join(lines) + "\n")
    for name, text in files.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text)


def forget(files: Iterable[str]) -> None:
    """Let the next test import its own modules of these names."""
    for name in files:
        sys.modules.pop(Path(name).parts[0].removesuffix(".py"), None)


def example(heading: str) -> tuple[Mapping[str, Mapping[str, str]], Mapping[str, str]]:
    """Entry points and files of the example below a heading of docs/extending.md.

    A file's first line names it; the entry points are a block of TOML.
    """
    [section] = [
        text
        for text in EXTENDING.read_text(encoding="utf-8").split("\n## ")
        if text.startswith(f"{heading}\n")
    ]
    groups, files = {}, {}
    for language, text in _BLOCK.findall(section):
        if language == "toml":
            groups |= tomllib.loads(text)["project"]["entry-points"]
        elif name := re.match(r"# ([\w/]+\.(?:py|yaml))\n", text):
            files[name[1]] = text
    return groups, files
