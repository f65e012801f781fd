"""Answers of real models on the command line: judged as they are meant, or asked about."""

import json

import numpy as np
import pytest

from cdml.cli import run
from support import models

pytestmark = pytest.mark.long

SHARE = "import numpy\nshare = 1 / (1 + numpy.exp({sign} * 1.8 * (frame['x'] + frame['y'] / 2)))\n"


@pytest.fixture
def evaluate(tmp_path, monkeypatch, capsys):
    """Evaluate a model of Python text; gives the exit code, the gates' values and what was said."""
    monkeypatch.chdir(tmp_path)
    models.parquet(tmp_path, frame())

    def evaluate(predict, data, gates):
        models.written(tmp_path / "model", predict)
        (tmp_path / "cdml.yaml").write_text(
            f"version: 1\nmodel: m\ndata: {{evaluation: rows.parquet, key: [id], {data}}}\n"
            f"gates: [{gates}]\nscoring: {{environment: current}}\n",
            encoding="utf-8",
        )
        code = run(["evaluate-model", "--model", "model"])
        found = tmp_path / ".cdml" / "evaluation.json"
        gates = json.loads(found.read_text())["gates"] if found.exists() else []
        return code, [gate["value"] for gate in gates], capsys.readouterr().err

    return evaluate


def frame():
    rows = models.rows(300)
    random = np.random.default_rng(1)
    grade = random.integers(0, 3, len(rows))
    return rows.assign(
        late=rows["late"].astype(int),
        mood=np.where(rows["late"], "POSITIVE", "NEGATIVE"),
        grade=grade,
        z=grade + 0.3 * random.normal(size=len(rows)),
    )


@pytest.mark.parametrize(("sign", "code"), [(-1, 0), (1, 1)], ids=["right", "the wrong way round"])
def test_a_frame_of_prediction_and_probability_is_judged_by_its_predictions(evaluate, sign, code):
    found, [value], _ = evaluate(
        SHARE.format(sign=sign)
        + "said = (share >= 0.5).astype(int)\n"
        + "return pandas.DataFrame({'prediction': said, 'probability': share})",
        "label: late, positive: 1",
        "{metric: accuracy, at_least: 0.6}",
    )
    rows = frame()
    said = -sign * (rows["x"] + rows["y"] / 2) >= 0
    assert code == found
    assert value == pytest.approx((said == rows["late"]).mean())


def test_the_score_of_a_text_classifier_is_that_of_its_label(evaluate):
    rows = frame()
    code, [accuracy, loss], _ = evaluate(
        "good = frame['x'] > 0\n"
        "label = good.map({True: 'POSITIVE', False: 'NEGATIVE'})\n"
        "return pandas.DataFrame({'label': label, 'score': good.map({True: 0.9, False: 0.8})})",
        "label: mood, positive: POSITIVE",
        "{metric: accuracy, at_least: 0.6}, {metric: log_loss, at_most: 1}",
    )
    share = np.where(rows["x"] > 0, 0.9, 0.2)
    chance = np.where(rows["late"] == 1, share, 1 - share)
    assert 0 == code
    assert accuracy == pytest.approx(((share > 0.5) == rows["late"]).mean())
    assert loss == pytest.approx(-np.log(chance).mean())


def test_a_class_that_no_row_has_is_no_trouble(evaluate):
    code, [accuracy, loss], _ = evaluate(
        "import numpy\n"
        "e = numpy.exp(-3 * (frame['z'].to_numpy()[:, None] - numpy.arange(4)) ** 2)\n"
        "return e / e.sum(axis=1, keepdims=True)",
        "label: grade, task: multiclass",
        "{metric: accuracy, at_least: 0.6}, {metric: log_loss, at_most: 2}",
    )
    rows = frame()
    shares = np.exp(-3 * (rows["z"].to_numpy()[:, None] - np.arange(4)) ** 2)
    shares /= shares.sum(axis=1, keepdims=True)
    assert 0 == code
    assert accuracy == pytest.approx((shares.argmax(axis=1) == rows["grade"]).mean())
    assert loss == pytest.approx(-np.log(shares[np.arange(len(rows)), rows["grade"]]).mean())


def test_two_columns_without_names_are_asked_about(evaluate):
    predict = SHARE.format(sign=-1) + "return numpy.column_stack([share, 1 - share])"
    gate = "{metric: accuracy, at_least: 0.6}"

    code, _, said = evaluate(predict, "label: late, positive: 1", gate)
    assert 4 == code
    assert "cdml cannot decide which class each belongs to" in said
    assert "classes: [0, 1]" in said


def test_the_order_that_was_asked_for_is_taken(evaluate):
    predict = SHARE.format(sign=-1) + "return numpy.column_stack([share, 1 - share])"

    code, [value], _ = evaluate(
        predict, "label: late, positive: 1, classes: [1, 0]", "{metric: accuracy, at_least: 0.6}"
    )
    assert 0 == code
    assert value > 0.6


def test_a_gate_on_probabilities_that_nobody_answers_says_so(evaluate):
    code, _, said = evaluate(
        "return (frame['x'] > 0).map({True: 'POSITIVE', False: 'NEGATIVE'})",
        "label: mood, positive: POSITIVE",
        "{metric: log_loss, at_most: 1}",
    )
    assert 4 == code
    assert "log_loss needs probabilities" in said
