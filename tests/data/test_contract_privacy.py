import pytest

from cdml.data.contract import Contract, Property, is_personal, looks_personal
from cdml.data.rules.contract import from_contract
from cdml.data.rules.rule import RuleContext
from cdml.data.scan import scan_table
from cdml.evidence.schema import Check
from fakes.tables import table


def broken(prop: Property) -> Check:
    """The finding about a minimum of 0 in a column that holds -5."""
    data = table("rows", {prop.name: [-5]})
    contract = Contract(table="rows", properties=(prop,))
    asked = tuple(from_contract(contract, RuleContext(fields={f.name: f for f in data.fields})))
    (finding,), _ = scan_table(data, asked, (), contract.may_disclose)
    return finding


def column(name: str, classification: str | None = None, *tags: str) -> Property:
    return Property(name=name, options={"minimum": 0}, personal=is_personal(classification, tags))


@pytest.mark.parametrize("written", [None, "public", "Public", "none", "open"])
def test_values_of_open_columns_are_shown(written):
    assert [(1, -5)] == [(s.row, s.value) for s in broken(column("x", written)).sample]


@pytest.mark.parametrize(
    "written", ["pii", "personal", "Restricted", "4", "internal", "unheard-of"]
)
def test_values_of_columns_of_any_other_class_are_never_shown(written):
    finding = broken(column("x", written))

    assert (1, ()) == (finding.failing_rows, finding.sample)


@pytest.mark.parametrize("tag", ["pii", "PII", "personal", "sensitive"])
def test_values_of_columns_tagged_personal_are_never_shown(tag):
    assert () == broken(column("x", None, tag)).sample


@pytest.mark.parametrize(
    "name",
    ["email", "customerEmail", "first_name", "PHONE", "home-address", "dob", "IPAddress", "user"],
)
def test_values_of_columns_whose_name_looks_personal_are_never_shown(name):
    assert () == broken(column(name)).sample


@pytest.mark.parametrize("name", ["dep_delay", "price", "carrier", "distance", "shipped_at"])
def test_ordinary_names_do_not_look_personal(name):
    assert not looks_personal(name)
