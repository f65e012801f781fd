"""The rows that are kept with a version, to ask the server that is going to serve it."""

import json
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cdml.adapters.scoring.known import keep
from cdml.errors import InputError
from cdml.evidence import known
from cdml.ports import ScoringJob

NAN = float("nan")


@pytest.fixture
def job(tmp_path):
    pq.write_table(pa.table({"x": [1, 2, 3], "y": [0.5, NAN, None]}), tmp_path / "rows.parquet")
    return ScoringJob(
        folder=tmp_path,
        model=tmp_path,
        data=tmp_path / "data.parquet",
        key=("id",),
        label="late",
        carried=(),
        task="binary",
        positive=True,
        environment="current",
        timeout=1.0,
        output=tmp_path / "predictions.parquet",
        known=2,
    )


def said(job, **columns):
    pq.write_table(pa.table({"id": [7, 8, 9], **columns}), job.output)
    keep(job, job.folder / "rows.parquet")
    return known.read(job.folder)


def test_the_first_rows_are_kept_as_the_model_was_given_them(job):
    found = said(job, prediction=[True, False, True], score=[0.9, 0.1, 0.8])

    assert ({"x": 1, "y": 0.5}, {"x": 2, "y": None}) == tuple(found.by_column)
    assert ((True, False), (0.9, 0.1)) == found.answers[:2]
    assert [(0.1, 0.9), (0.9, 0.1)] == [tuple(round(p, 9) for p in two) for two in found.answers[2]]


def test_the_scores_of_many_classes_are_an_answer_as_well(job):
    found = said(job, prediction=["a", "b", "a"], score_a=[0.7, 0.2, 0.6], score_b=[0.3, 0.8, 0.4])

    assert (("a", "b"), ((0.7, 0.3), (0.2, 0.8))) == found.answers


@pytest.mark.parametrize("value", [datetime(2026, 1, 1, tzinfo=UTC), float("inf")])
def test_values_that_json_has_no_word_for_are_not_kept(job, value):
    pq.write_table(pa.table({"t": [value] * 3}), job.folder / "rows.parquet")

    assert said(job, prediction=[1.0, 2.0, 3.0]) is None


@pytest.mark.parametrize(
    "change", [{"rows": [[1]]}, {"answers": [[1]]}, {"surprise": 1}, {"schema": "cdml.known/2"}]
)
def test_what_does_not_fit_together_is_an_input_error(job, change):
    said(job, prediction=[True, False, True])
    path = job.folder / known.FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))

    with pytest.raises(InputError, match="holds no known answers"):
        known.read(job.folder)
