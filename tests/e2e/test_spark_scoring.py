"""`cdml gate` where Spark scores: the figures are those of a scoring on the runner."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from cdml.cli import exit_codes
from support import models

CONFIG = """
version: 1
model: late
registry: {{uri: "folder:registry"}}
data:
  evaluation: "spark://local#{rows}"
  key: [id]
  label: late
  positive: true
  slices: [origin]
gates:
  - {{metric: f1, at_least: 0.2, max_regression: 0.5, slices: {{max_regression: 0.6}}}}
  - {{metric: log_loss, at_most: 2}}
{scoring}
"""
SPARK = "scoring: {{engine: spark, environment: current, timeout: 1h, output: {folder}/spark}}"
NOSY = """
import os, pathlib
seen = str(dict(os.environ)) + pathlib.Path('/proc/self/environ').read_text()
assert 'hunter2' not in seen, 'a secret'
share = 1 / (1 + 2.718281828 ** -frame['x'])
return pandas.DataFrame({'late': share > 0.5, 'score': share})
"""
SECRETS = {"MLFLOW_TRACKING_TOKEN": "hunter2", "AWS_SECRET_ACCESS_KEY": "hunter2"}


def gate(folder, scoring, challenger, champion):
    """The command's end and its evidence; on its own, as a user runs it."""
    rows = models.parquet(folder)
    text = CONFIG.format(rows=rows, scoring=scoring.format(folder=folder))
    (folder / "cdml.yaml").write_text(text, encoding="utf-8")
    option = "--predictions" if "://" in str(challenger) else "--model"
    done = subprocess.run(
        [sys.executable, "-m", "cdml", "gate", option, challenger, "--champion", champion],
        cwd=folder, env={**os.environ, **SECRETS, "CI": ""}, check=False, text=True,
        capture_output=True, timeout=3600,
    )  # fmt: skip
    names = ("data", "evaluation", "comparison")
    files = [folder / ".cdml" / f"{name}.json" for name in names]
    assert all(file.exists() for file in files), done.stderr
    return done, [json.loads(file.read_text(encoding="utf-8")) for file in files]


def figures(evidence):
    _, evaluation, comparison = evidence
    values = {
        f"{one['metric']} {one['slice']}": one["value"]
        for one in evaluation["metrics"]
        if isinstance(one["value"], float) and "latency" not in one["metric"]
    }
    reasons = [(one["metric"], one["slice"], one["reason"]) for one in comparison["gates"]]
    return values, reasons


@pytest.mark.long
@pytest.mark.xdist_group("spark")
def test_spark_scores_as_the_runner_does_and_keeps_only_what_the_evidence_names(tmp_path):
    compared = (
        models.classifier(tmp_path / "new", features=("x", "y")),
        models.written(tmp_path / "old", NOSY),
    )

    local, expected = gate(tmp_path, "scoring: {{environment: current, timeout: 1h}}", *compared)
    shutil.copy(tmp_path / ".cdml" / "predictions.parquet", tmp_path / "local.parquet")
    spark, found = gate(tmp_path, SPARK, *compared)

    assert (0, 0) == (local.returncode, spark.returncode), spark.stderr
    (values, reasons), (expected_values, expected_reasons) = figures(found), figures(expected)
    assert len(reasons) > 2
    assert expected_reasons == reasons
    assert len(values) > 10
    shared = {name: expected_values[name] for name in values}
    assert pytest.approx(shared, rel=1e-9, abs=1e-12) == values
    evaluation = found[1]
    assert "spark" == evaluation["isolation"]
    [kept] = (tmp_path / "spark").iterdir()
    assert f"spark://local#{kept}" == evaluation["predictions"]["path"]
    assert "isolation: spark" in spark.stderr
    assert "Traceback" not in spark.stderr

    theirs = f"spark://local#{tmp_path / 'local.parquet'}"
    tables, again = gate(tmp_path, SPARK, f"spark://local#{kept}", theirs)
    assert 0 == tables.returncode, tables.stderr
    values, _ = figures(again)
    assert len(values) > 10
    shared = {name: expected_values[name] for name in values}
    assert pytest.approx(shared, rel=1e-9, abs=1e-12) == values
    both = [(one["challenger"], one["champion"]) for one in again[2]["gates"]]
    assert len(both) > 2
    assert all(pytest.approx(ours, rel=1e-9) == theirs for ours, theirs in both)


def test_rows_that_are_not_in_spark_and_settings_that_do_not_fit_are_told(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    models.parquet(tmp_path)
    model = models.plain(tmp_path / "model", "flavors: {python_function: {loader_module: no}}\n")
    for scoring, rows, told in (
        (SPARK, "rows.parquet", "is not in Spark"),
        ("scoring: {{engine: spark, environment: current}}", "rows.parquet", "needs output"),
        ("scoring: {{engine: spark, output: /x}}", "rows.parquet", "environment: current"),
        ("scoring: {{output: /x}}", "rows.parquet", "the engine is local"),
    ):
        text = CONFIG.format(rows="", scoring=scoring.format(folder=tmp_path))
        text = text.replace('"spark://local#"', rows)
        (tmp_path / "cdml.yaml").write_text(text, encoding="utf-8")

        assert 2 == exit_codes.run(["evaluate-model", "--model", str(model)])
        assert told in capsys.readouterr().err
