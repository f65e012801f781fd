"""The gate holds both models' signatures against the rows that they are asked about."""

import json
from pathlib import Path

import pytest

from cdml.common.verdict import Verdict
from cdml.data.rules.signature import Signature
from cdml.errors import InputError
from cdml.evidence import store
from cdml.evidence.schema import DataEvidence
from data.test_validate_data import House, failed, named
from fakes.judging import World


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def signed(world, answers, **types):
    """A model whose signature names these columns."""
    folder = Path(world.model(answers, inputs=list(types)))
    columns = [{"name": name, "type": kind, "required": True} for name, kind in types.items()]
    text = (folder / "MLmodel").read_text().partition("signature")[0]
    (folder / "MLmodel").write_text(f"{text}signature: {{inputs: '{json.dumps(columns)}'}}\n")
    return folder


def champion(world, **types):
    version = world.registry.register("late", signed(world, "good", **types), tags={})
    world.registry.set_alias("late", "champion", version.version)


def test_types_that_either_model_refuses_fail(world):
    champion(world, carrier="double", good="double")
    with pytest.raises(InputError, match=r"column carrier: it contains text, but .* long"):
        world.gate(str(signed(world, "better", carrier="long", better="double")))

    found = store.read_evidence(world.output, DataEvidence)
    assert ("model_types", "carrier") in failed(found)
    told = [check.reason for check in named(found, "model_types") if check.verdict is Verdict.FAIL]
    assert [who in reason for who, reason in zip(["challenger", "champion"], told, strict=True)]


def test_models_whose_columns_are_there_pass(world):
    champion(world, good="double")
    found = world.gate(str(signed(world, "better", better="double"))).data

    assert [Verdict.PASS] * 2 == [check.verdict for check in named(found, "model_columns")]
    assert [Verdict.PASS] * 2 == [check.verdict for check in named(found, "model_types")]


def test_a_challenger_that_was_scored_elsewhere_is_not_asked(world):
    champion(world, good="double")
    model = signed(world, "better", carrier="long")
    found = world.gate(str(model), predictions=world.predictions("better")).data

    assert "model_types" not in {name for name, _ in failed(found)}


def test_missing_values_that_the_signature_refuses_are_counted_in_the_one_scan(tmp_path):
    house = House(tmp_path)
    house.now["dep_delay"][:3] = [None] * 3
    house.now["seats"] = [None, *range(1, len(house.now["id"]))]
    house.put("now.parquet", house.now)
    signature = Signature(subject="the model", types={"dep_delay": "double", "seats": "long"})
    found = house.run(signatures=[signature])

    assert ("model_types", "seats") in failed(found)
    [check] = named(found, "model_types")[:1]
    assert check.reason.startswith("1 of 2,000 values are missing, but the model needs")
    assert 1 == house.tables.open(str(house.folder / "now.parquet")).scans


def test_a_column_is_named_by_what_it_holds_not_by_an_engines_type(tmp_path):
    house = House(tmp_path)
    house.now["dep_delay"] = ["late"] * len(house.now["id"])
    house.put("now.parquet", house.now)
    signature = Signature(subject="the model", types={"dep_delay": "double"})
    found = house.run(signatures=[signature])

    [check] = named(found, "model_types")[:1]
    assert check.reason == "the signature of the model says double, but the column holds text"
