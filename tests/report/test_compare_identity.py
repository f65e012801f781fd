"""Who is compared: evaluations that are there already, aliases, and what an earlier run left."""

import pytest

from cdml.common.verdict import Verdict
from cdml.errors import InputError
from cdml.report.evidence_set import read_evidence_set
from fakes.judging import World
from fakes.scorer import pretend


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_predictions_judged_before_are_the_evaluations_own(world):
    challenger, champion = world.predictions("better"), world.predictions("good")
    evaluation = world.evaluate(predictions=challenger)
    comparison = world.compare(challenger, champion)

    assert evaluation.data == comparison.data
    assert evaluation.model == comparison.challenger
    gathered = read_evidence_set(world.output, world.load().config)
    assert (Verdict.PASS, ()) == (gathered.verdict, gathered.missing)


def test_other_predictions_are_not_taken_for_those_that_were_evaluated(world):
    evaluation = world.evaluate(predictions=world.predictions("better"))
    comparison = world.compare(world.predictions("noisy"), world.predictions("good"))

    assert evaluation.data.digest != comparison.data.digest


@pytest.mark.parametrize("name", ["champion", "challenger"])
def test_a_folder_never_takes_the_place_of_an_alias(world, name):
    version = world.champion("good")
    world.registry.set_alias("late", name, version.version)
    pretend(world.folder / name, score="weak")

    found = world.compare(world.model("better"), name)

    assert f"models:/late/{version.version}" == found.champion.uri


@pytest.mark.parametrize("stage", ["evaluate", "compare"])
def test_a_stage_that_fails_leaves_no_deployment_to_be_told_of(world, stage):
    world.output.mkdir()
    (world.output / "deployment.json").write_text("{}")
    with pytest.raises(InputError):
        getattr(world, stage)(str(world.folder / "nowhere"))

    assert [] == [path.name for path in world.output.iterdir()]
