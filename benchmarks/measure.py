"""What the benches share."""

import os
import re
import statistics
import subprocess
import sys
import tempfile
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


def tree_usage(command: Sequence[str], server: int | None = None, every: float = 0.1) -> Usage:
    """What a command, its children and a server's processes need together; a verdict is no failure.

    Looked at `every` so many seconds: the memory that processes share counts once.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    before = sum(_processor(one) for one in _family(server)) if server else 0.0
    start, most, spent = time.perf_counter(), 0.0, dict[int, float]()
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=errors
        )
        while process.poll() is None:
            family = [*_family(process.pid), *(_family(server) if server else ())]
            most = max(most, sum(map(_mebibytes, family)))
            for one in family:  # one that ended meanwhile took nothing
                spent[one] = max(spent.get(one, 0.0), _processor(one))
            time.sleep(every)
        if process.returncode not in _VERDICTS:
            errors.seek(0)
            raise RuntimeError(f"{command} ended with {process.returncode}: {errors.read()}")
    return Usage(
        seconds=time.perf_counter() - start,
        mebibytes=most,
        processor=sum(spent.values()) - before,
        read=0,
    )


def _family(process: int) -> list[int]:
    """A process and its descendants (proc(5))."""
    try:
        tasks = (Path("/proc") / str(process) / "task").glob("*/children")
        children = [int(one) for task in tasks for one in task.read_text().split()]
    except OSError:
        return []
    return [process, *(one for child in children for one in _family(child))]


def _mebibytes(process: int) -> float:
    """Its memory, with its part of what it shares."""
    try:
        counted = Path(f"/proc/{process}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    found = re.search("^Pss: +([0-9]+) kB", counted, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def _processor(process: int) -> float:
    """Seconds that it took of the processors."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(state[11]) + int(state[12])) / os.sysconf("SC_CLK_TCK")


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
