"""The rows that are kept with a version, to ask the server that is going to serve it."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cdml.adapters.scoring.reference_rows import write_reference_rows
from cdml.errors import InputError
from cdml.evaluation.scorer import ScoringJob
from cdml.evidence import reference_rows

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
        recorded_rows=2,
    )


def classified(job, *columns):
    """The job, where the contract classifies these columns."""
    return replace(job, classified=frozenset(columns))


def said(job, answered=None, names=None, **columns):
    """What is kept of an answer, by default of its predictions alone."""
    pq.write_table(pa.table({"id": [7, 8, 9], **columns}), job.output)
    answers = answered or [columns["prediction"]]
    path = job.folder / "answers.parquet"
    pq.write_table(pa.table({f"a{at}": column for at, column in enumerate(answers)}), path)
    rows = job.folder / "rows.parquet"
    write_reference_rows(job, rows, pq.read_schema(rows).names, path, names)
    return reference_rows.read_reference_rows(job.folder)


def test_the_first_rows_are_kept_as_the_model_was_given_them(job):
    found = said(job, prediction=[True, False, True], score=[0.9, 0.1, 0.8])

    assert ({"x": 1, "y": 0.5}, {"x": 2, "y": None}) == tuple(found.by_column)
    assert ((True, False), (0.9, 0.1)) == found.answers[:2]
    assert [(0.1, 0.9), (0.9, 0.1)] == [tuple(round(p, 9) for p in two) for two in found.answers[2]]


def test_the_scores_of_many_classes_are_an_answer_as_well(job):
    found = said(job, prediction=["a", "b", "a"], score_a=[0.7, 0.2, 0.6], score_b=[0.3, 0.8, 0.4])

    assert (("a", "b"), ((0.7, 0.3), (0.2, 0.8))) == found.answers[:2]


def test_an_answer_of_several_columns_is_kept_as_a_server_sends_it(job):
    columns = [["a", "b", "a"], [0.7, 0.8, 0.6], [[0.7, 0.3], [0.2, 0.8], [0.6, 0.4]]]
    names = ["label", "score", "all"]

    named = said(job, columns, names, prediction=columns[0]).answers[-2]
    plain = said(job, columns[:2], prediction=columns[0]).answers[-1]

    assert {"label": "a", "score": 0.7, "all": (0.7, 0.3)} == named[0]
    assert (("a", 0.7), ("b", 0.8)) == plain


@pytest.mark.parametrize("value", [datetime(2026, 1, 1, tzinfo=UTC), float("inf")])
def test_values_that_json_has_no_word_for_are_not_kept(job, value):
    pq.write_table(pa.table({"t": [value] * 3}), job.folder / "rows.parquet")

    assert said(job, prediction=[1.0, 2.0, 3.0]) is None


@pytest.mark.parametrize("column", ["y", "Y"])
def test_of_a_model_that_is_given_a_classified_column_no_value_is_kept(job, column):
    pq.write_table(
        pa.table({"x": [11, 22, 33], "y": [71.25, 0.5, 1.5]}), job.folder / "rows.parquet"
    )

    found = said(
        classified(job, column, "z"), prediction=[True, False, True], score=[0.9, 0.1, 0.8]
    )

    assert ((), (), ()) == (found.columns, found.rows, found.answers)
    assert "the contract classifies the inputs y" == found.withheld
    kept = (job.folder / reference_rows.FILE).read_text()
    assert not any(value in kept for value in ("71.25", "11", "22", "0.9"))


def test_a_classified_column_that_the_model_is_not_given_is_in_no_row(job):
    found = said(classified(job, "birth_date"), prediction=[True, False, True])

    assert ("x", "y") == found.columns
    assert "" == found.withheld


def test_the_columns_that_are_told_are_few(job):
    names = [f"c{number}" for number in range(9)]
    pq.write_table(pa.table({name: [1] for name in names}), job.folder / "rows.parquet")

    found = said(classified(job, *names), prediction=[True, False, True])

    assert "inputs c0, c1, c2, c3, c4, …" in found.withheld


@pytest.mark.parametrize(
    "change",
    [
        {"rows": [[1]]},
        {"answers": [[1]]},
        {"surprise": 1},
        {"schema": "cdml.known/2"},
        {"classified": ["x"]},
    ],
)
def test_what_does_not_fit_together_is_an_input_error(job, change):
    said(job, prediction=[True, False, True])
    path = job.folder / reference_rows.FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))

    with pytest.raises(InputError, match="has no valid smoke cases"):
        reference_rows.read_reference_rows(job.folder)
