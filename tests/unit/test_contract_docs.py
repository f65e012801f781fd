from pathlib import Path

from cdml.core.known import NAMES
from cdml.core.odcs import read_contract

ROOT = Path(__file__).parents[2]
DOCS = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")


def test_the_contract_in_the_documentation_can_be_read():
    block = next(part for part in DOCS.split("```yaml") if "apiVersion" in part)
    found = read_contract(block.partition("```")[0], "docs/data.md")

    assert ("flight_id",) == found.primary_key
    assert {"arr_time"} == found.after_outcome
    assert not found.shows("passenger_name")


def test_the_contract_of_the_example_can_be_read():
    path = ROOT / "examples" / "flights" / "contracts" / "flights.odcs.yaml"
    found = read_contract(path.read_text(encoding="utf-8"), path.name)

    assert "arr_time" in found.after_outcome


def test_every_metric_of_the_standard_is_documented_under_our_name():
    assert [] == [name for pair in NAMES.items() for name in pair if name not in DOCS]
