"""Predictions in tables stay there: what leaves the engine does not grow with the rows."""

from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cdml.adapters.predictions.sql_store import SqlSamples
from cdml.adapters.tables.spark import SparkView
from cdml.adapters.tables.warehouse import DatabaseTable
from cdml.statistics.metrics import METRICS
from fakes.predictions import BINARY, binary, rival

SPARK = [
    pytest.mark.long,
    pytest.mark.xdist_group("spark"),
    pytest.mark.filterwarnings(
        "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"
    ),
    pytest.mark.filterwarnings("ignore:unclosed <socket.socket:ResourceWarning"),
]


@pytest.mark.parametrize(
    ("where", "place"),
    [
        pytest.param("postgres", DatabaseTable, marks=pytest.mark.xdist_group("postgres")),
        pytest.param("spark", SparkView, marks=SPARK),
    ],
)
def test_no_more_rows_leave_the_engine_where_there_are_more(
    request, monkeypatch, tmp_path, where, place
):
    """Neither the rows nor anything that grows with them: counts and sums of each part."""
    left, tables = [], request.getfixturevalue(f"{where}_tables")

    def counting(method):
        def count(self, *query):
            answer = list(method(self, *query))
            left.append(len(answer))
            return answer

        return count

    for name in ("fetch_rows", "fetch", "all_rows"):
        monkeypatch.setattr(place, name, counting(getattr(place, name)))
    metrics = tuple(METRICS[name] for name in ("accuracy", "log_loss", "roc_auc"))
    layout, seen = replace(BINARY, slices=("carrier",)), []
    for rows in (binary(300), binary(900)):
        pair = []
        for number, predictions in enumerate((rows, rival(rows))):
            path = tmp_path / f"{len(rows)}-{number}.parquet"
            pq.write_table(pa.Table.from_pylist(predictions), path)
            pair.append(tables(path))
        left.clear()
        for part in SqlSamples().reduce(*pair, layout, metrics):
            for metric in metrics:
                part.sample(metric)
        seen.append((len(left), max(left), sum(left)))

    assert seen[0] == seen[1]
    assert seen[0][1] < 100
