"""Clusters of predictions in tables: their sums say what their rows say."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cdml.adapters.predictions import cluster_sums
from cdml.adapters.predictions.duckdb_store import DuckSamples
from cdml.adapters.predictions.sql_store import SqlSamples
from cdml.errors import InputError
from cdml.evaluation.prediction_store import Layout
from cdml.statistics import engine
from cdml.statistics.metrics import METRICS, Task
from fakes.sql_places import place_tables

MEAN_ERROR = METRICS["mean_absolute_error"]
LAYOUT = Layout(
    key=("id",), label="y", slices=(), task=Task.REGRESSION, positive=None, max_slices=9,
    cluster="family",
)  # fmt: skip


def write(folder, name, errors):
    """Errors of 0 and 2 in pairs; of a few families both, which leave the mean where it is."""
    rows = [
        {"id": at, "y": 1.0, "prediction": 1.0 + error, "family": at // 2}
        for at, error in enumerate(errors)
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / f"{name}.parquet")
    return folder / f"{name}.parquet"


@pytest.fixture
def files(tmp_path):
    mine = [0, 2] * 30 + [0, 0] * 10 + [2, 2] * 10
    theirs = [2, 0] * 30 + [0, 0] * 10 + [4, 4] * 10
    return {"a": write(tmp_path, "a", mine), "b": write(tmp_path, "b", theirs)}


def test_clusters_whose_rows_cancel_out_still_count(files):
    tables = place_tables(files)
    here = DuckSamples().reduce(files["a"], files["b"], LAYOUT, (MEAN_ERROR,))
    there = SqlSamples().reduce(tables["a"], tables["b"], LAYOUT, (MEAN_ERROR,))

    one, other = (engine.compare(MEAN_ERROR, part.sample(MEAN_ERROR)) for [part] in (here, there))
    alone = [engine.measure(MEAN_ERROR, part.sample(MEAN_ERROR), 0.95) for [part] in (here, there)]

    intervals = [found.difference.interval(0.95) for found in (one, other)]
    for end in ("low", "high"):
        assert pytest.approx(getattr(intervals[0], end), rel=1e-9) == getattr(intervals[1], end)
    assert alone[0].interval.low == pytest.approx(alone[1].interval.low, rel=1e-9)


def test_no_cluster_leaves_the_engine_by_name(files):
    tables = place_tables(files)
    SqlSamples().reduce(tables["a"], tables["b"], LAYOUT, (MEAN_ERROR,))

    ends = [sql.rpartition("SELECT")[0] for sql in tables["a"].place.asked if " AS g" in sql]

    assert ends
    assert not any(sql.split(" FROM ")[0].count("family") for sql in ends)


def test_more_clusters_than_can_be_held_are_refused(files, monkeypatch):
    monkeypatch.setattr(cluster_sums, "MOST_CLUSTERS", 20)
    tables = place_tables(files)

    with pytest.raises(InputError, match=r"family has 50 clusters; .* may be 20"):
        SqlSamples().reduce(tables["a"], tables["b"], LAYOUT, (MEAN_ERROR,))
