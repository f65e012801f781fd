"""What every scorer promises, and its fake.

What a scorer cannot promise it declares: whether it times single rows, and how it isolates.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cdml.adapters.scoring.sandbox_choice import Enclosure
from cdml.adapters.scoring.scorer import ProcessScorer
from cdml.ci.run import RunTrust
from cdml.errors import InputError
from cdml.evaluation.scorer import ScoringJob
from cdml.evidence import reference_rows
from fakes.progress import FakeProgress
from fakes.scorer import FakeScorer, pretend
from support import models

pytestmark = pytest.mark.long

FAULTS = {
    "load": {"load": "raise OSError('no weights\\nin two lines')", "predict": "return 1"},
    "throws": {"predict": "raise ValueError('cannot\\x1b[2J')"},
    "nan": {"predict": "answer = frame['x'].astype(float)\nanswer.iloc[0] = None\nreturn answer"},
    "short": {"predict": "return frame['x'].iloc[1:]"},
    "hangs": {"predict": "import time\ntime.sleep(600)"},
}


@dataclass
class Bench:
    """A scorer and its way of making models.

    Attributes:
        scorer: the scorer.
        folder: where models and rows lie.
        real: whether models are real ones.
        table: opens a file as the table that the scorer reads; None: it reads the file.
    """

    scorer: Any
    folder: Path
    real: bool
    table: Callable[[Path], Any] | None = None
    progress: FakeProgress = field(default_factory=FakeProgress)

    def model(self, task):
        folder = self.folder / task
        if self.real and task == "regression":
            return models.regressor(folder)
        if self.real:
            return models.classifier(folder, label={"binary": "late", "multiclass": "kind"}[task])
        answers = {
            "binary": {"score": "share"},
            "multiclass": {"scores": ["share", "share", "share"]},
            "regression": {"prediction": "x"},
        }
        return pretend(folder, inputs=["x", "y"], **answers[task])

    def faulty(self, fault):
        folder = self.folder / fault
        if self.real:
            return models.written(folder, **FAULTS[fault])
        return pretend(folder, fault=fault)

    def job(self, model, **changes):
        job = ScoringJob(
            folder=self.folder,
            model=model,
            data=models.parquet(self.folder, frame()),
            key=("id",),
            label="late",
            carried=("origin",),
            task="binary",
            positive=True,
            environment="current",
            timeout=120,
            output=self.folder / "out" / "predictions.parquet",
        )
        job = replace(job, **changes)
        return replace(job, table=self.table(job.data)) if self.table else job

    def score(self, job):
        return self.scorer.score(job, self.progress)

    def read(self, scored):
        """The predictions, in the order of the rows: many machines write them in any order."""
        written = pd.read_parquet(scored.predictions)
        if self.table:
            written = written.sort_values("id", ignore_index=True)
        return written

    def left(self, job):
        """What there is of predictions."""
        folders = job.output.parent, self.folder / "spark"
        return [path for one in folders if one.exists() for path in one.iterdir()]


def frame():
    """The rows, with a share for the models that only pretend."""
    rows = models.rows()
    return rows.assign(share=1 / (1 + np.exp(-rows["x"])))


SPARK = [
    pytest.mark.xdist_group("spark"),
    pytest.mark.filterwarnings(
        "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"
    ),
    pytest.mark.filterwarnings("ignore:unclosed <socket.socket:ResourceWarning"),
]


@pytest.fixture(params=["fake", "process", pytest.param("spark", marks=SPARK)])
def bench(request, tmp_path):
    own = Enclosure(RunTrust(strangers=""))
    if request.param == "spark":
        from cdml.adapters.scoring.spark_scorer import SparkScorer

        scorer = SparkScorer(own, str(tmp_path / "spark"))
        return Bench(scorer, tmp_path, real=True, table=request.getfixturevalue("spark_tables"))
    if request.param == "process":
        return Bench(ProcessScorer(own), tmp_path, real=True)
    return Bench(FakeScorer(), tmp_path, real=False)


def test_a_binary_model_answers_a_class_and_the_positive_score_for_each_row(bench):
    job = bench.job(bench.model("binary"))

    scored = bench.score(job)

    written = bench.read(scored)
    expected = frame()
    assert (job.output == scored.predictions) is (scored.table is None)
    assert ["id", "late", "origin", "prediction", "score"] == list(written.columns)
    assert 400 == scored.rows == len(written)
    pd.testing.assert_frame_equal(expected[["id", "late", "origin"]], written.iloc[:, :3])
    assert written["prediction"].dtype == bool
    assert (written["prediction"] == (written["score"] >= 0.5)).all()
    assert written["score"].corr(expected["x"]) > 0.8
    assert bench.scorer.times_rows == (0 < len(scored.latency_ms) <= 400)
    assert all(one > 0 for one in scored.latency_ms)
    assert scored.isolation in bench.scorer.isolations
    assert 400 == bench.progress.steps["scoring 400 rows"].done


def test_rows_are_kept_unless_the_contract_classifies_what_the_model_is_given(bench):
    model = bench.model("binary")
    for classified, rows in ((set(), 3), ({"origin", "late"}, 3), ({"x"}, 0)):
        job = bench.job(model, recorded_rows=3, classified=frozenset(classified))
        bench.score(job)
        kept = reference_rows.read_reference_rows(job.output.parent)

        assert (rows, bool(rows)) == (len(kept.rows), not kept.withheld)
        assert classified.isdisjoint(kept.columns)


def test_a_multiclass_model_answers_a_score_for_each_class(bench):
    job = bench.job(bench.model("multiclass"), label="kind", task="multiclass", positive=None)

    written = bench.read(bench.score(job))

    scores = ["score_high", "score_low", "score_middle"]
    assert ["id", "kind", "origin", "prediction", *scores] == list(written.columns)
    assert set(written["prediction"]) <= {"high", "low", "middle"}


def test_a_regression_answers_numbers(bench):
    job = bench.job(bench.model("regression"), label="minutes", task="regression", positive=None)

    written = bench.read(bench.score(job))

    assert ["id", "minutes", "origin", "prediction"] == list(written.columns)
    assert written["prediction"].corr(written["minutes"]) > 0.9


def test_the_positive_class_may_be_the_one_that_sorts_first(bench):
    job = bench.job(bench.model("binary"), positive=False)

    written = bench.read(bench.score(job))

    sign = -1 if bench.real else 1  # a real model knows which of its columns is of which class
    assert sign * written["score"].corr(frame()["x"]) > 0.8


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("load", "the model cannot be loaded: OSError: no weights"),
        ("throws", "the model failed on these rows: ValueError: cannot"),
        ("nan", "1 of 400 predictions are missing or not finite."),
        ("short", r"(99 rows for 100|399 rows for 400)\b"),
        ("hangs", "the model did not finish within"),
    ],
)
def test_a_model_that_fails_is_an_input_error_in_one_line(bench, fault, told):
    timeout = 3 if fault == "hangs" else 120
    job = bench.job(
        bench.faulty(fault), label="minutes", task="regression", positive=None, timeout=timeout
    )

    with pytest.raises(InputError) as raised:
        bench.score(job)

    assert re.search(told, raised.value.message)
    assert raised.value.message.isprintable()
    assert raised.value.hint
    assert not bench.left(job)


def test_a_model_that_asks_for_the_label_is_refused(bench):
    if bench.real:
        model = models.classifier(bench.folder / "cheat", features=("x", "late"))
    else:
        model = pretend(bench.folder / "cheat", inputs=["x", "late"], score="x")

    with pytest.raises(InputError, match="has the label late as an input"):
        bench.score(bench.job(model))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"key": ("flight",)}, "no column flight"),
        ({"carried": ("carrier",)}, "no column carrier"),
        ({"label": "delayed"}, "no column delayed"),
    ],
)
def test_a_column_that_is_not_there_is_named(bench, change, told):
    with pytest.raises(InputError, match=told):
        bench.score(bench.job(bench.model("binary"), **change))


def test_an_input_column_that_is_not_there_is_named(bench):
    data = bench.folder / "less.parquet"
    pq.write_table(pa.Table.from_pandas(frame().drop(columns="y")), data)

    with pytest.raises(InputError, match="no column y"):
        bench.score(bench.job(bench.model("binary"), data=data))
