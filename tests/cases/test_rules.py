"""Rules that a model without any skill would pass, and honest data that looked like a leak."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn import datasets

from cdml.cli import exit_codes


@pytest.fixture
def rows(tmp_path, monkeypatch):
    """Predictions of a champion and of a challenger that answers at random."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    score = rng.beta(0.7, 1.5, 2000)
    label = (rng.random(2000) < score).astype(int)
    for name, scores in (("old", score), ("random", rng.random(2000))):
        columns = {"id": np.arange(2000), "label": label, "score": scores}
        table = pa.table(columns | {"prediction": (scores > 0.5).astype(int)})
        pq.write_table(table, tmp_path / f"{name}.parquet")
    return tmp_path


def configure(folder, gate, data="positive: 1"):
    text = f"data: {{evaluation: old.parquet, key: [id], label: label, {data}}}\n"
    text = f"version: 1\nmodel: m\n{text}gates:\n  - {{{gate}}}\n"
    (folder / "cdml.yaml").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("gate", "meant"),
    [
        ("metric: roc_auc, max_regression: 5", "did you mean 5%?"),
        ("metric: accuracy, max_regression: 1", "did you mean 1%?"),
        ("metric: f1, max_regression: 100%", "every model passes"),
    ],
)
def test_a_margin_as_wide_as_the_metric_is_no_comparison(rows, capsys, gate, meant):
    configure(rows, gate)
    models = ["--challenger", "random.parquet", "--champion", "old.parquet"]

    assert 2 == exit_codes.run(["compare-to-champion", *models])
    told = capsys.readouterr().err
    assert "line 5: gates[0].max_regression: " in told
    assert meant in told
    assert not (rows / ".cdml" / "comparison.json").exists()


@pytest.mark.parametrize(
    ("gate", "code"),
    [
        ("metric: log_loss, at_least: 0.3", 2),
        ("metric: roc_auc, at_most: 0.7", 2),
        ("metric: roc_auc, at_most: 0.7, sanity: true", 0),
        ("metric: roc_auc, at_least: 0.6, at_most: 0.99, sanity: true", 1),
    ],
)
def test_a_bound_that_only_bad_models_keep_is_refused_or_meant(rows, gate, code):
    configure(rows, gate)

    assert code == exit_codes.run(["evaluate-model", "--predictions", "random.parquet"])


@pytest.mark.parametrize(
    ("load", "leaks"),
    [
        (datasets.load_iris, False),
        (datasets.load_digits, False),
        (datasets.load_iris, True),
        (datasets.load_digits, True),
    ],
)
def test_a_class_that_is_easy_to_tell_is_no_leak_and_a_code_of_all_is(
    tmp_path, monkeypatch, load, leaks
):
    monkeypatch.chdir(tmp_path)
    data = load()
    columns = {f"x{at}": data.data[:, at] for at in range(data.data.shape[1])}
    if leaks:
        columns["code"] = [f"case {(3 * one + 1) % 10}" for one in data.target]
    named = {"id": np.arange(len(data.target)), "label": data.target}
    pq.write_table(pa.table(columns | named), tmp_path / "old.parquet")
    configure(tmp_path, "metric: accuracy, at_least: 0.5", "task: multiclass")

    assert 0 == exit_codes.run(["validate-data"])
    checks = json.loads((tmp_path / ".cdml" / "data.json").read_bytes())["checks"]
    found = [check["column"] for check in checks if check["name"] == "label_given_away"]
    assert (["code"] if leaks else []) == found
