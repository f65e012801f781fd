"""`cdml monitor` on one day's predictions, beside the bare join with their labels."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
from measure import Row, usage

PREDICTIONS = 10_000_000
GOAL = 1.5
JOIN = """
import sys, duckdb
engine = duckdb.connect()
engine.execute("SET enable_progress_bar = false")
engine.execute(f\"\"\"
    SELECT count(*), count_if(p.prediction = l.late)
    FROM read_parquet('{sys.argv[1]}') p LEFT JOIN read_parquet('{sys.argv[2]}') l
    ON p.request = l.request
    WHERE p.moment >= TIMESTAMP '2026-05-02' AND p.moment < TIMESTAMP '2026-05-03'
\"\"\").fetchall()
"""
MONITOR = """
import sys
from datetime import UTC, datetime, timedelta
from cdml.adapters.predictions.windows import DuckPredictionLog
from cdml.adapters.tables.duckdb_tables import DuckTables
from cdml.evaluation.prediction_store import Layout
from cdml.statistics.sequential.figures import figure_of
from cdml.monitoring.windows import Columns, Grid, WindowQuery
from cdml.statistics.metrics import METRICS, Task
day = timedelta(days=1)
grid = Grid(length=day, delay=day)
layout = Layout(key=("request",), label="late", slices=(), task=Task.BINARY, positive=True,
                max_slices=100)
columns = Columns(key=("request",), time="moment", prediction="prediction", scores={},
                  version=None, label_time=None, layout=layout)
number = grid.number(datetime(2026, 5, 2, tzinfo=UTC))
query = WindowQuery(columns=columns, grid=grid, first=number, last=number,
                    starts=(datetime(2026, 5, 1, tzinfo=UTC),),
                    figures=(figure_of(METRICS["accuracy"], Task.BINARY, {}),), classes=True)
tables = DuckTables()
[rows] = DuckPredictionLog().summarise(*map(tables.open, sys.argv[1:]), query)
assert rows.labelled > 0
"""


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="cdml-bench-") as name:
        folder = Path(name)
        files = [str(folder / "predictions.parquet"), str(folder / "labels.parquet")]
        with duckdb.connect() as engine:
            engine.execute(
                "COPY (SELECT i AS request, TIMESTAMP '2026-05-02' + to_microseconds((i * 8640)"
                " ::BIGINT) AS moment, hash(i) % 10 < 4 AS prediction FROM"
                f" range({PREDICTIONS}) t(i)) TO '{files[0]}' (FORMAT parquet)"
            )
            engine.execute(
                "COPY (SELECT i AS request, hash(i) % 10 < 4 AND hash(i + 7) % 10 > 0 AS late FROM"
                f" range({PREDICTIONS}) t(i) ORDER BY hash(i)) TO '{files[1]}' (FORMAT parquet)"
            )
        ours = usage([sys.executable, "-c", MONITOR, *files], 3)
        bare = usage([sys.executable, "-c", JOIN, *files], 3)
    ratio = ours.processor / bare.processor
    yield Row(
        f"monitor: {PREDICTIONS:,} predictions of a day with their labels, processor time beside"
        " the bare join",
        f"{ours.processor:.1f} s, {ratio:.2f} ×, {ours.mebibytes:.0f} MiB",
        f"≤ {GOAL} ×",
        ratio <= GOAL,
    )
