"""A recorded training is verified by predictions, and compared with the champion's."""

from pathlib import Path

import pytest

from cdml.evidence.lineage import read_lineage
from cdml.training.train import train_model
from cdml.training.verify import verify_training
from fakes import judging
from fakes.scorer import pretend
from fakes.training_machine import FakeTrainingMachine

TRAINING = """\
training: {command: [python, train.py], inputs: [train.py, params.yaml], model: model, seed: 7}
"""


class Trained(judging.World):
    """A world whose models are trained: `answers` are those of one training after the other."""

    def __init__(self, folder: Path):
        super().__init__(folder)
        self.config += TRAINING
        self.answers = []
        self.machine = FakeTrainingMachine(self.write)
        self.change("train.py", "one")
        self.change("params.yaml", "depth: 3")

    def change(self, name, text):
        (self.folder / name).write_text(text)

    def write(self, job):
        column = self.answers.pop(0)
        pretend(job.folder / "model", score=column)
        # Each training leaves files of its own, as libraries do that write the time.
        (job.folder / "model/log").write_text(str(len(self.machine.jobs)))

    def ports(self):
        ports = super().ports()
        ports.training_machine = self.machine
        ports.may_be_registered = lambda _: True
        return ports

    def train(self, answers):
        self.answers = [answers]
        return train_model(self.load(), self.ports(), output=self.output)

    def verify(self, *answers):
        self.answers = list(answers)
        checked = verify_training(self.load(), self.ports(), output=self.output).verification
        assert [] == self.answers, "trainings that were not needed"
        return checked

    def serve(self, answers):
        """Train, register and make the champion."""
        self.train(answers)
        run = self.gate(str(self.folder / "model"), register="late")
        self.registry.set_alias("late", "champion", run.version.version)
        return run


@pytest.fixture
def trained(tmp_path):
    world = Trained(tmp_path)
    world.policy = "first_model: bounds"
    world.gates = "{metric: accuracy, at_least: 0.5, max_regression: 0.05}"
    return world


def test_other_files_with_the_same_predictions_are_reproduced(trained):
    trained.serve("good")
    checked = trained.verify("good")

    assert ("same-predictions", "pass") == (checked.result, checked.verdict.value)
    assert 0 == checked.largest_difference
    assert "but the same predictions for 600 rows." in checked.reason


def test_predictions_may_differ_by_the_tolerance(trained):
    trained.serve("good")
    trained.data["nearly"] = [score + 1e-9 for score in trained.data["good"]]
    trained.put(trained.data)
    checked = trained.verify("nearly")

    assert "same-predictions" == checked.result
    assert 0 < checked.largest_difference < 1e-6
    assert "within 1e-06" in checked.reason


def test_two_more_trainings_that_disagree_are_not_deterministic(trained):
    trained.serve("good")
    checked = trained.verify("noisy", "weak")

    assert ("not-deterministic", "fail") == (checked.result, checked.verdict.value)
    assert "of 600 rows, by up to 0." in checked.reason


def test_two_more_trainings_that_agree_name_what_else_differs(trained):
    trained.serve("good")
    trained.machine.processor = "aarch64 another"
    checked = trained.verify("noisy", "noisy")

    assert ("not-reproduced", "fail") == (checked.result, checked.verdict.value)
    assert "training machine (x86_64 fake → aarch64 another)" in checked.reason


def test_the_comparison_says_what_differs_between_the_trainings(trained):
    trained.serve("good")
    trained.change("train.py", "two")
    trained.change("params.yaml", "depth: 5")
    trained.machine.clean = False
    trained.train("better")
    run = trained.gate(str(trained.folder / "model"))

    changes = {one.what: (one.champion, one.challenger) for one in run.comparison.changes}
    assert ("3", "5") == changes["parameter depth"]
    assert {"training input train.py", "training input params.yaml"} <= changes.keys()
    commit = "c" * 12
    assert (commit, f"{commit} with uncommitted changes") == changes["training commit"]
    assert "training seed" not in changes


def test_a_model_of_which_no_training_is_recorded_differs_in_nothing_recorded(trained):
    trained.champion("good")
    trained.train("better")
    run = trained.gate(str(trained.folder / "model"))

    assert [] == [one.what for one in run.comparison.changes if one.what.startswith("training")]


def test_a_version_keeps_its_lineage_when_it_is_judged_again_elsewhere(trained):
    version = trained.serve("good").version
    trained.output = trained.folder / "another-runner"
    trained.gate(f"models:/late/{version.version}", register="late")

    kept = trained.registry.kept["late", version.version]
    assert "lineage.json" in kept


def test_the_model_that_the_command_logged_is_the_trained_one(trained):
    trained.config = trained.config.replace("model: model, seed", 'model: "runs:/", seed')
    logged = pretend(trained.folder / "logged", score="good")
    trained.machine.train = lambda _: None
    trained.machine.printed = "runs:/0a1b/model"
    trained.registry.fetch = lambda uri, _: logged if uri == "runs:/0a1b/model" else None
    lineage = train_model(trained.load(), trained.ports(), output=trained.output)

    assert ("runs:/0a1b/model", "0a1b") == (lineage.model.uri, lineage.run)
    assert lineage == read_lineage(trained.output)


def test_a_lock_is_handed_to_the_machine_and_decides_the_fingerprint(trained):
    before = trained.train("good").fingerprint
    trained.config = trained.config.replace("seed: 7", "environment: requirements.lock, seed: 7")
    trained.change("requirements.lock", "numpy==2.0.0")
    lineage = trained.train("good")

    assert trained.folder / "requirements.lock" == trained.machine.jobs[-1].lock
    assert ("requirements.lock", True) == (
        lineage.environment.source, before != lineage.fingerprint,
    )  # fmt: skip
