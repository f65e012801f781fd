"""What goes wrong when Spark scores, and answers whose meaning no part of the rows shows."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.errors import PySparkRuntimeError

from cdml.adapters.scoring.sandbox_choice import Enclosure
from cdml.adapters.scoring.scorer import ProcessScorer
from cdml.adapters.scoring.spark_scorer import SparkScorer, explain
from cdml.ci.run import RunTrust
from cdml.errors import ConfigurationError, InputError
from cdml.evaluation.scorer import ScoringJob
from fakes.progress import FakeProgress
from support import models

pytestmark = [
    pytest.mark.xdist_group("spark"),
    pytest.mark.filterwarnings(
        "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"
    ),
    pytest.mark.filterwarnings("ignore:unclosed <socket.socket:ResourceWarning"),
]
OWN = Enclosure(RunTrust(strangers=""))


def job(folder, model):
    return ScoringJob(
        folder=folder, model=model, data=models.parquet(folder, models.rows().sort_values("x")),
        key=("id",), label="late", carried=("origin",), task="binary", positive=True,
        environment="current", timeout=3600, output=folder / "out" / "predictions.parquet",
    )  # fmt: skip


FAULTS = {
    "import os\nos._exit(3)": "Spark's Python worker ended while the model ran.",
    "return frame['x'][::-1] > 0": "the model returned the rows in a different order",
    "return (frame['x'] > 0)[: max(100, len(frame) - 1)]": "99 rows for ",
    "return 1 / 0": "ZeroDivisionError: division by zero",
    "return frame['x'] > 0 if len(frame) <= 100 else frame['x'].map(str)": "different types",
}


def test_a_model_that_fails_in_spark_is_told_with_its_rows_and_leaves_nothing(
    tmp_path, spark_tables
):
    for number, (predict, reason) in enumerate(FAULTS.items()):
        one = job(tmp_path, models.written(tmp_path / f"m{number}", predict))
        one = replace(one, table=spark_tables(one.data))

        with pytest.raises(InputError) as raised:
            SparkScorer(OWN, str(tmp_path / "spark")).score(one, FakeProgress())

        assert reason in raised.value.message
        assert raised.value.message.isprintable()
        assert raised.value.hint
        if "Error" in reason or "99 rows" in reason:
            assert "rows" in raised.value.message.rpartition("(in ")[2]
        assert [] == list((tmp_path / "spark").glob("*"))


def test_a_package_that_the_workers_lack_is_named(tmp_path, spark_tables):
    model = models.written(
        tmp_path / "m",
        "return 1",
        requirements=("no-such-package", "mlflow", "x; python_version<'3'"),
    )
    one = job(tmp_path, model)

    with pytest.raises(InputError, match="requires no-such-package, which Spark's Python workers"):
        SparkScorer(OWN, str(tmp_path / "spark")).score(
            replace(one, table=spark_tables(one.data)), FakeProgress()
        )


def test_answers_that_look_like_classes_in_most_batches_are_read_as_in_all_rows(
    tmp_path, spark_tables
):
    """Few rows have a share that is no class: with them all are shares, on whatever worker."""
    predict = "return (frame['x'] > 0).astype(float).where(frame['x'] < 1.5, 0.75)"
    one = job(tmp_path, models.written(tmp_path / "m", predict))
    ProcessScorer(OWN).score(one, FakeProgress())
    expected = pq.read_table(one.output).sort_by("id")

    table = spark_tables(one.data)
    setting = "spark.sql.execution.arrow.maxRecordsPerBatch"
    table.place.session.conf.set(setting, 50)
    try:
        scored = SparkScorer(OWN, str(tmp_path / "spark")).score(
            replace(one, table=table), FakeProgress()
        )
    finally:
        table.place.session.conf.unset(setting)

    found = pa.concat_tables(map(pq.read_table, Path(scored.predictions).glob("*.parquet")))
    found = found.sort_by("id")
    assert 400 == found.num_rows
    assert {0.0, 0.75, 1.0} == set(expected["score"].to_pylist())
    for name in ("id", "late", "origin", "prediction", "score"):
        assert expected[name].to_pylist() == found[name].to_pylist()


def test_what_keeps_spark_from_running_a_model_is_a_sentence():
    mismatch = PySparkRuntimeError(
        errorClass="PYTHON_VERSION_MISMATCH",
        messageParameters={"worker_version": "3.10", "driver_version": "3.12"},
    )
    lost = "Traceback\nModuleNotFoundError: No module named 'mlflow'\n\tat org.apache.spark"
    odd = "Job aborted\n  at org.apache\nOSError: No space left on device\n"

    found = [explain(str(one)) for one in (mismatch, lost, odd)]

    assert [ConfigurationError, ConfigurationError, InputError] == list(map(type, found))
    assert "Spark's executors run Python 3.10, and cdml runs 3.12." == found[0].message
    assert "no package mlflow" in found[1].message
    assert "OSError: No space left on device." in found[2].message
    assert "space" not in explain(odd, hidden=True).message
