"""Rows that are kept to ask a server: what the contract classifies is not among them."""

import pytest

from cdml.config import load
from cdml.delivery.checks.canary import CanaryJudge
from cdml.errors import ConfigurationError, InputError
from cdml.evidence import reference_rows
from cdml.pipeline import run_gate
from fakes.journals import release
from fakes.judging import World

CONTRACT = """\
apiVersion: v3.2.0
kind: DataContract
id: flights
version: 1.0.0
status: active
schema:
  - name: flights
    properties:
      - {name: weak, classification: CLASS}
      - {name: noisy, tags: [TAG]}
"""
DATA = "{contract: rows.odcs.yaml, leakage: {warn: null, fail: null}, evaluation"
SERVES = "deploy: {target: {type: fake}, known_rows: 3}\n"


class Serving(World):
    """As `World`, where the target has a server that is asked."""

    def load(self):
        super().load()
        path = self.folder / "cdml.yaml"
        path.write_text(path.read_text() + SERVES)
        return load(path, targets=["registry", "fake"], environment={})


@pytest.fixture
def world(tmp_path):
    world = Serving(tmp_path)
    world.gates = "{metric: accuracy, at_least: 0.1}"
    world.config = world.config.replace("{evaluation", DATA)
    classify(world)
    return world


def classify(world, class_="restricted", tag="pii"):
    text = CONTRACT.replace("CLASS", class_).replace("TAG", tag)
    (world.folder / "rows.odcs.yaml").write_text(text)


def judged(world, inputs):
    """A model of these inputs through the gate; its version, and what is kept with it."""
    model = world.model("good", inputs=inputs)
    found = run_gate(
        world.load(), world.ports(), output=world.output, model=model, champion="none",
        register="late",
    )  # fmt: skip
    assert found.version is not None
    folder = world.registry.evidence(found.version, world.folder / "kept")
    return (
        found.version,
        reference_rows.read_reference_rows(folder),
        (folder / reference_rows.FILE).read_text(),
    )


def told(world):
    return [note for note in world.progress.notes if "No smoke cases" in note]


def asked(world, version, *, served=False):
    """What a deploy asks a server of this version."""
    judging = CanaryJudge(loaded=world.load(), ports=world.ports(), served=served)
    made = type(release(3))(version=version.version, digest=version.digest, source=version.source)
    return judging.smoke(None, made)


@pytest.mark.parametrize(
    ("inputs", "why"),
    [
        (["better", "weak"], "the contract classifies the inputs weak"),
        (["noisy"], "the contract classifies the inputs noisy"),
        (None, "the contract classifies the inputs weak, noisy"),
    ],
    ids=["a class", "a tag", "no signature"],
)
def test_a_model_that_is_given_what_is_classified_has_no_known_rows(world, inputs, why):
    version, kept, written = judged(world, inputs)

    assert ((), (), why) == (kept.rows, kept.answers, kept.withheld)
    values = [value for name in ("weak", "noisy", "better") for value in world.data[name][:3]]
    assert not any(str(value) in written for value in values)
    [note] = told(world)
    assert note.startswith(f"No smoke cases were recorded: {why}. Without them, the first deploy")
    with pytest.raises(InputError) as caught:
        asked(world, version)
    assert (
        f"No smoke cases are recorded for v1, so it gets no traffic: {why}." == caught.value.message
    )
    assert f"v1 is ready, but no smoke cases are recorded for it: {why}" == asked(
        world, version, served=True
    )


def test_of_any_other_model_only_what_it_is_given_is_kept(world):
    _, kept, _ = judged(world, ["better", "good"])

    assert (("better", "good"), 3, "") == (kept.columns, len(kept.rows), kept.withheld)
    assert [] == told(world)


def test_columns_of_an_open_class_are_kept(world):
    classify(world, "public", "numbers")

    _, kept, _ = judged(world, ["weak", "noisy"])

    assert 3 == len(kept.rows)


def test_where_the_contract_cannot_be_read_nothing_is_kept(world):
    (world.folder / "rows.odcs.yaml").unlink()

    with pytest.raises(ConfigurationError, match="does not exist"):
        world.evaluate(world.model("good"))

    assert not (world.output / reference_rows.FILE).exists()


def test_where_nothing_is_asked_nothing_is_kept_and_nothing_said(tmp_path):
    world = World(tmp_path)
    world.evaluate(world.model("good"))

    assert not (world.output / reference_rows.FILE).exists()
    assert [] == told(world)
