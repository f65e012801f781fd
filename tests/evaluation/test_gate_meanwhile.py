"""The champion is scored while the challenger is; what is judged is one version on one data."""

import threading
from pathlib import Path

import pytest

from cdml.errors import InputError
from cdml.evidence import store
from cdml.evidence.schema import Evaluation
from cdml.models.digest import model_digest
from cdml.pipeline import run_gate
from fakes.judging import World
from fakes.scorer import FakeScorer, pretend

GATE = "{metric: accuracy, max_regression: 0.3}"


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    made.gates = GATE
    return made


def judged(world, model, **options):
    return run_gate(world.load(), world.ports(), output=world.output, model=model, **options)


class Together(FakeScorer):
    """Answers nobody before both models have been asked."""

    def __init__(self):
        super().__init__()
        self.both = threading.Barrier(2, timeout=300)

    def score(self, job, progress):
        self.both.wait()
        return super().score(job, progress)


def test_both_models_are_scored_at_once(world):
    world.scorer = Together()
    world.champion("good")
    found = judged(world, world.model("better"))

    assert "1" == found.comparison.champion.version


def test_one_core_scores_one_after_the_other(world):
    world.scorer = Together()
    world.scorer.at_once, world.scorer.both = 1, threading.Barrier(1)
    world.champion("good")
    judged(world, world.model("better"))

    order = [model_digest(Path(world.model(name))) for name in ("better", "good")]
    assert order == [model_digest(job.model) for job in world.scorer.jobs]


@pytest.mark.parametrize("champion", ["good.parquet", "none"])
def test_only_the_challenger_is_scored_where_there_is_nobody_to_score_beside_it(world, champion):
    world.predictions("good")
    world.champion("good")
    judged(world, world.model("better"), champion=champion)

    assert 1 == len(world.scorer.jobs)


def test_the_champion_itself_is_scored_once(world):
    world.champion("good")
    judged(world, world.model("good"))

    assert 1 == len(world.scorer.jobs)


def test_a_champion_that_fails_fails_the_comparison_and_not_the_evaluation(world):
    broken = pretend(world.folder / "broken", score="good", fault="throws")
    with pytest.raises(InputError, match="failed on these rows"):
        judged(world, world.model("better"), champion=f"./{broken.name}")

    assert store.read_evidence(world.output, Evaluation) is not None


def test_a_champion_that_cannot_be_found_is_told_by_the_comparison(world):
    with pytest.raises(InputError, match="has no version with the alias"):
        judged(world, world.model("better"), champion="nobody")

    assert store.read_evidence(world.output, Evaluation) is not None


def test_all_stages_judge_the_rows_that_were_named(world):
    other = {**world.data, "id": [i + 1000 for i in world.data["id"]]}
    world.put(other, "other.parquet")
    world.champion("good")
    found = judged(world, world.model("better"), data="other.parquet")

    assert 1 == len({s.data.digest for s in (found.data, found.evaluation, found.comparison)})


def test_an_alias_that_moves_meanwhile_is_judged_as_the_version_it_was(world):
    world.champion("good")
    for answers in ("better", "weak"):
        world.registry.register("late", Path(world.model(answers)), tags={})
    world.registry.set_alias("late", "challenger", "2")
    resolve = world.registry.resolve

    def moving(uri):
        found = resolve(uri)
        world.registry.set_alias("late", "challenger", "3")
        return found

    world.registry.resolve = moving
    found = judged(world, "models:/late@challenger", register="late")

    assert {"2"} == {found.evaluation.model.version, found.version.version}
    assert "cdml.verdict" not in world.registry.version("late", "3").tags


@pytest.mark.parametrize("stage", ["gate", "evaluate", "compare"])
def test_an_output_folder_that_cannot_be_is_an_input_error(world, stage):
    (world.folder / "file").write_text("")
    world.output = world.folder / "file" / "out"
    world.champion("good")
    run = {
        "gate": lambda: judged(world, world.model("better")),
        "evaluate": lambda: world.evaluate(world.model("better")),
        "compare": lambda: world.compare(world.model("better")),
    }[stage]
    with pytest.raises(InputError):
        run()
