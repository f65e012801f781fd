"""Sums of BIGINTs in engines that add them up part by part: exact, whatever their signs."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cdml.adapters.predictions.portable_sql import portable
from cdml.adapters.predictions.rank_query import NARROW, narrow_sum

NUMBERS = [2**62, 2**62 - 1, 2**42, 2**21, 1, 0, -1, -(2**21), -(2**42) - 1, 1 - 2**62]
FIGURES = [sign * (2**NARROW - step) for step in (0, 1, 2**15 + 3) for sign in (1, -1)]


def ask(places, tmp_path, rows, sums):
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    place = places(path).place
    answers = place.fetch_rows(portable(f"SELECT {', '.join(sums)} FROM {place.relation}"))  # noqa: S608
    return [int(one) for one in answers[0]]


@pytest.fixture(
    params=[
        pytest.param("postgres", marks=pytest.mark.xdist_group("postgres")),
        pytest.param(
            "spark",
            marks=[
                pytest.mark.xdist_group("spark"),
                pytest.mark.filterwarnings(
                    "ignore:Exception ignored in. <socket.socket"
                    ":pytest.PytestUnraisableExceptionWarning"
                ),
                pytest.mark.filterwarnings("ignore:unclosed <socket.socket:ResourceWarning"),
            ],
        ),
    ]
)
def places(request):
    return request.getfixturevalue(f"{request.param}_tables")


def test_a_sum_of_bigints_may_be_larger_than_one(places, tmp_path):
    rows = [{"n": number} for number in NUMBERS + NUMBERS[:2] * 3]

    assert ask(places, tmp_path, rows, ["sum(CAST(n AS BIGINT))"]) == [
        sum(row["n"] for row in rows)
    ]


def test_the_largest_figures_are_multiplied_exactly(places, tmp_path):
    rows = [
        {"a": a, "b": b, "c": c} for a in FIGURES for b in FIGURES for c in (*FIGURES, 2**NARROW)
    ]

    found = ask(places, tmp_path, rows, map(narrow_sum, (("a",), ("a", "b"), ("a", "b", "c"))))

    assert found == [
        sum(row["a"] for row in rows),
        sum(row["a"] * row["b"] for row in rows),
        sum(row["a"] * row["b"] * row["c"] for row in rows),
    ]
