"""Which version a push ships: the last one that passed, none, or none for a reason."""

import pytest

from cdml.ci.code_host import GateSigns, PullRequest
from cdml.delivery.notify import notify
from cdml.delivery.operation.outcome import Nothing
from cdml.errors import InputError, ServiceError
from fakes.delivery import World

FIRST, SECOND, THIRD = ("1" * 40, "2" * 40, "c" * 40)
HEADS = {11: "d" * 40, 12: "e" * 40, 13: "f" * 40}


@pytest.fixture
def world(tmp_path):
    """A push brought three pull requests, the last one first in no order but that of commits."""
    world = World(tmp_path)
    world.code_host.brought = (FIRST, SECOND, THIRD)
    world.code_host.merged = {
        FIRST: (PullRequest(number=12, head=HEADS[12]),),
        SECOND: (PullRequest(number=11, head=HEADS[11]),),
        THIRD: (PullRequest(number=13, head=HEADS[13]),),
    }
    return world


def judged(world, name, number, *, head=None, **words):
    tags = {"cdml.pull_request": str(number), "cdml.commit": head or HEADS[number]}
    return world.register(name, tags={**tags, "cdml.verdict": "pass", **words})


@pytest.mark.parametrize("number", [11, 12, 13])
def test_the_one_judged_version_is_found_wherever_it_lies_in_the_push(world, number):
    judged(world, "A", number)

    assert "1" == world.deploy().to.version


def test_of_several_versions_the_last_in_the_order_of_commits_ships(world):
    judged(world, "A", 11)
    judged(world, "B", 12)

    assert "1" == world.deploy().to.version
    assert [note for note in world.progress.notes if "Not deployed: v2 (#12)" in note]


def test_a_version_that_did_not_pass_makes_way_for_the_last_that_did(world):
    judged(world, "A", 12)
    judged(world, "B", 11, **{"cdml.verdict": "fail"})

    assert "1" == world.deploy().to.version
    assert [note for note in world.progress.notes if "v2 (#11, verdict fail)" in note]


def test_a_version_that_did_not_pass_is_refused_where_it_is_alone(world):
    version = judged(world, "B", 11, **{"cdml.verdict": "fail"})
    world.registry.log_evidence(version, sorted(world.evidence(version, auc=0.1).iterdir()))

    with pytest.raises(InputError):
        world.deploy()

    assert world.serving is None


def test_of_two_versions_of_one_commit_the_one_with_evidence_ships(world):
    judged(world, "A", 11)
    tags = {"cdml.pull_request": "11", "cdml.commit": HEADS[11]}
    world.register("B", kept=False, tags=tags)

    assert "1" == world.deploy().to.version


def test_of_two_gates_of_one_commit_the_later_one_counts(world):
    judged(world, "A", 11)
    judged(world, "B", 11)

    assert "2" == world.deploy().to.version


def test_a_version_judged_on_a_commit_of_the_push_itself_ships(world):
    world.register("A", tags={"cdml.commit": SECOND})
    world.register("B", tags={"cdml.commit": "9" * 40})

    assert "1" == world.deploy().to.version


def test_the_comment_goes_to_the_pull_request_that_brought_the_version(world):
    judged(world, "A", 11)
    told = world.deploy()

    notify(world.loaded, world._ports(None), told)

    assert [11] == [comment.number for comment in world.code_host.comments]


@pytest.mark.parametrize("dry_run", [False, True])
def test_without_a_gate_there_is_nothing_to_deploy(world, dry_run):
    told = world.deploy(dry_run=dry_run)

    assert isinstance(told, Nothing)
    for number in HEADS:
        assert f"#{number}" in told.sentence


def test_a_push_without_a_pull_request_and_without_a_gate_has_nothing_to_deploy(world):
    world.code_host.merged = {}

    assert THIRD[:12] in world.deploy().sentence


@pytest.mark.parametrize("check", ["Gate: failure", "Gate: success", "Gate: in_progress"])
def test_a_gate_that_registered_nothing_is_an_input_error(world, check):
    world.code_host.signs[11] = GateSigns(checks=(check,))

    with pytest.raises(InputError, match=f"pull request #11, but a gate ran .{check}."):
        world.deploy()


def test_a_report_without_a_version_is_an_input_error(world):
    world.code_host.signs[13] = GateSigns(reports=("flights",))

    with pytest.raises(InputError, match="pull request #13, but its gate ran"):
        world.deploy()


def test_a_gate_on_the_pushed_commit_that_registered_nothing_is_an_input_error(world):
    world.code_host.merged = {}
    world.code_host.signs[THIRD] = GateSigns(checks=("Gate: failure",))

    with pytest.raises(InputError, match="commit c"):
        world.deploy()


def test_a_report_of_nobody_we_know_may_be_this_models(world):
    world.code_host.signs[13] = GateSigns(reports=("europe",))

    with pytest.raises(InputError, match="the report europe"):
        world.deploy()


def test_the_gate_of_another_model_of_the_repository_is_not_this_ones(world, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other/MLmodel").write_text("other\n")
    world.registry.register("delays", tmp_path / "other", tags={})
    reports = ("delays", "delays in production", "flights in production")
    world.code_host.signs[13] = GateSigns(reports=reports, checks=("Gate (delays): failure",))

    assert isinstance(world.deploy(), Nothing)


def test_what_was_judged_before_the_last_change_is_not_shipped(world):
    judged(world, "A", 11, head="0" * 40)

    with pytest.raises(InputError, match="v1 of flights was registered from pull request #11"):
        world.deploy()


def test_a_platform_that_does_not_answer_is_no_platform_that_says_no(world):
    world.code_host.refuses = True

    with pytest.raises(ServiceError):
        world.deploy()


def test_where_nobody_can_say_whether_a_gate_ran_a_version_is_missing(world):
    world.code_host.merged = {}
    world.code_host.signs[THIRD] = None

    with pytest.raises(InputError, match="it is unknown whether a gate ran") as told:
        world.deploy()

    assert "--model" in told.value.hint
