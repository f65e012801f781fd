"""`cdml init --data`: the contract it proposes is one of the standard, and holds of the data."""

import random
from datetime import date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cdml.adapters.tables.duckdb_tables import DuckTables
from cdml.common.addresses import reveal
from cdml.common.verdict import Verdict, worst
from cdml.config import load
from cdml.data.odcs import propose
from cdml.data.odcs.propose import observe_columns, table_name
from cdml.data.odcs.reader import read_contract
from cdml.data.rules.contract import from_contract
from cdml.data.rules.rule import RuleContext
from cdml.data.scan import scan_table
from cdml.errors import ConfigurationError, InputError
from cdml.scaffold.init import init
from fakes.tables import FakeTables

ROWS = 400
RNG = random.Random(3)
FLIGHTS = {
    "flight_id": [f"F{number}" for number in range(ROWS)],
    "counter": list(range(ROWS)),
    "origin": [RNG.choice(["EWR", "JFK", "NO"]) for _ in range(ROWS)],
    "dep_delay": [None if RNG.random() < 0.03 else RNG.gauss(10, 40) for _ in range(ROWS)],
    "distance": [RNG.randrange(120, 4983) for _ in range(ROWS)],
    "day": [date(2013, 1, 1) + timedelta(days=n % 365) for n in range(ROWS)],
    "at": [datetime.fromisoformat("2013-01-01T10:00:00")] * ROWS,
    "passenger_name": [RNG.choice(["Ann", "Bob"]) for _ in range(ROWS)],
    "salary": [RNG.randrange(10_000, 99_999) for _ in range(ROWS)],
    "late": [RNG.random() < 0.3 for _ in range(ROWS)],
}


def proposed(table, uri: str = "flights.parquet") -> str:
    return propose.propose_contract(table_name(uri), uri, table.ref.rows, observe_columns(table))


def judged(table, text: str) -> list:
    contract = read_contract(text, "proposed.odcs.yaml")
    known = RuleContext(fields={field.name: field for field in table.fields})
    findings, _ = scan_table(
        table, tuple(from_contract(contract, known)), (), contract.may_disclose
    )
    return list(findings)


@pytest.fixture(params=["fake", "duckdb"])
def table(request, tmp_path):
    fake = FakeTables(tmp_path).add("flights", FLIGHTS)
    return fake if request.param == "fake" else DuckTables().open(str(fake.parquet))


def described(text: str) -> dict:
    contract = read_contract(text, "proposed.odcs.yaml")
    return {prop.name: prop for prop in contract.properties}


def test_the_proposal_says_what_the_columns_are(table):
    found = described(proposed(table))

    assert list(FLIGHTS) == list(found)
    assert ("flight_id",) == tuple(n for n, p in found.items() if p.primary_key is not None)
    assert found["flight_id"].unique
    assert ("EWR", "JFK", "NO") == found["origin"].accepted
    assert [name for name, prop in found.items() if not prop.required] == ["dep_delay"]
    assert {"minimum": 100, "maximum": 5000} == dict(found["distance"].options)
    assert "date" == found["day"].logical


def test_values_of_columns_that_look_personal_are_left_out(table):
    text = proposed(table)
    found = described(text)

    assert found["passenger_name"].personal
    assert found["salary"].personal
    assert "Ann" not in text
    assert {} == dict(found["salary"].options)


def test_the_proposal_holds_of_the_data_it_was_made_from(table):
    assert {Verdict.PASS} == {finding.verdict for finding in judged(table, proposed(table))}


def test_missing_values_are_allowed_up_to_the_next_round_share(table):
    (quality,) = described(proposed(table))["dep_delay"].quality

    assert "at most 2 %" == str(quality.bound)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-43, 1301, (-100, 1400)),
        (0, 97.2, (0, 98)),
        (0.0123, 0.0777, (0.012, 0.078)),
        (17, 17, (10, 20)),
        (0, 0, (None, None)),
        (5, 5000, (0, 5000)),
        (float("-inf"), 9.31, (None, 10)),
        (1e300, 1.5e308, (0, 1.5e308)),
    ],
)
def test_ranges_are_rounded_outwards(low, high, expected):
    found = propose.widen_range(low, high)

    assert [None if end is None else pytest.approx(end) for end in expected] == list(found)


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_a_range_never_shrinks(a, b):
    low, high = propose.widen_range(min(a, b), max(a, b))

    assert low is None or low <= min(a, b)
    assert high is None or high >= max(a, b)


