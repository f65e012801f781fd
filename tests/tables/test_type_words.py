"""Users read what a column holds in words, never as an engine or a library names its type."""

import re

import pyarrow as pa
import pytest

from cdml.adapters.scoring.input_conversion import Unfit, convert, describe_arrow_type
from cdml.data.contract import Contract, Property
from cdml.data.rules.contract import from_contract
from cdml.data.rules.rule import RuleContext
from cdml.data.rules.signature import Signature, check_signature
from cdml.evidence.schema import Check
from cdml.tables.query import Field, LogicalType
from cdml.tables.types import PHYSICAL_TYPES, describe_physical

ENGINES_NAMES = re.compile(
    "|".join(sorted(PHYSICAL_TYPES - {"JSON", "UUID"})) + r"|u?int\d+|float\d+|timestamp\["
)
EVERY_TYPE = sorted(PHYSICAL_TYPES | {"DECIMAL(10,2)", "BIGINT[]", "STRUCT(a BIGINT)", "ENUM('a')"})


@pytest.mark.parametrize("physical", EVERY_TYPE)
def test_every_type_that_an_engine_has_is_in_words(physical):
    words = describe_physical(physical)

    assert "other type" not in words
    assert not ENGINES_NAMES.search(words)


def test_types_that_differ_differ_in_words():
    plain = [name for name in PHYSICAL_TYPES if name != "STRUCT"]

    assert len(plain) == len(set(map(describe_physical, plain)))
    assert "decimal number (10 digits, 2 of them decimals)" == describe_physical("DECIMAL(10,2)")
    assert "list of 64-bit whole number" == describe_physical("BIGINT[]")


TEXT = {"x": Field(name="x", type=LogicalType.STRING, physical="VARCHAR")}


def test_a_check_of_a_physical_type_has_words():
    contract = Contract(table="", properties=(Property(name="x", physical="BIGINT"),))
    rules = from_contract(contract, RuleContext(fields=TEXT))
    found = next(one for one in rules if one.name == "physical_type")

    assert isinstance(found, Check)
    assert ("text", "the column is of type text") == (found.observed, found.reason)


def test_a_check_of_a_signature_has_words():
    rules = check_signature(Signature(subject="the challenger", types={"x": "long"}), TEXT)

    assert "text" in {one.observed for one in rules if isinstance(one, Check)}


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1], pa.int16()), pa.array([0.5], pa.float32()), pa.array(["a"]),
        pa.array([True]), pa.array([[1]]), pa.array([{"a": 1}]), pa.array([b"a"]),
        pa.array([1], pa.timestamp("us", "UTC")), pa.array([1], pa.date32()),
        pa.array([1], pa.decimal128(9, 2)),
    ],
    ids=lambda column: str(column.type),
)  # fmt: skip
def test_what_a_signature_refuses_is_in_words(column):
    refusals = []
    for type_name in ("boolean", "integer", "float", "double", "string", "datetime", "array(long)"):
        try:
            convert(pa.chunked_array([column]), type_name, required=True)
        except Unfit as unfit:
            refusals.append(str(unfit))

    assert refusals
    assert not ENGINES_NAMES.search(" ".join([describe_arrow_type(column.type), *refusals]))
