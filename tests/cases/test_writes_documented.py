"""docs/delivery.md says of every write what happens if it breaks off there."""

import re
from pathlib import Path

from support.killed_process import WRITES

PAGE = Path(__file__).parents[2] / "docs/delivery.md"


def rows():
    part = PAGE.read_text("utf-8").partition("## At each write\n")[2].partition("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_table_names_every_write_and_no_other():
    named = sorted(name for first, *_ in rows() for name in re.findall(r"`([\w.]+)`", first))

    assert sorted(["deployment.json", *(path for _, path, _ in WRITES)]) == named


def test_of_each_write_all_three_troubles_are_told():
    assert all(len(row) == 4 and all(row) for row in rows())
