"""The digest of a table, by hand: evidence of earlier releases holds it, so it must stay."""

import hashlib
import json
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cdml.adapters.tables.export import has_changed

SPARK = [
    pytest.mark.xdist_group("spark"),
    pytest.mark.filterwarnings(
        "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"
    ),
    pytest.mark.filterwarnings("ignore:unclosed <socket.socket:ResourceWarning"),
]
ROWS = [{"n": number, "word": word} for number, word in enumerate(["a", "", None, "é|", "0"] * 9)]


def sums(rows):
    """Each seven digits of the rows' MD5, the first digit counting one, added up by place."""
    totals = [0, 0, 0, 0]
    for row in rows:
        word = row["word"]
        text = f"{row['n']}|{word or ''}|1|{'0' if word is None else '1'}"
        digits = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
        for part in range(4):
            totals[part] += int(digits[part * 7 : part * 7 + 7][::-1], 16)
    return totals


@pytest.mark.parametrize(
    "where",
    [
        pytest.param("postgres", marks=pytest.mark.xdist_group("postgres")),
        pytest.param("spark", marks=SPARK),
    ],
)
def test_a_digest_adds_up_the_hashes_of_the_rows(request, tmp_path, where):
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.Table.from_pylist(ROWS), path)

    ref = request.getfixturevalue(f"{where}_tables")(path).ref

    state = [[["n", "BIGINT"], ["word", "VARCHAR"]], len(ROWS), sums(ROWS)]
    by_hand = hashlib.sha256(json.dumps(state).encode()).hexdigest()
    assert ref.digest == f"sha256:{by_hand}"


EDGES = [
    {"n": 1, "word": "a", "other": None, "x": 0.5, "day": date(2026, 1, 1), "some": [1]},
    {"n": None, "word": "", "other": "a", "x": None, "day": None, "some": None},
    {"n": 2**62, "word": None, "other": "", "x": float("nan"), "day": None, "some": []},
]
CHANGES = {
    "a number": [{**EDGES[0], "n": 2}, *EDGES[1:]],
    "a text for none": [EDGES[0], {**EDGES[1], "word": None}, EDGES[2]],
    "a value for another column's": [{**EDGES[0], "word": None, "other": "a"}, *EDGES[1:]],
    "values of two rows": [{**EDGES[0], "x": None}, {**EDGES[1], "x": 0.5}, EDGES[2]],
    "a list": [{**EDGES[0], "some": [2]}, *EDGES[1:]],
    "a row more": [*EDGES, EDGES[0]],
    "a row twice for another": [EDGES[0], EDGES[0], EDGES[2]],
}


@pytest.fixture
def rewritten(spark_tables, tmp_path):
    """Opens rows in Spark, and then puts others in their place."""

    def rewrite(now):
        paths = tmp_path / "before.parquet", tmp_path / "now.parquet"
        for path, rows in zip(paths, (EDGES, now), strict=True):
            pq.write_table(pa.Table.from_pylist(rows, pa.Table.from_pylist(EDGES).schema), path)
        table = spark_tables(paths[0])
        rows = table.place.session.read.parquet(str(paths[1]))
        rows.createOrReplaceTempView(table.place.name)
        return table

    return rewrite


@pytest.mark.xdist_group("spark")
@pytest.mark.filterwarnings("ignore:unclosed <socket.socket:ResourceWarning")
@pytest.mark.parametrize("change", list(CHANGES))
def test_a_change_of_a_table_in_spark_is_noticed(rewritten, change):
    table = rewritten(CHANGES[change])

    assert has_changed(table.place, table.ref)


@pytest.mark.xdist_group("spark")
@pytest.mark.filterwarnings("ignore:unclosed <socket.socket:ResourceWarning")
def test_another_order_of_the_rows_is_no_change(rewritten):
    table = rewritten(EDGES[::-1])

    assert not has_changed(table.place, table.ref)
