"""A contract that contradicts itself, or is damaged, is a configuration error with its line."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from cdml.data.contract import Contract
from cdml.data.odcs.reader import read_contract
from cdml.data.rules.contract import from_contract
from cdml.data.rules.rule import RuleContext
from cdml.data.scan import scan_table
from cdml.errors import ConfigurationError
from fakes.tables import table

HEAD = """apiVersion: v3.2.0
kind: DataContract
id: orders
version: 1.0.0
schema:
  - name: orders
    properties:
"""


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("{minimum: 5, maximum: 3}", "minimum 5 lies above maximum 3"),
        ("{exclusiveMinimum: 5, maximum: 3}", "exclusiveMinimum 5 lies above maximum 3"),
        ("{minimum: 3, exclusiveMaximum: 3}", "minimum 3 leaves nothing below exclusiveMaximum 3"),
        ("{exclusiveMinimum: 3, exclusiveMaximum: 3}", "leaves nothing below"),
        ("{minLength: 5, maxLength: 3}", "minLength 5 lies above maxLength 3"),
        ("{minimum: a, maximum: 3}", "minimum a cannot be compared with maximum 3"),
        ("{minimum: .nan, maximum: 3}", "leaves nothing below"),
    ],
)
def test_bounds_that_leave_nothing_are_a_problem_with_the_line(options, told):
    text = f"{HEAD}      - name: a\n        logicalTypeOptions: {options}\n"
    with pytest.raises(ConfigurationError) as error:
        read_contract(text, "orders.odcs.yaml")

    assert "line 9: schema[0].properties[0].logicalTypeOptions" in error.value.message
    assert told in error.value.message


def test_times_that_contradict_one_another_are_a_problem():
    text = (
        f"{HEAD}      - name: a\n        logicalType: date\n"
        "        logicalTypeOptions: {minimum: 2014-01-01, maximum: 2013-01-01}\n"
    )
    with pytest.raises(ConfigurationError, match="minimum 2014-01-01 lies above"):
        read_contract(text, "orders.odcs.yaml")


@pytest.mark.parametrize(
    "rule",
    [
        "{type: sql, query: select max(a) from orders, mustBeBetween: [5, 3]}",
        "{metric: nullValues, mustBeBetween: [5, 3]}",
        "{type: custom, engine: cdml, implementation: {check: mean, mustBeBetween: [5, 3]}}",
    ],
)
def test_a_range_upside_down_is_a_problem_of_every_kind_of_rule(rule):
    with pytest.raises(ConfigurationError, match=r"line 8: .*5 lies above 3"):
        read_contract(f"{HEAD}      - {{name: a, quality: [{rule}]}}\n", "orders.odcs.yaml")


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("{metric: nullValus, mustBe: 1}", "did you mean 'nullValues'"),
        ("{type: sqll, query: select 1, mustBe: 1}", "did you mean 'sql'"),
        ("{metric: nullValues, mustbe: 1}", "did you mean 'mustBe'"),
        ("{type: custom, engine: cdlm, implementation: {check: mean}}", "did you mean 'cdml'"),
        (
            "{type: custom, engine: cdml, implementation: {check: mean}, mustBe: 1}",
            "mustBe is not allowed in a rule of type custom; those of cdml belong in its",
        ),
        ("{type: text, mustBe: 1}", "mustBe is not allowed in a rule of type text"),
    ],
)
def test_a_word_that_is_not_known_is_told_with_the_nearest(rule, told):
    with pytest.raises(ConfigurationError, match=told):
        read_contract(f"{HEAD}      - {{name: a, quality: [{rule}]}}\n", "orders.odcs.yaml")


def test_a_column_that_is_described_twice_is_told_with_both_lines():
    with pytest.raises(ConfigurationError, match=r"line 9: the column 'a' is .* first on line 8"):
        read_contract(f"{HEAD}      - name: a\n      - name: a\n", "orders.odcs.yaml")


PROPERTIES = """      - name: a
        physicalName: a
        logicalType: number
        physicalType: DOUBLE
        required: true
        unique: true
        primaryKey: true
        primaryKeyPosition: 1
        classification: public
        tags: [x]
        enum: [{value: 1}]
        logicalTypeOptions: {minimum: 0, maximum: 9, multipleOf: 2}
        customProperties: [{property: availability, value: x}]
        relationships: [{to: orders.b}]
        quality:
          - {metric: nullValues, mustBe: 0, unit: percent, severity: warning}
          - {metric: invalidValues, mustBeBetween: [0, 1], arguments: {validValues: [1]}}
          - {type: sql, query: "select max(${column}) from orders", mustBe: 1}
          - {type: text, description: words}
          - type: custom
            engine: cdml
            implementation: {check: quantile, q: 0.5, warn: {mustBe: 1}, fail: {mustBe: 2}}
          - {type: custom, engine: cdml, implementation: {compare: a < b}}
          - {type: custom, engine: cdml, implementation: {freshness: {column: b, maxAge: 7d}}}
      - {name: b, logicalType: date, logicalTypeOptions: {minimum: "2013-01-01"}}
slaProperties: [{property: latency, value: 1}]
"""
INTEGER_RANGES = yaml.safe_load(HEAD + PROPERTIES)


def places(value, at=()):
    yield at
    inner = enumerate(value) if isinstance(value, list) else ()
    for key, part in value.items() if isinstance(value, dict) else inner:
        yield from places(part, (*at, key))


SCRAP = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.floats(), st.text(max_size=3),
    st.sampled_from(["a", "mean", "${column}", "7d", "sql", "custom", "a < b", "2013-01-01"]),
    st.lists(st.integers(0, 2), max_size=3),
    st.dictionaries(st.text(max_size=3), st.none(), max_size=2),
)  # fmt: skip


def damaged(at: tuple, scrap: object) -> str:
    whole = yaml.safe_load(yaml.safe_dump(INTEGER_RANGES))
    inner = whole
    for key in at[:-1]:
        inner = inner[key]
    inner[at[-1]] = scrap
    return yaml.safe_dump(whole)


@pytest.mark.heavy
@settings(max_examples=100, deadline=None)
@given(at=st.sampled_from([place for place in places(INTEGER_RANGES) if place]), scrap=SCRAP)
def test_any_damaged_contract_is_read_or_refused(at, scrap):
    try:
        contract = read_contract(damaged(at, scrap), "orders.odcs.yaml")
    except ConfigurationError:
        return

    assert isinstance(contract, Contract)
    data = table("rows", {"a": [1.0, None], "b": ["x", "y"]})
    known = RuleContext(fields={field.name: field for field in data.fields})
    related = {contract.table: data}
    known = RuleContext(fields=known.fields, related={contract.table: known.fields})
    findings, _ = scan_table(
        data, tuple(from_contract(contract, known)), (), contract.may_disclose, related
    )
    assert all(finding.reason for finding in findings)
