"""Drift of 8 columns, 500,000 rows against 500,000, beside Evidently's preset on the same files.

Whole processes, imports included. Ours also validates key and label, looks for leaks and shared
rows, and writes its evidence; then once more against the profile that the first run left, where
the reference is not read at all.
"""

import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from measure import Row, seconds

ROWS = 500_000
GOAL = 20.0
UV = Path(sys.executable).parent / "uv"
CONFIG = """
version: 1
model: bench
data: {evaluation: now.parquet, key: [id], label: late, positive: true}
"""
EVIDENTLY = """
import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset
columns = [f"x{n}" for n in range(6)] + ["carrier", "origin"]
now, before = (pd.read_parquet(name, columns=columns) for name in ("now.parquet", "before.parquet"))
Report([DataDriftPreset()]).run(now, before).save_html("drift.html")
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """Wall time, and what the processors spent: the second tells the same on a busy machine."""

    wall: float
    cpu: float


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="cdml-bench-") as name:
        folder = Path(name)
        for seed, place in enumerate(("before", "now")):
            pq.write_table(_table(seed), folder / f"{place}.parquet")
        (folder / "cdml.yaml").write_text(CONFIG, encoding="utf-8")
        ours = [sys.executable, "-m", "cdml", "validate-data", "--config", f"{folder}/cdml.yaml"]
        plain = _taken(ours, 3)
        by_rows = _taken([*ours, "--reference", "before.parquet"], 3)
        profile = folder / "before.profile.json"
        profile.write_bytes((folder / ".cdml" / "profile.json").read_bytes())
        by_profile = _taken([*ours, "--reference", profile.name], 3)
        theirs = _evidently(folder)
        size = profile.stat().st_size
    if theirs is None:
        yield Row("Evidently's preset / `cdml validate-data`", "not installable", "—", reached=True)
    else:
        ratio = theirs.wall / by_rows.wall
        yield Row(
            "Evidently's preset / `cdml validate-data --reference`, 8 columns of 500,000 rows each",
            f"{ratio:.0f} × ({theirs.wall:.1f} s / {by_rows.wall:.2f} s; of processors"
            f" {theirs.cpu:.1f} s / {by_rows.cpu:.2f} s)",
            f"≥ {GOAL:g} ×",
            ratio >= GOAL,
        )
    # The reference's rows are read as well: once to find bins, once to count, once for their keys.
    with_profile, with_rows = by_profile.cpu - plain.cpu, by_rows.cpu - plain.cpu
    yield Row(
        f"drift by a profile of {size / 1000:.1f} kB / by the reference's rows, of processors",
        f"{with_profile / with_rows:.2f} ({with_profile:.2f} s / {with_rows:.2f} s"
        f" above the {plain.cpu:.2f} s without drift)",
        "≤ 0.6",
        with_profile <= 0.6 * with_rows,
    )


def _taken(command: Sequence[str], times: int) -> Taken:
    """Medians of whole processes, after one that leaves everybody's bytecode behind."""
    command = ["env", "-u", "PYTHONDONTWRITEBYTECODE", *command]
    seconds(command)
    found = []
    for _ in range(times):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        wall = seconds(command)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        found.append(Taken(wall=wall, cpu=cpu))
    wall, cpu = (statistics.median(getattr(one, name) for one in found) for name in ("wall", "cpu"))
    return Taken(wall=wall, cpu=cpu)


def _table(seed: int) -> pa.Table:
    draw = np.random.default_rng(seed)
    numbers = {f"x{n}": draw.normal(0.01 * n * seed, 1 + n, ROWS) for n in range(6)}
    return pa.table(
        {
            "id": np.arange(ROWS) + seed * ROWS,
            **numbers,
            "carrier": draw.choice([f"C{n}" for n in range(16)], ROWS),
            "origin": draw.choice(
                ["EWR", "JFK", "LGA"], ROWS, p=[0.3, 0.3 + 0.1 * seed, 0.4 - 0.1 * seed]
            ),
            "late": draw.random(ROWS) < 0.3,
        }
    )


def _evidently(folder: Path) -> Taken | None:
    """Its process, in an environment of its own; None where that cannot be made."""
    python = folder / "evidently" / "bin" / "python"
    install = [str(UV), "pip", "install", "-q", "--python", str(python)]
    try:
        subprocess.run([str(UV), "venv", "-q", str(folder / "evidently")], check=True)
        subprocess.run([*install, "evidently", "pandas<3", "pyarrow"], check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return _taken(["sh", "-c", f"cd {folder} && exec {python} -W ignore -c '{EVIDENTLY}'"], 2)
