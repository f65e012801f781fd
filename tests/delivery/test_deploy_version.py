"""Which version a deploy ships."""

import pytest

from cdml.ci.code_host import PullRequest
from cdml.errors import InputError
from fakes.delivery import World

MERGED = "c" * 40


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.mark.parametrize("model", ["1", "01", "models:/flights/1", "models:/flights@new"])
def test_a_version_can_be_named_in_any_way_the_registry_knows(world, model):
    world.register("A")
    world.registry.set_alias("flights", "new", "1")

    assert "1" == world.deploy(model).to.version


@pytest.mark.parametrize("model", ["7", "models:/flights/7", "models:/other/1", "folder", "v1"])
def test_a_model_that_is_no_version_of_this_one_is_an_input_error(world, model, tmp_path):
    world.register("A")
    (tmp_path / "other").mkdir()
    (tmp_path / "other/MLmodel").write_text("other\n")
    world.registry.register("other", tmp_path / "other", tags={})

    with pytest.raises(InputError):
        world.deploy(model)

    assert world.serving is None


def test_by_default_the_version_of_the_merged_pull_request_is_deployed(world):
    head = "a" * 40
    world.code_host.merged[MERGED] = (PullRequest(number=5, head=head),)
    world.register("A", tags={"cdml.pull_request": "5", "cdml.commit": "b" * 40})
    world.register("B", tags={"cdml.pull_request": "5", "cdml.commit": head})
    world.register("C", tags={"cdml.pull_request": "6", "cdml.commit": "d" * 40})

    assert "2" == world.deploy().to.version


def test_without_a_pull_request_the_version_of_the_commit_is_deployed(world):
    world.register("A", tags={"cdml.commit": "b" * 40})
    world.register("B", tags={"cdml.commit": MERGED})

    assert "2" == world.deploy().to.version


def test_without_a_commit_a_version_must_be_named(world):
    world.ci_run.head = None

    with pytest.raises(InputError, match="no commit") as caught:
        world.deploy()

    assert "--model" in caught.value.hint
