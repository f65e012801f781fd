"""Predictions and rows in a bucket are judged as those on this machine."""

import json

import pytest

from cdml.cli import run
from fakes.s3_server import S3Server
from support.models import rows

CONFIG = """\
version: 1
model: flights
registry: {uri: "folder:registry"}
data: {evaluation: "PLACErows.parquet", key: [id], label: late, positive: true, slices: [origin]}
gates:
  - {metric: accuracy, at_least: 0.6, max_regression: 0.2}
  - {metric: roc_auc, max_regression: 0.2}
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A function that judges what lies at a place; the bucket has what the folder has."""
    for name in ("CI", "GITHUB_ACTIONS", "MLFLOW_TRACKING_URI", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    frame = rows()
    with S3Server("team") as server:
        for name, weight in {"rows": None, "old": 0.4, "new": 0.5}.items():
            table = frame
            if weight is not None:
                score = 1 / (1 + 2.718 ** -(frame["x"] + weight * frame["y"]))
                table = frame[["id", "late", "origin"]].assign(prediction=score > 0.5, score=score)
            table.to_parquet(f"{name}.parquet", index=False)
            path = tmp_path / f"{name}.parquet"
            server.objects["team"][f"judged/{name}.parquet"] = path.read_bytes()
        for name, value in {
            "AWS_ENDPOINT_URL": server.address,
            "AWS_ACCESS_KEY_ID": "AKIAMADEUP",
            "AWS_SECRET_ACCESS_KEY": "made-up-secret",
            "AWS_REGION": "eu-central-1",
        }.items():
            monkeypatch.setenv(name, value)

        def judge(place):
            (tmp_path / "cdml.yaml").write_text(CONFIG.replace("PLACE", place))
            models = ("--predictions", f"{place}new.parquet", "--champion", f"{place}old.parquet")
            code = run(["gate", *models])
            written = {
                name: json.loads((tmp_path / f".cdml/{name}.json").read_text())
                for name in ("data", "evaluation", "comparison")
            }
            return code, written

        yield judge


def test_the_figures_are_those_of_the_same_files_here(project):
    code, here = project("")
    code_there, there = project("s3://team/judged/")

    assert (0, 0) == (code, code_there)
    for stage, written in here.items():
        for part in written.keys() & {"metrics", "gates"}:
            assert written[part] == there[stage][part], (stage, part)
    assert here["data"]["data"]["digest"] == there["data"]["data"]["digest"]
    assert "s3://team/judged/new.parquet" == there["comparison"]["challenger"]["uri"]
    assert "s3://team/judged/old.parquet" == there["comparison"]["champion"]["uri"]


def test_predictions_that_are_not_there_are_a_sentence(project, capsys):
    project("")
    missing, old = "s3://team/none.parquet", "s3://team/judged/old.parquet"

    assert 4 == run(["compare-to-champion", "--challenger", missing, "--champion", old])
    assert f"{missing} does not exist." in capsys.readouterr().err
