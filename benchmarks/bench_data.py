"""A contract of 25 checks on 5 million rows of 12 columns, beside others that check the same.

Whole processes, imports included. Ours also takes the data's digest, validates key and label and
looks for columns that give the label away; the others check the contract alone.

    CDML_BENCH_ROWS=50000000    rows of the large table, 20 million unless said
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import yaml
from data_rivals import GREAT_EXPECTATIONS, by_hand
from measure import ROOT, Row, Usage, usage

ROWS = 5_000_000
LARGE = int(os.environ.get("CDML_BENCH_ROWS", "20000000"))
UV = Path(sys.executable).parent / "uv"
PATIENCE = 600
CONFIG = """
version: 1
model: bench
data: {evaluation: DATA, contract: CONTRACT, key: [id], label: late, positive: true}
"""
TABLE = """
COPY (SELECT range AS id, (hash(range) % 400000)::BIGINT AS customer,
  'user' || (hash(range + 1) % 1000000) || '@example.org' AS email,
  ['DE', 'FR', 'IT', 'ES', 'PL', 'NL'][1 + (hash(range + 2) % 6)::BIGINT] AS country,
  (18 + hash(range + 3) % 80)::INTEGER AS age,
  CASE WHEN hash(range + 4) % 50 > 0 THEN (hash(range + 5) % 9000000) / 100.0::DOUBLE END AS income,
  ((hash(range + 6) % 1000001) / 1e6)::DOUBLE AS score,
  TIMESTAMP '2020-01-01' + INTERVAL 1 SECOND * (hash(range + 7) % 100000000)::BIGINT AS created,
  ['new', 'open', 'paid', 'shut'][1 + (hash(range + 8) % 4)::BIGINT] AS status,
  ((hash(range + 9) % 1000000) / 100.0)::DOUBLE AS amount,
  hash(range + 10) % 2 = 0 AS flag, hash(range + 11) % 3 = 0 AS late
  FROM range(ROWS)) TO 'DATA' (FORMAT parquet, COMPRESSION zstd)
