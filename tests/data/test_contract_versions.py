"""A contract is judged by the schema of the version it names, and told what is wrong key by key."""

import hashlib
import json

import pytest

from cdml.data.odcs.reader import read_contract
from cdml.data.odcs.versions import VERSIONS, standard_schema
from cdml.errors import ConfigurationError

HEAD = "kind: DataContract\nid: o\nversion: 1.0.0\nstatus: active\n"
ORDERS = "schema:\n  - name: orders\n    properties:\n      - {name: id, logicalType: integer}\n"
NOTES = {"description", "examples", "title", "default", "deprecated", "$comment", "$id"}
UNORDERED = {"required", "enum", "allOf"}


def read(version: str, *parts: str):
    return read_contract(f"apiVersion: {version}\n{HEAD}{''.join(parts)}", "o.odcs.yaml")


def refusal(version: str, *parts: str) -> str:
    with pytest.raises(ConfigurationError) as error:
        read(version, *parts)
    return error.value.message


def plain(part, key=None):
    """A schema without notes to readers, its sets in one order."""
    if isinstance(part, dict):
        named = key in ("properties", "$defs")
        return {k: plain(v, k) for k, v in part.items() if named or k not in NOTES}
    if isinstance(part, list):
        items = [plain(one) for one in part]
        return sorted(items, key=json.dumps) if key in UNORDERED else items
    return part


def reached(schema, part, found):
    """The definitions that a part of a schema refers to, and those in turn."""
    if isinstance(part, dict):
        name = part.get("$ref")
        if isinstance(name, str) and name not in found:
            target = schema
            for step in name.removeprefix("#/").split("/"):
                target = target[step]
            found[name] = plain(target)
            reached(schema, target, found)
        part = [value for key, value in part.items() if key != "$defs"]
    for inner in part if isinstance(part, list) else ():
        reached(schema, inner, found)
    return found


def digest(schema) -> str:
    """Of what a schema asks for, whatever it says to readers; but for `apiVersion`."""
    top = plain({key: value for key, value in schema.items() if key != "$defs"})
    top["properties"].pop("apiVersion")
    whole = json.dumps([top, reached(schema, schema, {})], sort_keys=True)
    return hashlib.sha256(whole.encode()).hexdigest()


@pytest.mark.parametrize(
    ("version", "published"),
    [
        ("v3.2.0", "141d47e6b57dd09499c20e54ea2cf877cf76d5ad5f57086c7f2fbb80e8d5f339"),
        ("v3.1.0", "09c71ff0e32c634d99a25a5c28c8f50ef4d15d91210fa70ac6a9c56e76cb433f"),
        ("v3.0.2", "2f7559df61a3c31ea60998cb0f1a5873025692b3d8a93533c29fa1a9940eacb2"),
        ("v3.0.1", "802ca8d4932bcccbb3687e93f0cdd81afad06a1ac84af130556d126864f764b6"),
    ],
)
def test_each_version_asks_for_what_its_published_schema_asks_for(version, published):
    assert digest(standard_schema(version)) == published


def test_every_version_is_read():
    assert {read(version, ORDERS).table for version in VERSIONS} == {"orders"}
    assert read("v3.1", ORDERS).table == "orders"


@pytest.mark.parametrize("version", ["v2.2.2", "v4.0.0", "v3.9.0", "banana"])
def test_a_version_that_nobody_reads_is_told_in_one_sentence(version):
    told = refusal(version, ORDERS)

    assert told.startswith(f"o.odcs.yaml, line 1, follows version {version} of the Open Data")
    assert "\n" not in told


def test_what_only_v3_0_allows_is_fine_there_and_named_elsewhere():
    team = "team:\n  - {username: ann, comment: Ask her first}\n"
    server = "servers:\n  - {server: p, type: api, location: x, format: json, delimiter: array}\n"

    assert read("v3.0.0", team, ORDERS)
    assert read("v3.0.2", server, ORDERS)
    for version in ("v3.1.0", "v3.2.0"):
        told = refusal(version, team, server, ORDERS)
        assert "has 3 problems" in told
        assert "line 7: team[0]: unknown key 'comment'. Known: authoritativeDefinitions" in told
        assert "line 9: servers[0]: unknown key 'delimiter'" in told
        assert "line 9: servers[0]: unknown key 'format'" in told


def test_a_key_of_a_later_version_names_that_version():
    column = ORDERS.replace("integer", "integer, enum: [{value: 1}]")

    assert read("v3.2.0", column).properties[0].accepted == (1,)
    told = refusal("v3.1.0", column)
    assert "schema[0].properties[0]: v3.1.0 has no key 'enum', but v3.2.0 has" in told


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ("team: bob\n", "team: takes a mapping or a list, not 'bob'"),
        ("team:\n  - {role: owner}\n", "line 7: team[0]: username is missing"),
        ("team: {members: [{usrname: a}]}\n", "unknown key 'usrname'; did you mean 'username'?"),
        ("servers:\n  - {server: p, type: postgress}\n", "did you mean 'postgres'?"),
        ("servers:\n  - {server: p, type: api}\n", "servers[0]: location is missing"),
        ("slaProperties:\n  - {property: latency}\n", "slaProperties[0]: value is missing"),
        ("price: {priceAmount: much}\n", "price.priceAmount: takes a number, not 'much'"),
        ("banana: 1\n", "the contract: unknown key 'banana'. Known: apiVersion"),
    ],
)
def test_an_error_names_the_key_the_line_and_what_is_allowed(part, told):
    found = refusal("v3.2.0", part, ORDERS)

    assert told in found
    assert "given schemas" not in found


@pytest.mark.parametrize(
    ("column", "told"),
    [
        ("required: 'yes'", "required: takes true or false, not 'yes'"),
        ("quality: [{metric: rowCount}]", "quality[0]: needs exactly one of mustBe, mustNotBe"),
        (
            "quality: [{metric: rowCount, mustBeLessThan: many}]",
            "quality[0].mustBeLessThan: takes a number, not 'many'",
        ),
        ("relationships: [{to: a b}]", "'a b' is not a column reference; write table.column"),
        ("relationships: [{from: o.a, to: p.b}]", "relationships[0]: takes no key 'from' here"),
        ("logicalTypeOptions: {pattern: x}", "unknown key 'pattern'. Known: exclusiveMaximum"),
    ],
)
def test_an_error_at_a_column_does_too(column, told):
    assert told in refusal("v3.2.0", ORDERS.replace("integer", f"integer, {column}"))


RULES = """schema:
  - name: orders
    quality:
      - {rule: rowCount, mustBeGreaterThan: 1, mustBeLessThan: 10, owner: ann}
      - {type: sql, query: select 1 from orders}
    properties:
      - {name: id, logicalType: integer}
"""


def test_of_a_rule_of_v3_0_every_operator_is_followed_and_the_rest_is_listed():
    contract = read("v3.0.0", RULES)

    bounds = {(rule.metric, str(rule.bound)) for rule in contract.quality if rule.bound}
    assert bounds == {("rowCount", "more than 1"), ("rowCount", "less than 10")}
    assert ["the unknown key 'owner' of schema[0].quality[0]"] == [w for _, w in contract.listed]
    assert "did you mean 'mustBe'" in refusal("v3.0.0", RULES.replace("owner: ann", "mustbe: 1"))
