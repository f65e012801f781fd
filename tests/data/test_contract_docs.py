from pathlib import Path

from cdml.data.odcs.reader import read_contract
from cdml.data.rules.rule import NAMES

ROOT = Path(__file__).parents[2]
DOCS = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")


def test_the_contract_in_the_documentation_can_be_read():
    block = next(part for part in DOCS.split("```yaml") if "apiVersion" in part)
    found = read_contract(block.partition("```")[0], "docs/data.md")

    assert ("flight_id",) == found.primary_key
    assert {"arr_time"} == found.after_outcome
    assert not found.may_disclose("passenger_name")


def test_the_contract_of_the_example_can_be_read():
    path = ROOT / "examples" / "flights" / "contracts" / "flights.odcs.yaml"
    found = read_contract(path.read_text(encoding="utf-8"), path.name)

    assert "arr_time" in found.after_outcome


def test_every_metric_of_the_standard_is_documented_under_our_name():
    assert [] == [name for pair in NAMES.items() for name in pair if name not in DOCS]


def test_the_rules_of_our_own_in_the_documentation_can_be_read():
    head = "apiVersion: v3.2.0\nkind: DataContract\nid: flights\nversion: 1.0.0\n"
    block = next(part for part in DOCS.split("```yaml\n") if part.startswith("schema:"))
    found = read_contract(head + block.partition("```")[0], "docs/data.md")

    assert ["compare", "freshness"] == [rule.metric for rule in found.quality]
    assert ["mean", "quantile"] == [rule.metric for rule in found.properties[0].quality]


def test_every_key_of_the_configuration_about_contracts_is_documented():
    assert [] == [key for key in ("related", "extra_columns", "foreign_rules") if key not in DOCS]


def test_the_contract_in_the_examples_readme_is_part_of_its_contract():
    text = (ROOT / "examples/flights/README.md").read_text(encoding="utf-8")
    block = next(part for part in text.split("```yaml\n") if part.startswith("schema:"))
    shown = block.partition("```")[0].splitlines()
    contract = ROOT / "examples" / "flights" / "contracts" / "flights.odcs.yaml"
    lines = iter(contract.read_text(encoding="utf-8").splitlines())

    assert len(shown) > 10
    assert [] == [line for line in shown if line not in lines], "in this order"
