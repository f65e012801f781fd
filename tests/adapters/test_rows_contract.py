"""What every writer of paired rows promises."""

from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from cdml.adapters.predictions.duckdb_store import DuckSamples
from cdml.errors import InputError
from fakes.predictions import BINARY, MULTICLASS, REGRESSION, binary, multiclass, regression, rival
from fakes.samples import FakeSamples


@pytest.fixture(params=[DuckSamples, FakeSamples], ids=["duckdb", "fake"])
def samples(request):
    return request.param()


def read(found):
    """The rows, each slice by its value rather than its code."""
    rows = pq.read_table(found.path).to_pylist()
    names = {place: str(part) for place, part in zip(found.places, found.parts, strict=True)}
    for row in rows:
        for name in [name for name in row if name[0] == "s" and name[1:].isdigit()]:
            row[name] = names[int(name[1:]), row[name]]
    return sorted(rows, key=str)


@pytest.mark.parametrize(
    ("layout", "mine", "theirs"),
    [
        (BINARY, binary(), rival(binary())),
        (replace(BINARY, max_slices=1), binary(), rival(binary())),
        (MULTICLASS, multiclass(), multiclass(seed=2)),
        (REGRESSION, regression(), regression(seed=2)),
    ],
    ids=["binary", "other", "multiclass", "regression"],
)
@pytest.mark.parametrize("step", [1, -1], ids=["in-order", "turned"])
def test_the_engine_writes_what_plain_python_writes(write, tmp_path, layout, mine, theirs, step):
    files = write("mine", mine), write("theirs", theirs[::step])

    engine = DuckSamples().rows(*files, layout, tmp_path / "engine.parquet")
    plain = FakeSamples().rows(*files, layout, tmp_path / "plain.parquet")

    assert read(plain) == read(engine)
    assert (plain.parts, plain.rows) == (engine.parts, engine.rows)


def test_the_parts_are_those_of_the_statistics(samples, write, tmp_path):
    files = write("mine", binary()), write("theirs", rival(binary()))

    found = samples.rows(*files, BINARY, tmp_path / "rows.parquet")

    parts = samples.reduce(*files, BINARY, ())
    assert [part.slice for part in parts] == list(found.parts)
    assert [part.rows for part in parts] == list(found.rows)


def test_one_model_stands_alone(samples, write, tmp_path):
    found = samples.rows(write("mine", binary()), None, BINARY, tmp_path / "rows.parquet")

    assert "c" == found.sides
    assert {"y_true", "c_pred", "c_score0", "s0", "s1"} == set(read(found)[0])


def test_weights_and_clusters_go_along(samples, write, tmp_path):
    rows = [{**row, "w": 0.5 * row["month"], "user": row["id"] // 3} for row in binary()]
    layout = replace(BINARY, slices=(), weight="w", cluster="user")

    found = samples.rows(write("mine", rows), None, layout, tmp_path / "rows.parquet")

    assert sorted((row["w"], row["user"]) for row in rows) == sorted(
        (row["weight"], row["cluster"]) for row in read(found)
    )
    assert found.weighted
    assert found.clustered


@pytest.mark.parametrize(
    "wrong",
    [
        {"score": 1.5},
        {"score": float("nan")},
        {"prediction": None},
        {"w": -1.0},
        {"w": float("nan")},
        {"w": None},
        {"user": None},
        {"late": None},
    ],
    ids=str,
)
def test_rows_that_cannot_be_used_are_refused(samples, write, tmp_path, wrong):
    rows = [{**row, "w": 1.0, "user": "u"} for row in binary()]
    rows[7] |= wrong

    with pytest.raises(InputError, match=r"\d rows|1 of 400"):
        samples.rows(
            write("mine", rows),
            None,
            replace(BINARY, weight="w", cluster="user"),
            tmp_path / "rows.parquet",
        )


def test_predictions_come_in_the_labels_own_values(write, tmp_path):
    rows = [{**row, "prediction": int(row["prediction"])} for row in binary()]

    found = DuckSamples().rows(write("mine", rows), None, BINARY, tmp_path / "rows.parquet")

    assert {True, False} == {row["c_pred"] for row in read(found)}
    assert {bool} == {type(row["c_pred"]) for row in read(found)}


def test_without_scores_there_are_none(samples, write, tmp_path):
    mine = binary()
    theirs = [{k: v for k, v in row.items() if k != "score"} for row in rival(mine)]

    found = samples.rows(
        write("mine", mine), write("theirs", theirs), BINARY, tmp_path / "rows.parquet"
    )

    assert not [name for name in read(found)[0] if "score" in name]