@pytest.mark.parametrize("version", ["v3.1.0", "v3.2.0"])
def test_the_proposal_is_clean_under_the_standards_own_schema(tmp_path, version):
    """What `datacontract lint` holds a contract against; our own reading is milder in one place."""
    import json
    from importlib import resources

    import pyarrow as pa
    import yaml
    from jsonschema import validators
    from pyarrow import parquet

    odd = {
        "blob": pa.array([b"a", b"b"]),
        "list": pa.array([[1], [2, 3]]),
        "struct": pa.array([{"a": 1}, {"a": 2}]),
        "map": pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int64())),
        "decimal": pa.array([1, 2], pa.decimal128(9, 2)),
        "span": pa.array([1, 2], pa.duration("s")),
        "none": pa.nulls(2, pa.string()),
    }
    parquet.write_table(pa.table(odd), tmp_path / "odd.parquet")
    text = resources.files("open_data_contract_standard").joinpath("schema.json").read_text()
    schema = json.loads(text)
    validator = validators.validator_for(schema)(schema)
    for path in (tmp_path / "odd.parquet", FakeTables(tmp_path).add("f", FLIGHTS).parquet):
        table = DuckTables().open(str(path))
        text = proposed(table).replace("v3.1.0", version)

        assert [] == [error.message for error in validator.iter_errors(yaml.safe_load(text))]
        assert Verdict.PASS is worst(finding.verdict for finding in judged(table, text))


NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=6)
COLUMNS = st.one_of(
    st.lists(st.one_of(st.none(), st.integers(-(2**60), 2**60)), min_size=30, max_size=30),
    st.lists(st.one_of(st.none(), st.floats()), min_size=30, max_size=30),
    st.lists(st.sampled_from(["yes", "NO", "2013-01-01", "1e3", "~"]), min_size=30, max_size=30),
    st.lists(st.booleans(), min_size=30, max_size=30),
    st.just(["never", *[None] * 29]),
    st.just([number / 7 for number in range(30)]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.dictionaries(NAMES, COLUMNS, min_size=1, max_size=5))
@example(data={"n": [None] * 29 + [9_999_999_999_999_999]})
def test_any_proposal_is_a_contract_that_holds(data):
    table = FakeTables().add("rows", data)
    findings = judged(table, proposed(table))

    assert Verdict.PASS is worst(finding.verdict for finding in findings)


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("data/flights.csv.gz", "flights"),
        ("data/2013 h1.parquet", "2013_h1"),
        ("data/*.parquet", "data"),
        ("https://example.org/a/rows.parquet?sig=x", "rows"),
        ("*", "data"),
    ],
)
def test_the_table_is_called_like_its_file(uri, name):
    assert name == table_name(uri)


def test_the_files_name_the_data_the_contract_and_the_key(tmp_path):
    tables = FakeTables()
    tables.add(str(tmp_path / "data/flights.csv"), FLIGHTS)
    written = init(tmp_path, data="data/flights.csv", tables=tables)
    loaded = load(tmp_path / "cdml.yaml", targets={"registry"}, environment={})

    assert tmp_path / "contracts/flights.odcs.yaml" in written
    assert "data/flights.csv" == loaded.config.data.evaluation
    assert "contracts/flights.odcs.yaml" == loaded.config.data.contract
    assert ("flight_id",) == loaded.config.data.key
    assert "label: label # to fill in" in (tmp_path / "cdml.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://me:CANARYPW@host/db#flights",
        "https://CANARYPW@host/flights.csv",
        "https://host/flights.csv?X-Amz-Signature=CANARYPW",
    ],
)
def test_no_file_names_an_address_that_holds_credentials(tmp_path, address):
    tables = FakeTables()
    tables.add(address, FLIGHTS)

    written = init(tmp_path, data=address, tables=tables)

    assert not [path for path in written if "CANARYPW" in path.read_text(encoding="utf-8")]
    found = load(tmp_path / "cdml.yaml", targets={"registry"}, environment={"DATA_URL": address})
    assert address == reveal(found.config.data.evaluation)


def test_a_contract_that_is_there_is_not_touched(tmp_path):
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts/flights.odcs.yaml").write_text("mine", encoding="utf-8")

    with pytest.raises(ConfigurationError, match=r"flights\.odcs\.yaml exists already"):
        init(tmp_path, data="flights.csv", tables=FakeTables())
    assert not (tmp_path / "cdml.yaml").exists()


def test_data_that_cannot_be_read_leaves_no_file(tmp_path):
    with pytest.raises(InputError):
        init(tmp_path, data="none.csv", tables=FakeTables())
    assert [] == list(tmp_path.iterdir())
