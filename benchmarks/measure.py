"""What the benches share."""

import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


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
