"""Every file of the corpus through the whole command: a verdict, or a sentence and exit 4."""

import json

import pytest

from cdml.cli import exit_codes
from support.corpus import BROKEN, ODD, ROWS, saved

pytestmark = pytest.mark.long

CONFIG = """\
version: 1
model: m
data:
  evaluation: {}
  key: [id]
  label: late
  positive: true
"""
WIDE = frozenset({"wide"})
"""Judged without a reference: to profile 5,000 columns takes a minute."""


@pytest.fixture
def judged(tmp_path, monkeypatch, capsys):
    """The exit code of `validate-data` on a file, what it said, and its evidence."""
    monkeypatch.chdir(tmp_path)
    for name in ("CI", "GITHUB_ACTIONS", "GITHUB_EVENT_PATH", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)

    def judge(name, *options):
        (tmp_path / "cdml.yaml").write_text(CONFIG.format(name), encoding="utf-8")
        code = exit_codes.run(["validate-data", *options])
        path = tmp_path / ".cdml" / "data.json"
        evidence = json.loads(path.read_bytes()) if path.exists() else None
        return code, capsys.readouterr().err, evidence

    return judge


@pytest.mark.parametrize("name", ODD)
def test_odd_columns_are_judged(judged, tmp_path, name):
    columns = ODD[name]()
    compared = () if name in WIDE else ("--reference", "before.parquet")
    saved(tmp_path / "now.parquet", **columns)
    saved(tmp_path / "before.parquet", **columns | {"id": list(range(ROWS, 2 * ROWS))})
    code, said, evidence = judged("now.parquet", *compared)

    assert code in (0, 1, 3), said
    if not compared:
        return
    told = {check["column"] for check in evidence["checks"] if check["name"] == "drift"}
    assert set(columns) <= told
    assert not [c for c in evidence["checks"] if c["name"] == "drift" and c["verdict"] == "fail"]


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_an_input_error(judged, tmp_path, name):
    BROKEN[name](tmp_path / name)
    code, said, evidence = judged(name)

    assert (4, None) == (code, evidence), said
    [told] = [line for line in said.splitlines() if not line.startswith(" ")]
    assert told.startswith(f"cdml: {name} ")


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_reference_is_one_too(judged, tmp_path, name):
    saved(tmp_path / "now.parquet")
    BROKEN[name](tmp_path / name)
    code, said, _ = judged("now.parquet", "--reference", name)

    assert 4 == code, said
