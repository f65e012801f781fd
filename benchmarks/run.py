"""Every figure the project promises, measured here and now: `make bench`.

A bench is a module `bench_*.py` with `rows()` that yields `Row`s. Figures are ratios within one
run wherever they can be, so that a slow or a busy machine gives the same ones. What was measured
goes into RESULTS.md, where a bench replaces its own section only.

    python benchmarks/run.py compare data    some benches alone
"""

import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from measure import ROOT, Row

HERE = Path(__file__).parent
RESULTS = HERE / "RESULTS.md"
HEAD = """\
# Results of `make bench`

One section for each bench: the commit it measured, the machine, figures and goals. A goal that is
not reached says "no", and [why](README.md). [Counts](quick.py) that no machine changes are limits
in CI.
"""
TABLE = "| figure | measured | goal | reached |\n|---|---|---|---|"


def main(names: list[str]) -> None:
    sys.path.insert(0, str(HERE))
    for path in sorted(HERE.glob("bench_*.py")):
        name = path.stem.removeprefix("bench_")
        if names and name not in names:
            continue
        print(f"\n## {name}\n\n{TABLE}", flush=True)
        rows = []
        for row in import_module(path.stem).rows():
            print(row, flush=True)
            rows.append(row)
        record(name, rows)


def record(name: str, rows: Iterable[Row], into: Path = RESULTS) -> None:
    """Write a bench's section, in alphabetical order among those of the others."""
    known = into.read_text(encoding="utf-8") if into.exists() else HEAD
    parts = re.split(r"^## (.+)\n", known, flags=re.MULTILINE)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    listed = "\n".join((TABLE, *map(str, rows)))
    sections[name] = f"\n{_where()}\n\n{listed}\n\n"
    text = "".join(f"## {title}\n{sections[title]}" for title in sorted(sections))
    into.write_text(f"{HEAD}\n{text.rstrip()}\n", encoding="utf-8")


def _where() -> str:
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
    ).stdout.strip()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"Commit {commit}, {datetime.now(UTC):%Y-%m-%d}; {os.cpu_count()} processors,"
        f" {memory:.0f} GiB, Python {platform.python_version()}, load {os.getloadavg()[1]:.1f}."
    )


if __name__ == "__main__":
    main(sys.argv[1:])
