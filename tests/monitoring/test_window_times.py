"""Which window and serving period a prediction is in, for every type of time; repeated keys."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cdml.adapters.predictions.logs.windows import DuckPredictionLog
from cdml.adapters.tables.duckdb_tables import DuckTables
from cdml.errors import InputError
from cdml.evaluation.prediction_store import Layout
from cdml.monitoring.windows import Columns, Grid, WindowQuery
from cdml.statistics.metrics import Task

START = datetime(2026, 5, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
GRID = Grid(length=DAY, delay=DAY)
FIRST = GRID.number(START)
TIMES = [START + number * 5 * HOUR for number in range(30)]
TYPES = {
    "microseconds": pa.timestamp("us"),
    "milliseconds": pa.timestamp("ms"),
    "nanoseconds": pa.timestamp("ns"),
    "with a zone": pa.timestamp("us", "America/New_York"),
    "days": pa.date32(),
}


def summarised(tmp_path, times, *, first, last, starts, keys=None, versions=None):
    """Predictions by window, serving period and version."""
    rows = {"request": list(range(len(times))) if keys is None else keys, "at": times}
    rows["prediction"] = [True] * len(times)
    if versions is not None:
        rows["served_by"] = versions
    path = tmp_path / "predictions.parquet"
    pq.write_table(pa.table(rows), path, row_group_size=7)
    columns = Columns(
        key=("request",), time="at", prediction="prediction", scores={}, label_time=None,
        version=None if versions is None else "served_by",
        layout=Layout(
            key=("request",), label=None, slices=(), task=Task.BINARY, positive=True, max_slices=0
        ),
    )  # fmt: skip
    query = WindowQuery(
        columns=columns, grid=GRID, first=first, last=last, starts=starts, figures=()
    )
    found = DuckPredictionLog().summarise(DuckTables().open(str(path)), None, query)
    return {(one.window, one.at, one.version): one.predictions for one in found}


@pytest.mark.parametrize("kind", TYPES.values(), ids=TYPES)
@pytest.mark.parametrize(("first", "last"), [(0, 9), (1, 1), (1, 3), (9, 9)])
def test_a_prediction_is_in_the_window_of_its_time(tmp_path, kind, first, last):
    starts = (START - DAY, START + DAY + 3 * HOUR, START + 2 * DAY)
    times = pa.array(TIMES, pa.timestamp("us", "UTC")).cast(kind)
    known = [at.replace(hour=0) for at in TIMES] if kind == pa.date32() else TIMES

    found = summarised(tmp_path, times, first=FIRST + first, last=FIRST + last, starts=starts)

    expected = Counter(
        (GRID.number(at), sum(at >= one for one in starts) - 1, None)
        for at in known
        if FIRST + first <= GRID.number(at) <= FIRST + last
    )
    assert dict(expected) == found


def test_versions_of_the_log_are_kept_apart_in_a_single_window(tmp_path):
    versions = [None if number % 3 else f"v{number % 2}" for number in range(len(TIMES))]

    found = summarised(
        tmp_path, pa.array(TIMES, pa.timestamp("us")), first=FIRST + 1, last=FIRST + 1,
        starts=(START,), versions=versions,
    )  # fmt: skip

    inside = (v for v, at in zip(versions, TIMES, strict=True) if GRID.number(at) == FIRST + 1)
    assert {(FIRST + 1, 0, one): many for one, many in Counter(inside).items()} == found


@pytest.mark.parametrize("as_key", [int, lambda number: f"{number:x}" * 3], ids=["number", "text"])
@pytest.mark.parametrize("repeated", [False, True])
def test_a_repeated_key_is_found_in_any_order(tmp_path, as_key, repeated):
    keys = [as_key(number * 7_919 % 10_007) for number in range(5_000)]
    keys[4_321] = keys[17] if repeated else keys[4_321]
    times = pa.array([START + HOUR] * len(keys), pa.timestamp("us"))
    words = {"first": FIRST, "last": FIRST, "starts": (START,), "keys": keys}

    if repeated:
        with pytest.raises(InputError, match=r"^1 of 5,000 predictions .* repeat the key"):
            summarised(tmp_path, times, **words)
    else:
        assert {(FIRST, 0, None): 5_000} == summarised(tmp_path, times, **words)