"""
PATTERN = r"^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$"
LIMIT = {"metric": "nullValues", "unit": "percent", "mustBeLessThan": 5}
COLUMNS = {
    "id": {"logicalType": "integer", "required": True, "unique": True},
    "customer": {
        "logicalType": "integer",
        "required": True,
        "logicalTypeOptions": {"minimum": 0},
    },
    "email": {
        "logicalType": "string",
        "required": True,
        "logicalTypeOptions": {"pattern": PATTERN},
    },
    "country": {
        "logicalType": "string",
        "required": True,
        "enum": [{"value": value} for value in ("DE", "FR", "IT", "ES", "PL", "NL")],
    },
    "age": {
        "logicalType": "integer",
        "required": True,
        "logicalTypeOptions": {"minimum": 0, "maximum": 120},
    },
    "income": {
        "logicalType": "number",
        "logicalTypeOptions": {"minimum": 0},
        "quality": [LIMIT],
    },
    "score": {
        "logicalType": "number",
        "required": True,
        "logicalTypeOptions": {"minimum": 0, "maximum": 1},
    },
    "created": {"logicalType": "timestamp", "required": True},
    "status": {
        "logicalType": "string",
        "required": True,
        "enum": [{"value": value} for value in ("new", "open", "paid", "shut")],
    },
    "amount": {
        "logicalType": "number",
        "required": True,
        "logicalTypeOptions": {"minimum": 0, "maximum": 10000},
    },
    "flag": {"logicalType": "boolean", "required": True},
    "late": {"logicalType": "boolean", "required": True},
}
"""24 checks beside types; the number of rows is the 25th."""


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="cdml-bench-") as name:
        folder = Path(name)
        small, large = folder / "small.parquet", folder / "large.parquet"
        write_table(small, ROWS)
        ours = validate(folder, small, 0, times=3)
        hand = usage([sys.executable, "-c", by_hand(small, PATTERN)], 3)
        yield _at_most(
            "`cdml validate-data` / the same 25 checks as one query by hand, 5 M × 12",
            ours.seconds / hand.seconds, 1.5, f"{ours.seconds:.2f} s / {hand.seconds:.2f} s",
        )  # fmt: skip
        yield Row(
            "memory of the same", f"{ours.mebibytes:.0f} MiB (by hand {hand.mebibytes:.0f})",
            "≤ 512 MiB", ours.mebibytes <= 512,
        )  # fmt: skip
        many = validate(folder, small, 175, times=3)
        yield _at_most(
            "200 checks / 25 checks", many.seconds / ours.seconds, 3.0,
            f"{many.seconds:.2f} s / {ours.seconds:.2f} s",
        )  # fmt: skip
        yield from _rivals(folder, small, ours)
        write_table(large, LARGE)
        more = validate(folder, large, 0, times=1)
        yield _at_most(
            f"time for each row, {LARGE / 1e6:.0f} M rows / 5 M rows",
            more.seconds / LARGE / (ours.seconds / ROWS), 1.25,
            f"{more.seconds:.1f} s, {more.mebibytes:.0f} MiB",
        )  # fmt: skip


def _at_most(name: str, ratio: float, goal: float, detail: str) -> Row:
    return Row(name, f"{ratio:.2f} × ({detail})", f"≤ {goal:g} ×", ratio <= goal)


def write_table(path: Path, many: int) -> None:
    duckdb.execute(TABLE.replace("ROWS", str(many)).replace("DATA", str(path)))


def validate(folder: Path, data: Path, further: int, *, times: int) -> Usage:
    config = write_config(folder, data, further)
    return usage([sys.executable, "-m", "cdml", "validate-data", "--config", str(config)], times)


def write_config(folder: Path, data: Path, further: int) -> Path:
    contract = folder / f"bench-{further}.odcs.yaml"
    contract.write_text(_contract(data, further), encoding="utf-8")
    config = folder / f"{data.stem}-{further}.yaml"
    text = CONFIG.replace("DATA", data.name).replace("CONTRACT", contract.name)
    config.write_text(text, encoding="utf-8")
    return config


def _contract(data: Path, further: int) -> str:
    """The contract; further checks look for numbers that stand for a missing value."""
    columns = {name: {"name": name, **told} for name, told in COLUMNS.items()}
    numbers = ("customer", "age", "income", "score", "amount")
    for at in range(further):
        name = numbers[at % len(numbers)]
        rule = {"metric": "missingValues", "arguments": {"missingValues": [-1 - at]}}
        known = columns[name].get("quality", [])
        columns[name]["quality"] = [*known, {**rule, "mustBeLessThan": 1_000_000}]
    document = {
        "apiVersion": "v3.2.0", "kind": "DataContract", "id": "bench", "name": "bench",
        "version": "1.0.0", "status": "active",
        "servers": [
            {"server": "local", "type": "local", "path": str(data), "format": "parquet"}
        ],
        "schema": [
            {
                "name": data.stem, "logicalType": "object",
                "quality": [{"metric": "rowCount", "mustBeGreaterThan": 1000}],
                "properties": list(columns.values()),
            }
        ],
    }  # fmt: skip
    return yaml.safe_dump(document, sort_keys=False)


def _rivals(folder: Path, data: Path, ours: Usage) -> Iterator[Row]:
    contract = folder / "bench-0.odcs.yaml"
    for name, goal, packages, command in (
        ("datacontract-cli", 4, ["datacontract-cli[duckdb]"],
         ["bin/datacontract", "test", str(contract)]),
        ("Great Expectations", 15, ["great-expectations", "pandas<3", "pyarrow"],
         ["bin/python", "-W", "ignore", "-c", GREAT_EXPECTATIONS, str(data), PATTERN]),
    ):  # fmt: skip
        taken = _installed(folder / name.split(maxsplit=1)[0], packages, command)
        if taken is None:
            yield Row(f"{name} / `cdml validate-data`", "not installable", "—", reached=True)
            continue
        ratio = taken.seconds / ours.seconds
        yield Row(
            f"{name} / `cdml validate-data`",
            f"{ratio:.1f} × ({taken.seconds:.1f} s, {taken.mebibytes:.0f} MiB)",
            f"≥ {goal} ×", ratio >= goal,
        )  # fmt: skip


def _installed(place: Path, packages: list[str], command: list[str]) -> Usage | None:
    """Its process, in an environment of its own; None where that cannot be made."""
    install = [str(UV), "pip", "install", "-q", "--python", str(place / "bin" / "python")]
    try:
        subprocess.run([str(UV), "venv", "-q", str(place)], check=True, cwd=ROOT)
        subprocess.run([*install, *packages], check=True, timeout=PATIENCE, cwd=ROOT)
        return usage([str(place / command[0]), *command[1:]])
    except (OSError, subprocess.SubprocessError, RuntimeError) as error:
        print(f"{packages[0]}: {error}", file=sys.stderr)
        return None
