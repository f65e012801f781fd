"""Contracts that use all of the standard: every rule in them is executed or listed."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from cdml.common.verdict import Verdict
from cdml.common.yaml_lines import KeyPath, YamlDocument, read_yaml
from cdml.data.odcs.reader import read_contract
from cdml.data.rules.contract import from_contract
from cdml.data.rules.rule import RuleContext
from cdml.data.scan import scan_table
from cdml.evidence.schema import Check
from fakes.tables import table

FOLDER = Path(__file__).parents[1] / "odcs"
PROMISES = ("logicalType", "physicalType", "required", "unique", "primaryKey", "enum")
ORDERS = {
    "order_id": [1, 2],
    "customer_id": [7, 8],
    "country": ["DE", "FR"],
    "status": ["open", "paid"],
    "total": [10.5, 20.0],
    "ordered": [date(2024, 1, 1), date(2024, 1, 2)],
    "shipped": [date(2024, 1, 3), None],
    "email": ["a@b.org", "c@d.org"],
    "lines": ["x", "y"],
    "labels": ["x", "y"],
    "address": ["x", "y"],
}


def findings(name: str) -> tuple[Check, ...]:
    text = (FOLDER / name).read_text(encoding="utf-8")
    contract = read_contract(text, name, "orders_v2")
    orders = table("orders", ORDERS)
    customers = table("customers", {"id": [7, 8], "country": ["DE", "FR"]})
    tables = {"customers": customers, contract.table: orders}
    fields = {name: {field.name: field for field in one.fields} for name, one in tables.items()}
    known = RuleContext(
        fields=fields[contract.table], related=fields, now=datetime(2025, 1, 1, tzinfo=UTC)
    )
    return scan_table(
        orders, tuple(from_contract(contract, known)), (), contract.may_disclose, tables
    )[0]


def promised(marked: YamlDocument) -> list[KeyPath]:
    """The place of everything that a contract promises of the first table's rows."""
    at: KeyPath = ("schema", 0)
    [orders, *_] = marked.value["schema"]
    found: list[KeyPath] = [
        ("slaProperties", number) for number in range(len(marked.value["slaProperties"]))
    ]
    for place, thing in [
        (at, orders),
        *(((*at, "properties", n), prop) for n, prop in enumerate(orders["properties"])),
    ]:
        found += [
            (*place, key, number)
            for key in ("quality", "relationships")
            for number in range(len(thing.get(key, [])))
        ]
        if place == at:
            continue
        found += [(*place, key) for key in PROMISES if thing.get(key)]
        found += [(*place, key) for key in ("items", "map", "properties") if key in thing]
        old = str(marked.value["apiVersion"]).startswith("v3.0")
        options = {} if old else thing.get("logicalTypeOptions", {})
        found += [(*place, "logicalTypeOptions", name) for name in options]
    return found


@pytest.mark.heavy
@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.iterdir()))
def test_every_rule_is_executed_or_listed(name):
    marked = read_yaml((FOLDER / name).read_text(encoding="utf-8"))
    told = {finding.line for finding in findings(name)}

    assert [] == [place for place in promised(marked) if marked.line(place) not in told]


@pytest.mark.heavy
def test_what_can_be_run_of_it_passes_and_the_rest_says_why():
    found = findings("shop.odcs.yaml")
    held = {(one.name, one.column) for one in found if one.verdict is Verdict.INCONCLUSIVE}
    failed = {(one.name, one.column) for one in found if one.verdict is Verdict.FAIL}

    assert {("nested", "lines"), ("nested", "labels"), ("nested", "address")} <= held
    assert {"nested"} == {name for name, _ in held}
    # The rows in memory have no nested columns: their types are not what was promised.
    assert {("logical_type", name) for name in ("lines", "labels", "address")} == failed
    ran = {one.name for one in found if one.verdict is Verdict.PASS and one.severity != "info"}
    assert {"sql", "foreign_key", "compare", "freshness", "mean", "duplicate_values"} <= ran


def test_older_names_and_bounds_are_put_into_todays_words():
    found = {(one.name, one.column): one for one in findings("older.odcs.yaml")}

    assert Verdict.PASS is found["exclusiveMinimum", "total"].verdict
    assert Verdict.PASS is found["maximum", "total"].verdict
    assert Verdict.PASS is found["null_values", "order_id"].verdict
    assert Verdict.PASS is found["duplicate_values", "order_id"].verdict
    assert Verdict.PASS is found["invalid_values", "country"].verdict
    assert "uniqueness of sorts" in found["not_executed", "order_id"].reason
