"""However the two classes are written, a worse model never passes."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cdml.cli import run

pytestmark = pytest.mark.long

ROWS = 600
WAYS = {
    "truth values": lambda positive: positive,
    "integers": lambda positive: positive.astype(int),
    "floats": lambda positive: positive.astype(float),
    "True and False": lambda positive: np.where(positive, "True", "False"),
    "1 and 0 as text": lambda positive: np.where(positive, "1", "0"),
    "yes and no": lambda positive: np.where(positive, "yes", "no"),
}
POSITIVES = [1, "1 ", "01", True, "TRUE", "Yes", "yes"]


@pytest.fixture
def judge(tmp_path, monkeypatch, capsys):
    """Compare a model that is right in 60 % of the rows with one that is right in 95 %."""
    monkeypatch.chdir(tmp_path)
    draw = np.random.default_rng(1)
    label = draw.random(ROWS) < 0.5

    def judged(labels, answers, positive):
        pd.DataFrame({"id": range(ROWS), "label": WAYS[labels](label)}).to_parquet("rows.parquet")
        for name, share in (("new", 0.6), ("old", 0.95)):
            right = draw.random(ROWS) < share
            prediction = WAYS[answers](np.where(right, label, ~label))
            pd.DataFrame({"id": range(ROWS), "prediction": prediction}).to_parquet(
                f"{name}.parquet"
            )
        data = {"evaluation": "rows.parquet", "key": ["id"], "label": "label", "positive": positive}
        gates = [{"metric": "accuracy", "max_regression": 0.05}]
        config = {"version": 1, "model": "m", "data": data, "gates": gates}
        Path("cdml.yaml").write_text(json.dumps(config))
        files = ["--challenger", "new.parquet", "--champion", "old.parquet"]
        return run(["compare-to-champion", *files]), capsys.readouterr()

    return judged


@pytest.mark.parametrize("answers", WAYS)
@pytest.mark.parametrize("labels", WAYS)
def test_a_worse_model_fails_or_is_refused(judge, labels, answers):
    codes = {str(p): judge(labels, answers, p)[0] for p in POSITIVES}

    assert set(codes.values()) <= {1, 2, 4}, codes
    if labels == answers:
        assert 1 in codes.values()


@pytest.mark.parametrize("positive", [1, True, "True"])
def test_true_is_the_same_as_text_and_as_a_truth_value(judge, positive):
    assert 1 == judge("truth values", "True and False", positive)[0]


def test_a_class_that_is_positive_in_one_column_alone_is_refused(judge):
    code, printed = judge("integers", "1 and 0 as text", "01")

    assert 4 == code
    assert "'01', is written differently in the label and in the column 'prediction'" in printed.err
