"""`cdml monitor` on one day's predictions, beside the bare join with their labels.

The processes take turns, and of each the run that took least counts, because other work on the
machine only adds.
"""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
from measure import Row, Usage, usage

PREDICTIONS = 10_000_000
GOAL, DRIFT_GOAL = 1.5, 1.0
ROUNDS = 3
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
SETTING = """
import sys
from datetime import UTC, datetime, timedelta
from cdml.adapters.predictions.logs.windows import DuckPredictionLog
from cdml.adapters.tables.duckdb_tables import DuckTables
from cdml.evaluation.prediction_store import Layout
from cdml.statistics.sequential.figures import figure_of
from cdml.monitoring.windows import Columns, Grid, WindowQuery
from cdml.statistics.metrics import METRICS, Task
from cdml.tables.table import Since
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
since = Since(column="moment", moment=datetime(2026, 5, 1, tzinfo=UTC))
tables = DuckTables()
log = tables.open_since(sys.argv[1], {}, since)
"""
MONITOR = f"""{SETTING}
[rows] = DuckPredictionLog().summarise(log, tables.open_since(sys.argv[2], {{}}, since), query)
assert rows.labelled > 0
"""
DRIFT = f"""{SETTING}
from cdml.data.drift.measure import build_profile
reference = tables.open(sys.argv[3])
profile = build_profile(reference, frozenset({{"request", "moment"}}), lambda _: True)
[counted] = DuckPredictionLog().count(log, query, profile.columns)
assert len(counted.counts) == 6
"""


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="cdml-bench-") as name:
        folder = Path(name)
        names = ("predictions", "labels", "reference")
        files = [str(folder / f"{name}.parquet") for name in names]
        with duckdb.connect() as engine:
            engine.execute(
                "COPY (SELECT i AS request, TIMESTAMP '2026-05-02' + to_microseconds((i * 8640)"
                " ::BIGINT) AS moment, hash(i) % 10 < 4 AS prediction,"
                " hash(i) % 1000 / 1000 AS score, hash(i + 1) % 5000 / 7 AS delay,"
                " hash(i + 2) % 3000 / 3 AS distance, 'carrier ' || hash(i + 3) % 16 AS carrier,"
                f" (hash(i + 4) % 24)::INT AS hour FROM range({PREDICTIONS}) t(i))"
                f" TO '{files[0]}' (FORMAT parquet)"
            )
            engine.execute(
                "COPY (SELECT i AS request, hash(i) % 10 < 4 AND hash(i + 7) % 10 > 0 AS late FROM"
                f" range({PREDICTIONS}) t(i) ORDER BY hash(i)) TO '{files[1]}' (FORMAT parquet)"
            )
            engine.execute(f"COPY (FROM '{files[0]}' LIMIT 50000) TO '{files[2]}' (FORMAT parquet)")
        bare, ours, drift = _in_turn((JOIN, MONITOR, DRIFT), files)
    ratio = ours.processor / bare.processor
    yield Row(
        f"monitor: {PREDICTIONS:,} predictions of a day with their labels, processor time beside"
        " the bare join",
        f"{ours.processor:.1f} s, {ratio:.2f} ×, {ours.mebibytes:.0f} MiB",
        f"≤ {GOAL} ×",
        ratio <= GOAL,
    )
    ratio = drift.processor / bare.processor
    yield Row(
        "monitor: drift of 6 columns of the same predictions, beside the bare join",
        f"{drift.processor:.1f} s, {ratio:.2f} ×, {drift.mebibytes:.0f} MiB",
        f"≤ {DRIFT_GOAL} ×",
        ratio <= DRIFT_GOAL,
    )


def _in_turn(scripts: Sequence[str], files: Sequence[str]) -> list[Usage]:
    """The run of each script that took the least processor time."""
    taken = [[usage([sys.executable, "-c", one, *files]) for one in scripts] for _ in range(ROUNDS)]
    return [min(runs, key=lambda run: run.processor) for runs in zip(*taken, strict=True)]
