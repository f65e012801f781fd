"""`cdml --help` beside the one import it cannot do without."""

import sys
from collections.abc import Iterator

from measure import Row, seconds

GOAL = 1.5


def rows() -> Iterator[Row]:
    click = seconds([sys.executable, "-c", "import click"], times=15)
    words = seconds([sys.executable, "-m", "cdml", "--help"], times=15)
    ratio = words / click
    yield Row(
        "`cdml --help` / `import click`",
        f"{ratio:.2f} × ({words * 1000:.0f} ms / {click * 1000:.0f} ms)",
        f"≤ {GOAL} ×",
        ratio <= GOAL,
    )
