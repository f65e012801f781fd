"""What the benches share."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
_VERDICTS = (0, 1, 3)
"""Exit codes of a process that did what it was asked for."""


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    measured: str
    goal: str
    reached: bool

    def __str__(self) -> str:
        return (
            f"| {self.name} | {self.measured} | {self.goal} | {'yes' if self.reached else 'no'} |"
        )


def seconds(command: Sequence[str], times: int = 1) -> float:
    """Median wall time of a whole process."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


@dataclass(frozen=True, slots=True)
class Usage:
    seconds: float
    mebibytes: float


def usage(command: Sequence[str], times: int = 1) -> Usage:
    """Median wall time and largest memory of a whole process; a verdict is no failure."""
    found = [_used(command) for _ in range(times)]
    return Usage(
        seconds=statistics.median(one.seconds for one in found),
        mebibytes=max(one.mebibytes for one in found),
    )


_WATCH = """
import resource, subprocess, sys, time
start = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.stderr.buffer.write(done.stderr)
sys.exit(done.returncode)
"""


def _used(command: Sequence[str]) -> Usage:
    """By a process of its own: the system tells the memory of all children together."""
    known = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-c", _WATCH, *command],
        env={**known, "PYTHONPATH": str(ROOT / "src")},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in _VERDICTS:
        raise RuntimeError(f"{command} ended with {done.returncode}: {done.stderr}")
    taken, kibibytes = done.stdout.split()
    return Usage(seconds=float(taken), mebibytes=float(kibibytes) / 1024)
