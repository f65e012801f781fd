"""A slice whose interval crosses the margin is told as a pass by nobody."""

import json
import re

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from cdml.cli import run

CONFIG = """\
version: 1
model: flights
registry: {uri: "http://registry.test"}
data: {evaluation: new.parquet, key: [id], label: y, positive: 1, slices: [region]}
gates:
  - {metric: accuracy, max_regression: 0.05}
"""
MARK = "no regression proven"


@pytest.fixture
def judged(tmp_path, monkeypatch):
    """Two models that are equally good, on many rows of one region and few of another."""
    monkeypatch.chdir(tmp_path)
    dice = np.random.default_rng(3)
    label = dice.integers(0, 2, 4000)
    region = np.where(np.arange(4000) < 250, "small", "large")
    for name in ("old", "new"):
        answers = np.where(dice.random(4000) < 0.8, label, 1 - label)
        columns = {"id": range(4000), "y": label, "region": region, "prediction": answers}
        parquet.write_table(pa.table(columns), tmp_path / f"{name}.parquet")
    (tmp_path / "cdml.yaml").write_text(CONFIG)
    assert 0 == run(["evaluate-model", "--predictions", "new.parquet"])
    return tmp_path / ".cdml"


def test_it_has_a_mark_of_its_own_in_every_format_and_its_verdict_stays(judged, capsys):
    pair = ("--challenger", "new.parquet", "--champion", "old.parquet")
    assert 0 == run(["compare-to-champion", *pair])
    assert f"{MARK}: Accuracy for region small\n" in capsys.readouterr().out
    assert 0 == run(["report"])

    gates = json.loads((judged / "comparison.json").read_text())["gates"]
    assert ["pass"] * 3 == [gate["verdict"] for gate in gates]
    for told in (
        capsys.readouterr().out,
        (judged / "comment.md").read_text(),
        (judged / "report.html").read_text(),
    ):
        assert f"1 of 2 passed, {MARK} in 1" in told
        assert "All 3 comparisons pass" not in told
    skipped = re.findall("<skipped message=.(.*?):", (judged / "gates.junit.xml").read_text())
    assert [MARK] == skipped
