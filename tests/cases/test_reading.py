"""Files that were misread, on the command line: the same rows, whatever they are written in."""

import json

import numpy as np
import pandas as pd
import pytest

from cdml.cli import run
from support.models import save_sklearn

pytestmark = pytest.mark.long

CONFIG = """
version: 1
model: m
data: {{evaluation: {data}, key: [id], label: late, positive: 1{more}}}
{gates}
scoring: {{environment: current}}
"""
CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: rows
version: 1.0.0
status: active
schema:
  - name: rows
    properties:
      - {{name: week, logicalType: date, logicalTypeOptions: {{format: {format}, {more}}}}}
"""
GATES = "gates: [{metric: accuracy, at_least: 0.8}]"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def configure(folder, data, *, gates="", more=""):
    (folder / "cdml.yaml").write_text(CONFIG.format(data=data, gates=gates, more=more))


def checks(folder, column):
    found = json.loads((folder / ".cdml" / "data.json").read_text())["checks"]
    return {one["name"]: one for one in found if one["column"] == column}


@pytest.mark.parametrize("months", [1, 10, 12])
def test_a_file_a_month_is_read_whatever_their_number(folder, months):
    rows = [(n, "9.5" if n // 20 == months - 1 else "9", n % 2) for n in range(20 * months)]
    (folder / "m").mkdir()
    for month in range(months):
        lines = (f"{a},{b},{c}\n" for a, b, c in rows[20 * month : 20 * month + 20])
        (folder / "m" / f"{month:02d}.csv").write_text("id,price,late\n" + "".join(lines))
    configure(folder, '"m/*.csv"')

    assert 0 == run(["validate-data"])


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
def test_long_keys_are_told_apart_in_every_format(folder, kind):
    ids = [12345678901234567000 + number for number in range(100)]
    frame = pd.DataFrame({"id": ids, "late": [n % 2 for n in range(100)]}).astype({"id": "uint64"})
    write(frame, folder / f"rows.{kind}")
    configure(folder, f"rows.{kind}")

    assert 0 == run(["validate-data"])


def write(frame, path):
    match path.suffix:
        case ".parquet":
            frame.to_parquet(path, index=False)
        case ".csv":
            frame.to_csv(path, index=False)
        case _:
            frame.to_json(path, orient="records", lines=True)


def dated(rows=200):
    return "id,week,late\n" + "".join(
        f"{i},{i % 10 + 1:02d}/01/2026,{i % 2}\n" for i in range(rows)
    )


def test_dates_are_read_in_the_format_of_the_contract(folder):
    (folder / "rows.csv").write_text(dated())
    (folder / "c.yaml").write_text(
        CONTRACT.format(format="MM/dd/yyyy", more='maximum: "2026-06-30"')
    )
    configure(folder, "rows.csv", more=", contract: c.yaml")

    assert 1 == run(["validate-data"])
    assert 80 == checks(folder, "week")["maximum"]["failing_rows"]


def test_a_format_that_cannot_be_applied_holds(folder):
    (folder / "rows.csv").write_text(dated())
    (folder / "c.yaml").write_text(CONTRACT.format(format="MM/DD/YYYY", more=""))
    configure(folder, "rows.csv", more=", contract: c.yaml")

    assert 3 == run(["validate-data"])
    assert "inconclusive" == checks(folder, "week")["format"]["verdict"]


def test_a_date_of_another_format_is_a_failing_row_with_its_line(folder):
    (folder / "rows.csv").write_text(dated() + "200,13/01/2026,1\n")
    (folder / "c.yaml").write_text(CONTRACT.format(format="MM/dd/yyyy", more=""))
    configure(folder, "rows.csv", more=", contract: c.yaml")

    assert 1 == run(["validate-data"])
    found = checks(folder, "week")
    assert (1, 201) == (found["format"]["failing_rows"], found["format"]["sample"][0]["row"])
    assert "line 202 of rows.csv" in found["logical_type"]["reason"]


@pytest.mark.parametrize("address", ["s3://b/x.parquet", "az://c/x.parquet", "oss://b/x.csv"])
def test_data_in_an_object_store_is_told_what_to_do(folder, address, capsys, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # where no store answers
    configure(folder, f'"{address}"')

    assert 4 == run(["validate-data"])
    assert "ownload it in an earlier step" in capsys.readouterr().err


def test_a_store_that_pyarrow_was_built_without_is_a_sentence(folder, capsys, monkeypatch):
    monkeypatch.delattr("pyarrow.fs.GcsFileSystem")
    configure(folder, '"gs://b/x.csv"')

    assert 4 == run(["validate-data"])
    assert "was built without this store" in capsys.readouterr().err


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model that knows weeks as text, with and without a signature, and its rows."""
    from mlflow.models import infer_signature
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    random, count = np.random.default_rng(3), 400
    week, x = random.integers(0, 8, count), random.normal(size=count)
    late = x + 1.5 * (week % 2 * 2 - 1) + random.normal(size=count) > 0
    frame = pd.DataFrame(
        {"id": range(count), "week": [f"2026-03-{2 + w:02d}" for w in week], "x": x}
    ).assign(late=late.astype(int))
    known = frame[["week", "x"]]
    encoded = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["week"]), remainder="passthrough"
    )
    model = make_pipeline(encoded, LogisticRegression()).fit(known, frame.late)
    folder = tmp_path_factory.mktemp("models")
    save_sklearn(folder / "signed", model, signature=infer_signature(known))
    save_sklearn(folder / "bare", model)
    return folder, frame, model.score(known, frame.late)


@pytest.mark.parametrize(
    ("kind", "model", "contract"),
    [("csv", "signed", True), ("jsonl", "signed", False), ("csv", "bare", True)],
)
def test_a_model_is_given_the_text_that_it_was_trained_on(folder, trained, kind, model, contract):
    models, frame, expected = trained
    write(frame, folder / f"rows.{kind}")
    (folder / "c.yaml").write_text(CONTRACT.format(format="yyyy-MM-dd", more=""))
    configure(folder, f"rows.{kind}", gates=GATES, more=", contract: c.yaml" if contract else "")
    run(["evaluate-model", "--model", str(models / model)])
    evaluation = json.loads((folder / ".cdml" / "evaluation.json").read_text())

    assert expected == pytest.approx(evaluation["gates"][0]["value"], abs=1e-12)


def test_a_value_that_the_signature_rules_out_is_told_with_its_line(folder, trained, capsys):
    models, frame, _ = trained
    frame.astype({"x": object}).assign(x=["?", *frame.x[1:]]).to_csv("rows.csv", index=False)
    configure(folder, "rows.csv", gates=GATES)

    assert 4 == run(["evaluate-model", "--model", str(models / "signed")])
    assert "line 2 of rows.csv: the value of 'x' is not of type number" in capsys.readouterr().err
