"""What cdml.yaml says of how a contract is taken: other tables, other engines, other columns."""

import pytest

from cdml.common.verdict import Verdict
from cdml.config import load
from cdml.data.validate import validate_data
from cdml.errors import ConfigurationError, InputError
from fakes.ci_run import FakeCiRun
from fakes.clock import FakeClock
from fakes.ports import FakePorts
from fakes.progress import FakeProgress
from fakes.tables import FakeTables

PASS, WARN, FAIL, HOLD = Verdict.PASS, Verdict.WARN, Verdict.FAIL, Verdict.INCONCLUSIVE
CONFIG = """
version: 1
model: m
data:
  evaluation: now.parquet
  key: [id]
  label: y
"""
OTHER = CONFIG.replace("[id]", "[key]").replace("label: y", "label: label")
CONTRACT = """
apiVersion: v3.2.0
kind: DataContract
id: orders
version: 1.0.0
schema:
  - name: orders
    properties:
      - {name: id}
      - {name: y}
"""
DATA = {"id": [1, 2, 3], "customer": [7, 7, None], "boss": [2, 3, 9], "y": [0.5, 1.5, 2.5]}


@pytest.fixture
def run(tmp_path):
    def judge(more: str = "", contract: str = "", name: str = "", config=CONFIG, **tables):
        fake = FakeTables()
        for table, rows in {"now": DATA, **tables}.items():
            fake.add(str(tmp_path / f"{table}.parquet"), rows)
        (tmp_path / "cdml.yaml").write_text(config + more, encoding="utf-8")
        table = "orders.odcs.yaml#orders"
        (tmp_path / "orders.odcs.yaml").write_text(CONTRACT + contract, encoding="utf-8")
        evidence = validate_data(
            load(tmp_path / "cdml.yaml", targets=["registry"], environment={}),
            FakePorts(tables=fake, ci_run=FakeCiRun(), clock=FakeClock(), progress=FakeProgress()),
            output=tmp_path / "out",
            contract=table,
        )
        return next((check for check in evidence.checks if check.name == name), None)

    return judge


CUSTOMER = "      - name: customer\n        relationships: [{to: customers.id}]\n"
BOSS = "      - name: boss\n        relationships: [{to: orders.id}]\n"
RELATED = "  related: {customers: customers.parquet}\n"


def test_a_reference_to_a_table_nobody_names_is_listed_with_its_line(run):
    found = run(contract=CUSTOMER, name="foreign_key")

    assert ("info", PASS, 12) == (found.severity, found.verdict, found.line)
    assert "customer in customers (id) is listed" in found.reason


@pytest.mark.parametrize(("theirs", "failing", "expected"), [([7], 0, PASS), ([8], 2, FAIL)])
def test_a_foreign_key_is_held_against_the_other_table(run, theirs, failing, expected):
    found = run(RELATED, CUSTOMER, "foreign_key", customers={"id": theirs})

    assert (failing, expected, "customer") == (found.failing_rows, found.verdict, found.column)


def test_a_table_may_refer_to_itself(run):
    found = run(contract=BOSS, name="foreign_key")

    assert (1, FAIL) == (found.failing_rows, found.verdict)


def test_a_key_of_several_columns_refers_as_one(run):
    contract = (
        "      - {name: customer}\n      - {name: boss}\n    relationships:\n"
        "      - {from: [orders.customer, orders.boss], to: [customers.id, customers.b]}\n"
    )
    found = run(RELATED, contract, "foreign_key", customers={"id": [7, 7], "b": [2, 9]})

    assert (1, None) == (found.failing_rows, found.column)
    assert "customer, boss in customers (id, b)" in found.reason


@pytest.mark.parametrize("theirs", [{"ident": [7]}, {"id": ["7"]}])
def test_a_reference_that_cannot_be_followed_is_inconclusive(run, theirs):
    assert HOLD is run(RELATED, CUSTOMER, "foreign_key", customers=theirs).verdict


def test_columns_of_a_table_in_the_same_contract_are_known_by_their_physical_names(run):
    other = "  - name: customers\n    properties: [{name: ident, physicalName: id}]\n"
    contract = CUSTOMER.replace("customers.id", "customers.ident") + other
    found = run(RELATED, contract, "foreign_key", customers={"id": [7]})

    assert PASS is found.verdict


def test_a_column_that_the_other_table_does_not_describe_is_a_problem(run):
    other = "  - name: customers\n    properties: [{name: ident}]\n"
    with pytest.raises(ConfigurationError, match=r"line 12: .*did you mean 'ident'"):
        run("", CUSTOMER.replace("customers.id", "customers.idnt") + other)


def test_a_related_table_nobody_refers_to_is_told_with_the_nearest(run):
    with pytest.raises(ConfigurationError, match="did you mean 'customers'"):
        run("  related: {custmers: customers.parquet}\n", CUSTOMER)


def test_a_related_table_that_is_not_there_is_an_input_error(run):
    with pytest.raises(InputError):
        run(RELATED, CUSTOMER)


def test_a_relationship_of_another_table_is_a_problem(run):
    contract = "    relationships: [{from: lines.id, to: customers.id}]\n"
    with pytest.raises(ConfigurationError, match="a relationship of orders goes from orders"):
        run(contract=contract)


@pytest.mark.parametrize(
    ("policy", "verdict"), [("", PASS), ("tell", PASS), ("warn", WARN), ("fail", FAIL)]
)
def test_columns_the_contract_does_not_know_do_what_the_policy_says(run, policy, verdict):
    more = f"  extra_columns: {policy}\n" if policy else ""
    found = run(more, name="extra_columns")

    assert (verdict, "2") == (found.verdict, found.observed)
    assert "customer, boss" in found.reason


SODA = "    quality: [{type: custom, engine: soda, implementation: missing(a) = 0}]\n"


def test_rules_of_other_engines_are_listed_or_hold(run):
    told = run(contract=SODA, name="not_executed")
    held = run("  foreign_rules: hold\n", SODA, "foreign_rule")

    assert ("info", PASS, 11) == (told.severity, told.verdict, told.line)
    assert (HOLD, 11) == (held.verdict, held.line)
    assert "the engine soda" in held.reason


def test_a_contract_of_another_table_says_so_first(run):
    body = "      - {name: price}\n      - {name: amount}\n"
    wrong = {"key": [1], "label": [2.0]}

    assert run(contract=body, name="contract_table") is None
    found = run("", body, "contract_table", config=OTHER, now=wrong)
    assert FAIL is found.verdict
    assert "none of the 4 columns of orders" in found.reason


def test_freshness_is_judged_by_the_clock_of_the_run(run):
    from datetime import datetime

    contract = (
        "    quality:\n      - {type: custom, engine: cdml, "
        "implementation: {freshness: {column: at, maxAge: 2d}}}\n"
    )
    day = datetime.fromisoformat("2026-04-30T12:00:00")
    data = {"id": [1, 2], "y": [0.5, 1.5], "at": [day, None]}

    assert PASS is run(contract=contract, name="freshness", now=data).verdict
    data["at"][0] = day.replace(day=28)
    assert FAIL is run(contract=contract, name="freshness", now=data).verdict
