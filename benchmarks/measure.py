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
    """What a whole process needed; `processor` is seconds of all processors, `read` in bytes."""

    seconds: float
    mebibytes: float
    processor: float
    read: int


def usage(command: Sequence[str], times: int = 1, root: Path = ROOT) -> Usage:
    """Median times, largest memory and fewest bytes read; a verdict is no failure.

    `root` is the checkout whose cdml runs.
    """
    found = [_used(command, root) for _ in range(times)]
    return Usage(
        seconds=statistics.median(one.seconds for one in found),
        mebibytes=max(one.mebibytes for one in found),
        processor=statistics.median(one.processor for one in found),
        read=min(one.read for one in found),
    )


_WATCH = """
import os, re, resource, subprocess, sys, time
start = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
seconds = time.perf_counter() - start
with open(f"/proc/{process.pid}/io") as counts:
    read = re.search("rchar: ([0-9]+)", counts.read())[1]
code, used = process.wait(), resource.getrusage(resource.RUSAGE_CHILDREN)
print(seconds, used.ru_maxrss, used.ru_utime + used.ru_stime, read)
sys.exit(code)
"""


def _used(command: Sequence[str], root: Path) -> Usage:
    """By a separate process: the system adds up the memory of all children."""
    known = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-c", _WATCH, *command],
        env={**known, "PYTHONPATH": str(root / "src")},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in _VERDICTS:
        raise RuntimeError(f"{command} ended with {done.returncode}: {done.stderr}")
    taken, kibibytes, processor, read = done.stdout.split()
    return Usage(
        seconds=float(taken),
        mebibytes=float(kibibytes) / 1024,
        processor=float(processor),
        read=int(read),
    )
