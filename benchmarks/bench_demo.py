"""The whole demo as `make demo` runs it, and where the time goes.

What it needs once, the environment of its models, is built anew only where uv's cache has it not.
"""

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from measure import ROOT, Row

GOAL = 120
CHAPTER = re.compile(r"^ *(\d+\.\d) s  (.+)$", re.MULTILINE)


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="cdml-bench-") as name:
        script = str(ROOT / "examples" / "flights" / "demo.py")
        command = [sys.executable, script, "--folder", str(Path(name) / "demo")]
        start = time.perf_counter()
        told = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
        taken = time.perf_counter() - start
    chapters = CHAPTER.findall(told.stdout.partition("Where the time went")[2])
    assert chapters, told.stdout
    parts = "; ".join(f"{float(seconds):.0f} s {title}" for seconds, title in chapters[:-1])
    yield Row("`make demo`", f"{taken:.0f} s ({parts})", f"≤ {GOAL} s", taken <= GOAL)
