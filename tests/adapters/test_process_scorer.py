"""The ways real models have of answering."""

import pandas as pd
import pytest

from cdml.adapters.scoring.sandbox_choice import Enclosure
from cdml.adapters.scoring.scorer import ProcessScorer
from cdml.ci.run import RunTrust
from cdml.errors import InputError
from cdml.evaluation.scorer import ScoringJob
from fakes.progress import FakeProgress
from support import models

pytestmark = pytest.mark.long


def score(folder, model, frame=None, **changes):
    asked = {"label": "late", "task": "binary", "positive": True, **changes}
    job = ScoringJob(
        folder=folder,
        model=model,
        data=models.parquet(folder, frame),
        key=("id",),
        carried=(),
        environment="current",
        timeout=120,
        output=folder / "predictions.parquet",
        **asked,
    )
    ProcessScorer(Enclosure(RunTrust(strangers=""))).score(job, FakeProgress())
    return pd.read_parquet(job.output)


def test_a_model_that_answers_probabilities_is_taken_at_its_word(tmp_path):
    model = models.classifier(tmp_path / "model", pyfunc_predict_fn="predict_proba")

    written = score(tmp_path, model)

    assert written["score"].corr(models.rows()["x"]) > 0.8
    assert ((written["score"] > 0.5) == written["prediction"]).all()


def test_a_share_for_each_row_is_the_score_of_the_positive_class(tmp_path):
    model = models.written(tmp_path / "model", "return 1 / (1 + 2.718 ** -frame['x'])")

    written = score(tmp_path, model)

    assert written["score"].tolist() == (1 / (1 + 2.718 ** -models.rows()["x"])).tolist()
    assert ((written["score"] > 0.5) == written["prediction"]).all()


def test_columns_named_by_their_classes_are_found_in_any_order(tmp_path):
    model = models.written(
        tmp_path / "model",
        "share = 1 / (1 + 2.718 ** -frame['x'])\n"
        "return pandas.DataFrame({'middle': 0.0, 'low': 1 - share, 'high': share})",
    )

    written = score(tmp_path, model, label="kind", task="multiclass", positive=None)

    assert written["score_high"].corr(models.rows()["x"]) > 0.8
    assert {"high", "low"} == set(written["prediction"])


def test_numbers_that_are_neither_classes_nor_shares_are_an_input_error(tmp_path):
    model = models.written(tmp_path / "model", "return frame['x'] * 10")

    with pytest.raises(InputError, match="neither classes nor probabilities"):
        score(tmp_path, model)


def test_whole_numbers_stored_as_decimals_fit_a_signature_of_integers(tmp_path):
    frame = models.rows()
    frame["x"] = frame["x"].round().astype("int64")
    with models.quietly():
        from mlflow.models import infer_signature

        signature = infer_signature(frame[["x", "y"]])
    model = models.classifier(tmp_path / "model", signature=signature)
    stored = frame.assign(x=frame["x"].astype("float64"))

    assert 400 == len(score(tmp_path, model, stored))
    stored.loc[0, "x"] = None
    with pytest.raises(InputError, match="1 of 400 values are missing"):
        score(tmp_path, model, stored)
