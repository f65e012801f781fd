"""Time and memory of ROC-AUC against rows: files, PostgreSQL and Spark, drawn in docs/scale.svg.

Memory is that of all processes, the database's and Spark's too. What is measured is kept in
scale.json, so that the picture and RESULTS.md show sizes that take long, too:

    CDML_BENCH_SCALE=20 python benchmarks/run.py scale      twenty times the rows
    CDML_BENCH_SCALE_OF=files python ...                    files alone
"""

import json
import math
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import bench_compare
import scale_picture
from measure import ROOT, Row, Usage, tree_usage

sys.path.insert(0, str(ROOT / "tests"))

MEASURED = Path(__file__).with_name("scale.json")
PICTURE = ROOT / "docs/scale.svg"
GATES = ("{metric: roc_auc, max_regression: 0.005}",)
FILES, SHUFFLED, POSTGRES, SPARK = "files in order", "files, one shuffled", "PostgreSQL", "Spark"
ROWS = {
    FILES: (1_000_000, 6_000_000),
    SHUFFLED: (1_000_000, 6_000_000),
    POSTGRES: (50_000, 200_000),
    SPARK: (100_000, 400_000),
}
LINEAR = 1.15
"""As an exponent: sorting n rows takes n log n."""
Points = dict[str, dict[str, tuple[float, float]]]
"""Seconds of a processor and MiB, by curve and rows."""


def rows() -> Iterator[Row]:
    """All that is kept, of this run and of runs of other sizes."""
    factor = float(os.environ.get("CDML_BENCH_SCALE", "1"))
    chosen = os.environ.get("CDML_BENCH_SCALE_OF", "")
    for curve, sizes in ROWS.items():
        if chosen not in curve.lower():
            continue
        for count in (int(size * factor) for size in sizes):
            with tempfile.TemporaryDirectory(prefix="cdml-bench-") as name:
                keep(curve, count, RUNS[curve](Path(name), count))
    kept: Points = json.loads(MEASURED.read_text())
    for curve, points in kept.items():
        measured = [(int(count), *found) for count, found in points.items()]
        yield from (_row(curve, *point) for point in measured)
        if len(measured) > 1:
            yield _growth(curve, *measured[-2:])


Point = tuple[int, float, float]
"""Rows, seconds of a processor and MiB."""


def _row(curve: str, count: int, seconds: float, mebibytes: float) -> Row:
    local = curve in {FILES, SHUFFLED}
    return Row(
        f"{curve}: ROC-AUC of {count:,} rows",
        f"{seconds:.1f} s of a processor, {mebibytes:,.0f} MiB",
        "≤ 1,024 MiB" if local else "none",
        not local or mebibytes <= 1024,
    )


def _growth(curve: str, few: Point, many: Point) -> Row:
    growth = math.log(many[1] / few[1]) / math.log(many[0] / few[0])
    return Row(
        f"{curve}: growth of that time from {few[0]:,} rows, as an exponent",
        f"{growth:.2f}",
        f"≤ {LINEAR}",
        growth <= LINEAR,
    )


def keep(curve: str, count: int, used: Usage) -> None:
    """Put a point among the others, and draw them all."""
    points: Points = json.loads(MEASURED.read_text()) if MEASURED.exists() else {}
    points.setdefault(curve, {})[str(count)] = (round(used.processor, 1), round(used.mebibytes))
    ordered = {
        name: dict(sorted(points[name].items(), key=lambda one: int(one[0])))
        for name in ROWS
        if name in points
    }
    MEASURED.write_text(json.dumps(ordered, indent=1) + "\n")
    PICTURE.write_text(scale_picture.draw(ordered), encoding="utf-8")


def _in_order(folder: Path, count: int) -> Usage:
    return _compared(folder, bench_compare.write_files(folder, count))


def _shuffled(folder: Path, count: int) -> Usage:
    first, second = bench_compare.write_files(folder, count)
    return _compared(folder, (first, _shuffle(second, folder / "shuffled.parquet")))


def _shuffle(file: Path, into: Path) -> Path:
    bench_compare.run_sql(
        f"SET memory_limit = '1GB'; COPY (FROM '{file}' ORDER BY hash(id)) TO '{into}'"
        " (FORMAT parquet)"
    )
    return into


def _spark(folder: Path, count: int) -> Usage:
    files = bench_compare.write_files(folder, count)
    return _compared(folder, [f"spark://local#{file}" for file in files])


def _postgres(folder: Path, count: int) -> Usage:
    from support.databases import postgres_server

    files = bench_compare.write_files(folder, count)
    with postgres_server() as address:
        tables = [_load(address, file, f"rows_{at}") for at, file in enumerate(files)]
        with _connected(address) as server:
            return _compared(folder, tables, server)


def _load(address: str, file: Path, name: str) -> str:
    import psycopg

    text = file.with_suffix(".csv")
    bench_compare.run_sql(f"COPY (FROM '{file}') TO '{text}' (HEADER false)")
    columns = "id bigint, label boolean, slice text, prediction boolean, score double precision"
    with psycopg.connect(address) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {name} ({columns})")
        with cursor.copy(f"COPY {name} FROM STDIN (FORMAT csv)") as copy, text.open("rb") as lines:
            while block := lines.read(1 << 20):
                copy.write(block)
    return f"{address}#{name}"


@contextmanager
def _connected(address: str) -> Iterator[int]:
    """The process that all others of the server descend from."""
    import psycopg

    with psycopg.connect(address) as connection:
        backend = connection.info.backend_pid
        state = Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()
        yield int(state[1])


def _compared(folder: Path, pair: Sequence[object], server: int | None = None) -> Usage:
    config = bench_compare.write_config(folder, GATES, sliced=False)
    return tree_usage(bench_compare.compare_command(folder, config, pair), server)


RUNS: dict[str, Callable[[Path, int], Usage]] = {
    FILES: _in_order,
    SHUFFLED: _shuffled,
    POSTGRES: _postgres,
    SPARK: _spark,
}
