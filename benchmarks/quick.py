"""What a change may cost, in counts that no machine changes: `make bench-quick`, which CI runs.

Modules imported, bytes read, memory and its growth with the rows are held against limits. Times are
compared with those of another commit in the same run, and only printed.

    CDML_BENCH_BASE=v1.2.0    that commit; the one before this one by default
"""

import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import bench_archive
import bench_compare
import bench_data
from measure import ROOT, Row, usage

FEW, SOME, MANY = 10_000, 200_000, 2_000_000
ORDERED = ("{metric: roc_auc, max_regression: 0.005}",)
MODULES = """
import sys
from cdml.cli import run
run(sys.argv[1:])
names = list(sys.modules)
print(len(names), sum(name.partition(".")[0] == "cdml" for name in names))
"""
STATEMENTS = """
import sys
from cdml.adapters.tables.duckdb_engine import Engine
from cdml.cli import run
count, execute = 0, Engine.run
def counted(engine, sql, about):
    global count
    count += 1
    return execute(engine, sql, about)
Engine.run = counted
run(sys.argv[1:])
print(count)
"""


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="cdml-bench-") as name:
        folder = Path(name)
        yield from _start(folder)
        yield from _growth(folder)
        yield from _data(folder)
        yield from bench_archive.rows()
        yield from _beside(folder)


def _start(folder: Path) -> Iterator[Row]:
    config = bench_compare.write_config(folder, ORDERED, sliced=False)
    command = bench_compare.compare_command(folder, config, bench_compare.write_files(folder, FEW))[
        3:
    ]
    modules, ours = map(int, _printed(MODULES, command))
    yield _most("modules that a comparison of 10,000 rows imports", modules, 600)
    yield _most("of these cdml's", ours, 215)
    [statements] = map(int, _printed(STATEMENTS, command))
    yield _most("statements that the engine runs for it", statements, 10)


def _growth(folder: Path) -> Iterator[Row]:
    plain = [
        f"{{metric: {name}, max_regression: 0.5%, slices: {{}}}}" for name in bench_compare.PLAIN
    ]
    cases = (
        ("6 metrics, 20 slices", plain, True, 2.2, 0.05),
        ("ROC-AUC", ORDERED, False, 2.5, 0.4),
    )
    for name, gates, sliced, scans, growth in cases:
        config = bench_compare.write_config(folder, gates, sliced=sliced)
        used, size = [], []
        for count in (FEW, SOME, MANY):
            files = bench_compare.write_files(folder, count)
            used.append(usage(bench_compare.compare_command(folder, config, files)))
            size.append(sum(file.stat().st_size for file in files))
        read = (used[2].read - used[0].read) / (size[2] - size[0])
        yield _most(f"{name}: times the files are read", read, scans)
        memory = _exponent([one.mebibytes for one in used[1:]])
        yield _most(f"{name}: growth of memory with the rows, as an exponent", memory, growth)
        yield _most(f"{name}: memory of 2 M rows, MiB", used[2].mebibytes, 512)


def _data(folder: Path) -> Iterator[Row]:
    used, size = [], []
    for count in (SOME, MANY):
        path = folder / f"data{count}.parquet"
        bench_data.write_table(path, count)
        used.append(bench_data.validate(folder, path, 0, times=1))
        size.append(path.stat().st_size)
    read = (used[1].read - used[0].read) / (size[1] - size[0])
    yield _most("25 checks of data: times the file is read", read, 3.1)
    memory = _exponent([one.mebibytes for one in used])
    yield _most("25 checks of data: growth of memory, as an exponent", memory, 0.2)


def _exponent(measured: Sequence[float]) -> float:
    """Of growth from `SOME` to `MANY` rows: 0 is constant, 1 in proportion."""
    return math.log(measured[1] / measured[0]) / math.log(MANY / SOME)


def _most(name: str, measured: float, limit: float) -> Row:
    return Row(
        name,
        f"{measured:,.3g}" if measured < 100 else f"{measured:,.0f}",
        f"≤ {limit:g}",
        measured <= limit,
    )


def _printed(program: str, arguments: Sequence[str]) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    return done.stdout.splitlines()[-1].split()


def _beside(folder: Path) -> Iterator[Row]:
    """Times of this commit and of another, in turns; never a failure."""
    config = bench_compare.write_config(folder, ORDERED, sliced=False)
    with _checkout(os.environ.get("CDML_BENCH_BASE", "HEAD^")) as base:
        if base is None:
            return
        for count in (FEW, MANY):
            command = bench_compare.compare_command(
                folder, config, bench_compare.write_files(folder, count)
            )
            ours, before = [], []
            for _ in range(3):
                ours.append(usage(command).processor)
                before.append(usage(command, root=base).processor)
            ratio = min(ours) / min(before)
            yield Row(
                f"processor time for {count:,} rows / the same of the base commit",
                f"{ratio:.2f} × ({min(ours):.2f} s / {min(before):.2f} s)",
                "none",
                reached=True,
            )


@contextmanager
def _checkout(revision: str) -> Iterator[Path | None]:
    """The sources of a commit; None where it is not there, as in a shallow clone."""
    with tempfile.TemporaryDirectory(prefix="cdml-bench-") as folder:
        archive = subprocess.run(
            ["git", "archive", revision, "src"], capture_output=True, cwd=ROOT, check=False
        )
        if archive.returncode:
            yield None
            return
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        yield Path(folder)


def main() -> None:
    print("| count | measured | limit | held |\n|---|---|---|---|", flush=True)
    missed = 0
    for row in rows():
        print(row, flush=True)
        missed += not row.reached
    if missed:
        sys.exit(f"{missed} of these counts exceed their limits: find out why before raising one.")


if __name__ == "__main__":
    main()
