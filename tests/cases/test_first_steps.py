"""`cdml init --data` on the command line: every kind of file, and then the first check of it."""

import gzip

import pyarrow as pa
import pytest
from pyarrow import parquet

from cdml.cli import run
from cdml.config import load
from cdml.data.odcs.reader import read_contract

ROWS = {"id": [1, 2, 3], "x": [0.5, 0.7, 0.9], "label": [1, 0, 1]}
CSV = "id,x,label\n1,0.5,1\n2,0.7,0\n3,0.9,1\n"
JSON_LINES = '{"id":1,"x":0.5,"label":1}\n{"id":2,"x":0.7,"label":0}\n'


@pytest.fixture
def repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "parts").mkdir()
    for name, text in {
        "rows.csv": CSV,
        "rows.tsv": CSV.replace(",", "\t"),
        "two words.csv": CSV,
        "rows.jsonl": JSON_LINES,
        "rows.ndjson": JSON_LINES,
        "rows.json": JSON_LINES,
    }.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(text.encode()))
    for name in ("rows.parquet", "rows.pq", "parts/a.parquet"):
        parquet.write_table(pa.table(ROWS), tmp_path / name)
    parquet.write_table(pa.table({**ROWS, "id": [4, 5, 6]}), tmp_path / "parts/b.parquet")
    return tmp_path


@pytest.mark.parametrize(
    "data",
    [
        "rows.csv",
        "rows.csv.gz",
        "rows.tsv",
        "two words.csv",
        "rows.json",
        "rows.jsonl",
        "rows.jsonl.gz",
        "rows.ndjson",
        "rows.parquet",
        "rows.pq",
        "parts/*.parquet",
        "parts",
        "file://{folder}/rows.csv",
        "{folder}/rows.parquet",
    ],
)
def test_the_proposal_for_a_file_holds_of_it(repository, data, capsys):
    data = data.format(folder=repository)

    assert 0 == run(["init", "--data", data]), capsys.readouterr().err
    config = load(repository / "cdml.yaml", targets=["registry"], environment={}).config
    contract = read_contract((repository / config.data.contract).read_text(), config.data.contract)
    assert data == config.data.evaluation
    assert ["id"] == list(config.data.key)
    assert ["id", "x", "label"] == [column.name for column in contract.properties]
    assert 0 == run(["validate-data"]), capsys.readouterr().out


def test_nothing_is_written_for_data_that_is_not_there(repository, capsys):
    assert 4 == run(["init", "--data", "nowhere.csv"])
    assert "nowhere.csv does not exist" in capsys.readouterr().err
    assert not (repository / "cdml.yaml").exists()
    assert not (repository / ".github").exists()
