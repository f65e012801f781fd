"""What can be asked in CI without a registry: two predictions files, and a report."""

import pytest

from cdml.cli import exit_codes
from fakes.judging import World


@pytest.fixture
def folder(tmp_path, monkeypatch):
    world = World(tmp_path)
    world.predictions("better")
    world.predictions("good")
    text = world.config.replace("GATES", "{metric: accuracy, max_regression: 0.3}")
    text = text.replace("POLICY", "").replace("folder:registry", "${MLFLOW_TRACKING_URI}")
    (tmp_path / "cdml.yaml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    for name in ("GITHUB_ACTIONS", "GITHUB_EVENT_PATH", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_two_predictions_files_need_none(folder):
    files = ["--challenger", "better.parquet", "--champion", "good.parquet"]

    assert 0 == exit_codes.run(["compare-to-champion", *files])
    assert (folder / ".cdml" / "comparison.json").is_file()


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("champion", [(), ("--champion", "models:/late/1")])
def test_whoever_asks_for_a_version_needs_one(champion, capsys):
    assert 2 == exit_codes.run(["compare-to-champion", "--challenger", "better.parquet", *champion])
    assert "registry.uri" in capsys.readouterr().err


def test_a_report_says_that_nothing_was_judged(folder):
    assert 3 == exit_codes.run(["report"])
    assert "left no evidence" in (folder / ".cdml" / "report.md").read_text(encoding="utf-8")
