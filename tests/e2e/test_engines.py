"""The same contract on a file, on PostgreSQL and on Spark: the same data.json."""

import json
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cdml.cli import exit_codes
from fakes.predictions import binary, rival
from support import databases

CONTRACT = """
apiVersion: v3.2.0
kind: DataContract
id: flights
version: 1.0.0
status: active
schema:
  - name: flights
    quality:
      - {metric: rowCount, mustBeGreaterThan: 100}
      - {metric: duplicateValues, mustBe: 0, arguments: {properties: [carrier, flight]}}
      - {type: sql, query: "SELECT count(*) FROM ${table} WHERE Delay > 60 AND carrier IN ('AA')",
         mustBeLessThan: 5}
      - {type: sql, query: "SELECT avg(delay) / count(DISTINCT Flight) FROM flights", mustBe: 0}
      - {type: sql, mustBeLessThan: 40, query: "WITH Daily AS (SELECT day, count(*) AS n FROM
         flights AS f WHERE f.carrier IS NOT NULL GROUP BY day) SELECT max(N) - min(n) FROM daily"}
      - {type: sql, query: "SELECT count(*) FROM ${table} GROUP BY late", mustBe: 1}
    properties:
      - {name: id, logicalType: integer, required: true, primaryKey: true}
      - {name: carrier, logicalType: string, logicalTypeOptions: {pattern: "^[A-Z]{2}$"},
         enum: [{value: AA}, {value: UA}]}
      - {name: flight, logicalType: integer, logicalTypeOptions: {minimum: 100}}
      - {name: delay, logicalType: number, logicalTypeOptions: {maximum: 60},
         quality: [{metric: nullValues, mustBeLessThan: 1, unit: percent}]}
      - {name: day, logicalType: date, logicalTypeOptions: {minimum: "2013-01-03"}}
      - {name: at, logicalType: timestamp, required: true}
      - {name: late, logicalType: boolean, required: true}
"""
CONFIG = """
version: 1
model: late
registry: {uri: "folder:registry"}
data:
  evaluation: "NOW"
  reference: "BEFORE"
  contract: contract.yaml
  key: [id]
  label: late
  positive: true
"""
SPARK = [
    pytest.mark.xdist_group("spark"),
    pytest.mark.filterwarnings(
        "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"
    ),
    pytest.mark.filterwarnings("ignore:unclosed <socket.socket:ResourceWarning"),
]


