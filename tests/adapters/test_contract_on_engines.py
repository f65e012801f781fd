"""Any contract on any table: a verdict, and the same one on every engine."""

import json
from datetime import UTC, date, datetime

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cdml.adapters.tables.duckdb_tables import DuckTables
from cdml.data.odcs.reader import read_contract
from cdml.data.rules.contract import from_contract
from cdml.data.rules.rule import RuleContext
from cdml.data.scan import scan_table
from cdml.errors import ConfigurationError
from cdml.evidence.schema import Check
from fakes.tables import FakeTable, FakeTables

pytestmark = pytest.mark.long

NOW = datetime(2020, 1, 10, tzinfo=UTC)
COLUMNS = ("n", "i", "w", "d")
NUMBERS = st.none() | st.sampled_from([0.0, 1.0, -1.5, 2.25, 1e6, float("nan")])
ROWS = st.lists(
    st.tuples(
        NUMBERS,
        st.none() | st.integers(-5, 5),
        st.none() | st.sampled_from(["", "a", "b", "JFK", "N/A", "ü"]),
        st.none() | st.dates(date(2020, 1, 1), date(2020, 1, 9)),
    ),
    min_size=1,
    max_size=8,
)
FIGURES = st.integers(-3, 3) | st.sampled_from([0.5, 2.5])
OPERATORS = st.one_of(
    st.builds(
        lambda name, value: {name: value},
        st.sampled_from(["mustBe", "mustNotBe", "mustBeGreaterThan", "mustBeLessOrEqualTo"]),
        FIGURES,
    ),
    st.builds(
        lambda name, ends: {name: sorted(ends)},
        st.sampled_from(["mustBeBetween", "mustNotBeBetween"]),
        st.lists(FIGURES, min_size=2, max_size=2, unique=True),
    ),
)
SEVERITIES = st.sampled_from([{}, {"severity": "warning"}, {"severity": "info"}])
UNITS = st.sampled_from([{}, {"unit": "percent"}])
METRICS = st.sampled_from(
    [
        {"metric": "nullValues"},
        {"metric": "missingValues", "arguments": {"missingValues": ["", 0]}},
        {"metric": "invalidValues", "arguments": {"validValues": ["a", 1]}},
        {"metric": "duplicateValues"},
        {"metric": "rowCount"},
    ]
)
LIBRARY = st.builds(lambda *parts: {k: v for p in parts for k, v in p.items()},
                    METRICS, OPERATORS, SEVERITIES, UNITS)  # fmt: skip
CHECKS = st.sampled_from(
    [
        *({"check": name} for name in ("mean", "sum", "minimum", "maximum", "distinctCount")),
        {"check": "standardDeviation"},
        {"check": "quantile", "q": 0.25},
        {"check": "nullValues"},
    ]
)
OWN = st.one_of(
    st.builds(lambda check, bound: {**check, **bound}, CHECKS, OPERATORS),
    st.builds(lambda check, w, f: {**check, "warn": w, "fail": f}, CHECKS, OPERATORS, OPERATORS),
    st.builds(
        lambda left, sign, right: {"compare": f"{left} {sign} {right}"},
        st.sampled_from(COLUMNS), st.sampled_from(["<", "<=", "==", "!=", ">"]),
        st.sampled_from(COLUMNS),
    ),
    st.just({"freshness": {"column": "d", "maxAge": "5d"}}),
)  # fmt: skip
CUSTOM = st.builds(
    lambda implementation: {"type": "custom", "engine": "cdml", "implementation": implementation},
    OWN,
)
SQL = st.builds(
    lambda query, bound: {"type": "sql", "query": query, **bound},
    st.sampled_from(
        [
            "SELECT COUNT(*) FROM ${table} WHERE ${column} IS NULL",
            "SELECT SUM(i) FROM {object}",
            "SELECT COUNT(DISTINCT i) FROM rows",
        ]
    ),
    OPERATORS,
)
OPTIONS = st.sampled_from(
    [
        {},
        {"minimum": 0, "maximum": 2},
        {"exclusiveMinimum": -1},
        {"minLength": 1, "maxLength": 2},
        {"pattern": "^[a-z]"},
        {"multipleOf": 2},
        {"format": "email"},
    ]
)
PROPERTIES = st.builds(
    lambda name, flags, options, accepted, quality: {
        "name": name,
        **flags,
        "logicalTypeOptions": options,
        **({"enum": [{"value": value} for value in accepted]} if accepted else {}),
        "quality": quality,
    },
    st.sampled_from([*COLUMNS, "lost"]),
    st.fixed_dictionaries(
        {},
        optional={"required": st.booleans(), "unique": st.booleans(), "primaryKey": st.booleans()},
    ),
    OPTIONS,
    st.lists(st.sampled_from(["a", "b", 1, 2]), max_size=3, unique=True),
    st.lists(st.one_of(LIBRARY, CUSTOM, SQL), max_size=4),
)
CONTRACTS = st.lists(PROPERTIES, min_size=1, max_size=4, unique_by=lambda prop: prop["name"]).map(
    lambda properties: json.dumps(
        {
            "apiVersion": "v3.2.0",
            "kind": "DataContract",
            "id": "rows",
            "version": "1.0.0",
            "schema": [{"name": "rows", "properties": properties}],
        }
    )
)
_DUCK = DuckTables()


def judged(table, text: str) -> tuple[Check, ...]:
    contract = read_contract(text, "rows.odcs.yaml")
    known = RuleContext(fields={field.name: field for field in table.fields}, now=NOW)
    return scan_table(table, tuple(from_contract(contract, known)), (), contract.may_disclose)[0]


def both(tmp_path, rows: list) -> tuple:
    import pyarrow as pa
    from pyarrow import parquet

    data = dict(zip(COLUMNS, map(list, zip(*rows, strict=True)), strict=True))
    types = [pa.float64(), pa.int64(), pa.string(), pa.date32()]
    arrays = [pa.array(data[name], kind) for name, kind in zip(COLUMNS, types, strict=True)]
    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.table(arrays, COLUMNS), path)
    duck = _DUCK.open(str(path))
    fake = FakeTables().add("rows", data)
    return FakeTable(ref=fake.ref, data=data, fields=duck.fields), duck


@settings(
    max_examples=60,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # shrinking what has so many parts takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rows=ROWS, text=CONTRACTS)
def test_every_engine_says_the_same_of_any_contract(tmp_path, rows, text):
    fake, duck = both(tmp_path, rows)
    try:
        expected = judged(fake, text)
    except ConfigurationError:
        with pytest.raises(ConfigurationError):
            judged(duck, text)
        return
    found = judged(duck, text)

    assert len(expected) == len(found)
    for ours, theirs in zip(found, expected, strict=True):
        same = (ours.name, ours.column, ours.verdict, ours.failing_rows, ours.sample, ours.line)
        assert same == (
            theirs.name, theirs.column, theirs.verdict, theirs.failing_rows, theirs.sample,
            theirs.line,
        )  # fmt: skip
        assert ours.observed == theirs.observed
