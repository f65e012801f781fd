"""`cdml report` on evidence of 50 gates × 50 slices, beside the imports it cannot do without."""

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from measure import Row, seconds

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.evidence_builders import bound, compared, comparison, data, evaluation
from support.scenarios import CONFIG, written

GOAL = 2.0
GATES = SLICES = 50
IMPORTS = "import click, github, jinja2"


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        write_evidence(folder, GATES, SLICES)
        command = [sys.executable, "-m", "cdml", "report", "--config", str(folder / "cdml.yaml")]
        imports = seconds([sys.executable, "-c", IMPORTS], times=7)
        report = seconds(command, times=7)
    ratio = report / imports
    yield Row(
        f"`cdml report`, {GATES} gates × {SLICES} slices / `{IMPORTS}`",
        f"{ratio:.2f} × ({report * 1000:.0f} ms / {imports * 1000:.0f} ms)",
        f"≤ {GOAL:g} ×",
        ratio <= GOAL,
    )


def write_evidence(folder: Path, gates: int, slices: int) -> None:
    """cdml.yaml, and evidence of so many gates, each on all rows and on slices."""
    (folder / "cdml.yaml").write_text(CONFIG, encoding="utf-8")
    names = [f"mean(column_{i})" for i in range(gates)]
    bounds = (bound(metric=name) for name in names)
    written(folder / ".cdml", data(), evaluation(*bounds), comparison(*_compared(names, slices)))


def _compared(names, slices):
    for name in names:
        yield compared(metric=name)
        for part in range(slices - 1):
            yield compared(metric=name, slice={"carrier": f"C{part}"}, rows=161)


if __name__ == "__main__":
    os.environ.pop("GITHUB_ACTIONS", None)
    print(*rows(), sep="\n")
