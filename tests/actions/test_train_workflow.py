"""What `cdml init --train` writes, under a real runner: train, gate, register."""

import shutil
from collections.abc import Callable

import pytest
from world import CONFIGURATION, PYTHON, World

from cdml.scaffold.init import init

pytestmark = [pytest.mark.xdist_group("runner"), pytest.mark.long]

TRAINING = """\
training:
  command: [sh, train.sh]
  inputs: [train.sh, kind, data/reference.parquet]
  model: model
  seed: 7
"""
SCRIPT = """\
echo "training on $(command -v marker || echo no marker), token ${GITHUB_TOKEN:-none}"
cp -r "models/$(cat kind)" model
"""


def begin(here: World) -> None:
    """Write what `cdml init --train` writes, filled in as a user does."""
    folder = here.repository.folder
    init(folder, train=True, force=True)
    here.repository.write("cdml.yaml", CONFIGURATION.format(name=here.name) + TRAINING)
    here.repository.write("train.sh", SCRIPT)
    here.repository.write("kind", "challenger")
    for name in ("challenger", "worse"):
        shutil.copytree(here.models / name, folder / "models" / name)
    workflow = folder / ".github/workflows/cdml-gate.yml"
    text = workflow.read_text()
    for before, after in (
        (
            "          config: cdml.yaml\n",
            f"          config: cdml.yaml\n          python: {PYTHON}\n",
        ),
        ("my-model", here.name),
        ("https://mlflow.example.org", here.uri),
    ):
        text = text.replace(before, after)
    workflow.write_text(text)


def test_a_pull_request_is_trained_gated_and_registered_and_then_not_trained_again(
    world: Callable[[str], World],
) -> None:
    here = world("trained")
    begin(here)
    first = here.gate(3, here.repository.commit("Train a model"))

    assert first.succeeded, first.log
    assert "training on no marker, token none" in first.log
    assert ("true", "model") == (
        first.outputs["train"]["trained"], first.outputs["train"]["model"],
    )  # fmt: skip
    version, tags = max(here.versions().items())
    assert tags["cdml.training"].startswith("sha256:")
    assert first.outputs["train"]["digest"] == tags["cdml.digest"]

    here.repository.write("README.md", "Something that trains nothing.")
    second = here.gate(4, here.repository.commit("Write a page"))
    assert second.succeeded, second.log
    assert ("false", version) == (
        second.outputs["train"]["trained"], second.outputs["train"]["version"],
    )  # fmt: skip
    assert "training on" not in second.log

    here.repository.write("train.sh", "echo no data; exit 3\n")
    third = here.gate(5, here.repository.commit("Break the training"))
    assert not third.succeeded
    assert "failure" == third.steps["train"]
    assert "The training command failed with exit code 3. Its last line: no data." in third.log
    assert "gate" not in third.outputs, "what is not trained is not judged"