def rows(seed, shift=0.0):
    draw = random.Random(seed)
    size = 2000
    delays = [None if draw.random() < 0.02 else draw.gauss(20 + shift, 30) for _ in range(size)]
    days = [1356998400 + 86400 * draw.randint(0, 30) for _ in range(size)]
    return pa.table(
        {
            "id": pa.array(range(size), pa.int64()),
            "carrier": [draw.choice(["AA", "UA", "ua", "Ü9", None]) for _ in range(size)],
            "flight": pa.array([draw.randint(90, 999) for _ in range(size)], pa.int64()),
            "delay": pa.array(delays, pa.float64()),
            "day": pa.array([second // 86400 for second in days], pa.int32()).cast(pa.date32()),
            "at": pa.array([(s + 3661) * 1_000_000 for s in days], pa.timestamp("us")),
            "late": [draw.random() < 0.4 for _ in range(size)],
        }
    )


def checks(folder, now, before, monkeypatch):
    (folder / "contract.yaml").write_text(CONTRACT, encoding="utf-8")
    text = CONFIG.replace("NOW", str(now)).replace("BEFORE", str(before))
    (folder / "cdml.yaml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(folder)
    code = exit_codes.run(["validate-data"])
    found = json.loads((folder / ".cdml" / "data.json").read_text(encoding="utf-8"))
    return code, found["checks"], found["data"]["rows"]


@pytest.fixture(autouse=True)
def hosts(monkeypatch):
    """The workflow's word that credentials may go to the servers of the tests."""
    monkeypatch.setenv("CDML_ALLOW_HOSTS", "127.0.0.1, h")


@pytest.fixture
def files(tmp_path):
    pq.write_table(rows(1, shift=15.0), tmp_path / "now.parquet")
    pq.write_table(rows(2), tmp_path / "before.parquet")
    return tmp_path / "now.parquet", tmp_path / "before.parquet"


@pytest.mark.xdist_group("postgres")
def test_postgres_finds_what_a_file_holds(tmp_path, files, postgres_address, monkeypatch):
    places = [databases.load(postgres_address, file) for file in files]

    expected = checks(tmp_path, *files, monkeypatch)

    assert 1 == expected[0]
    assert expected == checks(tmp_path, *places, monkeypatch)


@pytest.mark.usefixtures("spark_tables")
@pytest.mark.parametrize("engine", [pytest.param("spark", marks=SPARK)])
def test_spark_finds_what_a_file_holds(tmp_path, files, engine, monkeypatch):
    expected = checks(tmp_path, *files, monkeypatch)

    assert expected == checks(tmp_path, *(f"{engine}://local#{f}" for f in files), monkeypatch)


COMPARED = """
version: 1
model: late
registry: {uri: "folder:registry"}
data:
  evaluation: now.parquet
  key: [id]
  label: late
  positive: true
  slices: [carrier]
gates:
  - {metric: roc_auc, max_regression: 0.01}
  - {metric: f1, max_regression: 0.05, slices: {max_regression: 0.2}}
"""


def comparison(folder, challenger, champion, monkeypatch):
    (folder / "cdml.yaml").write_text(COMPARED, encoding="utf-8")
    monkeypatch.chdir(folder)
    options = ["--challenger", str(challenger), "--champion", str(champion)]
    code = exit_codes.run(["compare-to-champion", *options])
    found = json.loads((folder / ".cdml" / "comparison.json").read_text(encoding="utf-8"))
    reasons = [(gate["metric"], gate["slice"], gate["reason"]) for gate in found["gates"]]
    return code, found["verdict"], found["data"]["rows"], reasons


@pytest.fixture
def predictions(tmp_path):
    paths = tmp_path / "new.parquet", tmp_path / "old.parquet"
    for path, made in zip(paths, (binary(2000), rival(binary(2000))), strict=True):
        pq.write_table(pa.Table.from_pylist(made), path)
    return paths


def gate(folder, challenger, champion, rows, monkeypatch):
    (folder / "cdml.yaml").write_text(COMPARED.replace("now.parquet", str(rows)), encoding="utf-8")
    monkeypatch.chdir(folder)
    code = exit_codes.run(["gate", "--predictions", str(challenger), "--champion", str(champion)])
    stages = [
        json.loads((folder / ".cdml" / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("data", "evaluation", "comparison")
    ]
    data, evaluation, compared = stages
    assert len({one["data"]["digest"] for one in stages}) == 1
    assert evaluation["model"] == compared["challenger"]
    reasons = [(one["metric"], one["slice"], one["reason"]) for one in compared["gates"]]
    values = {
        f"{one['metric']} {one['slice']} {end}": number
        for one in evaluation["metrics"]
        for end, number in {"value": one["value"], **(one.get("interval") or {})}.items()
        if isinstance(number, float)
    }
    return (code, [one["verdict"] for one in stages], data["data"]["rows"], reasons), values


@pytest.mark.xdist_group("postgres")
def test_postgres_gates_predictions_as_files_are_gated(
    tmp_path, predictions, postgres_address, monkeypatch, capsys
):
    rows = tmp_path / "now.parquet"
    pq.write_table(pq.read_table(predictions[0]).drop_columns(["prediction", "score"]), rows)
    *tables, now = (databases.load(postgres_address, file) for file in (*predictions, rows))

    expected, values = gate(tmp_path, *predictions, rows, monkeypatch)
    found, measured = gate(tmp_path, *tables, now, monkeypatch)

    assert len(expected[3]) > 5
    assert expected == found
    assert len(values) > 50
    assert pytest.approx(values, rel=1e-9, abs=1e-12) == measured
    for stage in ("evaluation", "comparison"):
        evidence = json.loads((tmp_path / ".cdml" / f"{stage}.json").read_text(encoding="utf-8"))
        assert "those of postgres, which before gave DuckDB's" in " ".join(evidence["notes"])
    capsys.readouterr()
    for options, reason in (
        (["compare-to-champion", "--challenger", tables[0], "--champion", str(predictions[1])],
         "the challenger is a table of predictions, and the champion is not"),
        (["compare-to-champion", "--challenger", str(predictions[0]), "--champion", tables[1]],
         "the champion is a table of predictions, and the challenger is not"),
        (["evaluate-model", "--predictions", tables[0], "--data", str(rows)],
         "are not in the same place"),
    ):  # fmt: skip
        assert 2 == exit_codes.run(options), options
        assert reason in capsys.readouterr().err


@pytest.mark.usefixtures("spark_tables")
@pytest.mark.parametrize("engine", [pytest.param("spark", marks=SPARK)])
def test_spark_compares_predictions_as_files_are_compared(
    tmp_path, predictions, engine, monkeypatch
):
    expected = comparison(tmp_path, *predictions, monkeypatch)
    tables = (f"{engine}://local#{file}" for file in predictions)

    assert expected == comparison(tmp_path, *tables, monkeypatch)


@pytest.mark.xdist_group("postgres")
def test_a_password_is_never_told(tmp_path, files, postgres_address, monkeypatch, capsys):
    places = [databases.load(postgres_address, file) for file in files]

    checks(tmp_path, *(p.replace("cdml@", "cdml:hunter2@") for p in places), monkeypatch)

    assert "hunter2" not in (tmp_path / ".cdml" / "data.json").read_text(encoding="utf-8")
    assert "hunter2" not in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("address", "code", "told"),
    [
        ("postgresql://u:hunter2@127.0.0.1:9/db#t", 5, "does not answer"),
        ("postgresql://u@127.0.0.1:9/db", 2, "names no table"),
        ("db2://u@h/db#t", 2, "unknown engine 'db2'"),
        ("snowflake://u:hunter2@h/db#t", 2, "no driver for snowflake://"),
    ],
)
def test_what_cannot_be_reached_is_told(tmp_path, monkeypatch, capsys, address, code, told):
    (tmp_path / "contract.yaml").write_text(CONTRACT, encoding="utf-8")
    text = CONFIG.replace("NOW", address).replace('  reference: "BEFORE"\n', "")
    (tmp_path / "cdml.yaml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    assert code == exit_codes.run(["validate-data"])
    shown = capsys.readouterr().err
    assert told in shown
    assert "hunter2" not in shown
