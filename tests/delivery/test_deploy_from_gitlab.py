"""Which commit GitLab's pipelines judge, and that exactly its version ships after the merge."""

import pytest

from cdml.delivery.operation.outcome import Nothing
from fakes.delivery import World
from fakes.gitlab_runner import OF_PUSH, OF_REQUEST, on_gitlab
from fakes.gitlab_server import GitLabServer

BEFORE, HEAD, RESULT, TRAIN, SQUASHED = ("0" * 39 + "1", "a" * 40, "b" * 40, "c" * 40, "d" * 40)


@pytest.fixture
def server():
    """A merge request whose head is `HEAD`."""
    with GitLabServer() as started:
        started.add_request(7, HEAD)
        started.commits = {BEFORE: (), HEAD: (BEFORE,)}
        yield started


def judge(world, server, tmp_path, **variables):
    """Run the gate in a pipeline of the merge request, and register what it judged."""
    run = on_gitlab(server, tmp_path, OF_REQUEST, **variables).run
    pull = run.trigger().pull_request
    tags = {"cdml.pull_request": str(pull.number)} if pull else {}
    return world.register("A", tags={**tags, "cdml.commit": run.commit(), "cdml.verdict": "pass"})


def deploy(world, server, tmp_path, merged):
    """Deploy in the pipeline of the push that merged it as this commit."""
    server.requests[7] |= {"state": "merged"}
    server.merged[merged] = [7]
    server.commits[merged] = (BEFORE, HEAD)
    host = on_gitlab(server, tmp_path, OF_PUSH, CI_COMMIT_BEFORE_SHA=BEFORE, CI_COMMIT_SHA=merged)
    world.code_host, world.ci_run = host, host.run
    return world.deploy()


@pytest.mark.parametrize(
    ("pipeline", "merged"),
    [
        ({"CI_COMMIT_SHA": HEAD}, RESULT),
        ({"CI_COMMIT_SHA": HEAD}, SQUASHED),
        ({"CI_COMMIT_SHA": RESULT, "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": HEAD}, TRAIN),
        ({"CI_COMMIT_SHA": TRAIN, "CI_MERGE_REQUEST_EVENT_TYPE": "merge_train"}, TRAIN),
    ],
    ids=["branch", "squashed", "merged result", "train"],
)
def test_what_was_judged_ships(server, tmp_path, pipeline, merged):
    world = World(tmp_path)
    version = judge(world, server, tmp_path, **pipeline)

    assert version.version == deploy(world, server, tmp_path, merged).to.version


def test_the_train_s_own_version_ships_where_both_pipelines_registered_one(server, tmp_path):
    world = World(tmp_path)
    judge(world, server, tmp_path, CI_COMMIT_SHA=HEAD)
    train = {"CI_COMMIT_SHA": TRAIN, "CI_MERGE_REQUEST_EVENT_TYPE": "merge_train"}
    version = judge(world, server, tmp_path, **train)

    assert version.version == deploy(world, server, tmp_path, TRAIN).to.version


def test_a_train_that_was_built_anew_ships_nothing_that_it_did_not_judge(server, tmp_path):
    world = World(tmp_path)
    train = {"CI_COMMIT_SHA": "e" * 40, "CI_MERGE_REQUEST_EVENT_TYPE": "merge_train"}
    judge(world, server, tmp_path, **train)

    assert isinstance(deploy(world, server, tmp_path, TRAIN), Nothing)
