"""Every finding of a contract says which line asks for it."""

import pytest

from cdml.data.odcs.reader import read_contract
from cdml.data.rules.contract import from_contract
from cdml.data.rules.rule import RuleContext
from cdml.data.scan import scan_table
from fakes.tables import table

BODY = """apiVersion: v3.2.0
kind: DataContract
id: orders
version: 1.0.0
status: active
schema:
  - name: orders
    quality:
      - {metric: rowCount, mustBeGreaterThan: 1}
    properties:
      - name: a
        logicalType: integer
        physicalType: BIGINT
        required: true
        unique: true
        primaryKey: true
        enum: [{value: 1}]
        logicalTypeOptions:
          minimum: 0
          maximum: 5
        quality:
          - type: text
            description: Net of tax.
          - metric: nullValues
            mustBe: 0
      - name: gone
"""


@pytest.fixture
def findings():
    contract = read_contract(BODY, "orders.odcs.yaml")
    data = table("rows", {"a": [1, 2], "extra": [1, 2]})
    asked = tuple(from_contract(contract, RuleContext(fields={f.name: f for f in data.fields})))
    return scan_table(data, asked, (), contract.may_disclose)[0]


def test_a_check_has_the_line_of_what_asks_for_it(findings):
    assert {
        "logical_type": 12,
        "physical_type": 13,
        "not_null": 14,
        "unique": 15,
        "primary_key": 16,
        "accepted_values": 17,
        "minimum": 19,
        "maximum": 20,
        "text": 22,
        "null_values": 24,
        "column_present": 26,
        "row_count": 9,
        "extra_columns": None,
    } == {finding.name: finding.line for finding in findings}
