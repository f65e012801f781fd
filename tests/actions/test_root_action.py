"""`uses: org/cdml-action@v1` under a real runner, from a pull request to its rollback."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from act_runner import TOKEN, Outcome, dispatch, push
from world import PYTHON, World

from fakes.github_state import Comment

pytestmark = pytest.mark.xdist_group("runner")

NUMBER = 7
OTHERS = 130


@dataclass(frozen=True)
class Story:
    """What was there to see after each run, in the order of a real delivery."""

    world: World
    heads: list[str]
    passed: Outcome
    comment: Comment
    versions: dict[str, dict[str, str]]
    again: Outcome
    comments: list[Comment]


@pytest.fixture(scope="module")
def story(world: Callable[[str], World]) -> Story:
    """Two pushes to a pull request that passes and that many people have talked about before.

    From the second push to the merge, cdml installs itself from the package index, as for users.
    """
    here = world("story")
    for index in range(OTHERS):
        here.github.add_comment(NUMBER, f"person-{index}", f"I think so too ({index}).")
    head = here.propose("challenger")
    passed = here.gate(NUMBER, head)
    assert passed.succeeded, passed.log
    (comment,) = here.comments(NUMBER)
    first = replace(comment)
    versions = here.versions()
    here.fill_in(python=None)
    second = here.repository.commit("Let cdml install itself")
    again = here.gate(NUMBER, second)
    return Story(
        world=here,
        heads=[head, second],
        passed=passed,
        comment=first,
        versions=versions,
        again=again,
        comments=here.comments(NUMBER),
    )


@dataclass(frozen=True)
class Delivered:
    """After the merge, and after the button."""

    deployed: Outcome
    aliases: list[str]
    states: dict[str, list[str]]
    branches: list[str]
    rolled_back: Outcome
    journal: list[str]


@pytest.fixture(scope="module")
def delivered(story: Story) -> Delivered:
    here = story.world
    before = here.champion()
    merge = here.repository.commit("Merge pull request #7")
    here.github.add_pull(NUMBER, story.heads[-1], merged_as=merge)
    deployed = here.repository.run("cdml-deploy.yml", "push", push(merge))
    after = here.champion()
    states = {
        str(filed.id): [status.state for status in filed.statuses]
        for filed in here.github.deployments
    }
    here.fill_in(python=PYTHON)
    inputs = {"version": "", "reason": "complaints"}
    rolled_back = here.repository.run("cdml-deploy.yml", "workflow_dispatch", dispatch(**inputs))
    last = here.champion()
    branch = f"cdml/production/{here.name}"
    return Delivered(
        deployed=deployed,
        aliases=[before, after, last],
        states=states,
        branches=here.repository.in_origin("branch", "--list", branch, "--format=%(refname:short)"),
        rolled_back=rolled_back,
        journal=here.repository.in_origin("log", "--reverse", "--format=%s", branch),
    )


def test_a_pull_request_that_passes_gets_a_comment_and_a_green_job(story: Story) -> None:
    outputs = story.passed.outputs["gate"]
    assert "pass" == outputs["verdict"], story.passed.log
    assert story.comment.body
    assert "" == outputs["comment-url"], "the job that runs the model does not comment"
    assert outputs["report"].endswith("report.md")


def test_a_model_that_passes_is_registered_as_what_was_judged(story: Story) -> None:
    outputs = story.passed.outputs["gate"]
    tags = story.versions[outputs["version"]]
    expected = {
        "cdml.digest": outputs["digest"],
        "cdml.commit": story.heads[0],
        "cdml.pull_request": str(NUMBER),
    }
    assert expected.items() <= tags.items()


def test_a_second_push_updates_the_comment_below_130_others(story: Story) -> None:
    assert story.again.succeeded, story.again.log
    assert [story.comment.id] == [comment.id for comment in story.comments]
    assert story.comments[0].edits == 3  # told, begun again, told again
    assert len(story.world.github.comments(NUMBER)) == OTHERS + 1


def test_the_merge_ships_the_version_that_the_pull_request_registered(
    story: Story, delivered: Delivered
) -> None:
    assert delivered.deployed.succeeded, delivered.deployed.log
    shipped = story.passed.outputs["gate"]["version"]
    outputs = delivered.deployed.outputs["1"]
    assert (shipped, "true") == (outputs["version"], outputs["changed"])
    assert story.passed.outputs["gate"]["digest"] == outputs["digest"]
    assert shipped == delivered.aliases[1] != delivered.aliases[0]


def test_a_deployment_is_filed_at_github_and_ends_in_success(delivered: Delivered) -> None:
    ((filed, states),) = delivered.states.items()
    assert (filed, "success") == (delivered.deployed.outputs["1"]["deployment-id"], states[-1])


def test_the_journal_is_a_branch_of_the_users_repository(
    story: Story, delivered: Delivered
) -> None:
    assert [f"cdml/production/{story.world.name}"] == delivered.branches
    assert 2 <= len(delivered.journal)


def test_the_button_takes_it_back(delivered: Delivered) -> None:
    assert delivered.rolled_back.succeeded, delivered.rolled_back.log
    assert delivered.aliases[0] == delivered.aliases[2]
    assert "rollback" in delivered.journal[-1].lower()


def test_a_model_that_fails_fails_the_job_and_says_why(world: Callable[[str], World]) -> None:
    here = world("worse")
    outcome = here.gate(NUMBER, here.propose("worse"))

    assert not outcome.succeeded
    assert 1 == outcome.codes.get("gate/gate"), outcome.log
    assert "fail" == outcome.outputs["gate"]["verdict"]
    assert {"1"} == here.versions().keys()
    (comment,) = here.comments(NUMBER)
    assert "ROC AUC fell from" in comment.body


def test_a_gate_that_cannot_ask_fails_with_its_own_code_and_is_reported(
    world: Callable[[str], World],
) -> None:
    here = world("broken")
    head = here.propose("challenger")
    (here.repository.folder / "data/evaluation.parquet").write_bytes(b"not a table")
    outcome = here.gate(NUMBER, head)

    assert not outcome.succeeded
    assert 4 == outcome.codes.get("gate/gate"), outcome.log
    (comment,) = here.comments(NUMBER)
    assert comment.body.startswith("### ⏸️ Not judged: gate stopped")
    assert "evaluation.parquet" in comment.body


def test_the_gate_never_sees_the_token_and_a_refused_comment_changes_nothing(
    world: Callable[[str], World],
) -> None:
    here = world("token")
    spy = here.repository.folder.with_name("spy")
    seen = here.repository.folder.with_name("seen")
    spy.write_text(
        "#!/bin/bash\n"
        f'[[ $2 != -m ]] || {{ echo "== $4"; tr "\\0" "\\n" </proc/$$/environ; }} >>"{seen}"\n'
        f'exec "{PYTHON}" "$@"\n'
    )
    spy.chmod(0o755)
    here.repository.environment["GITHUB_TOKEN"] = TOKEN  # as a careless job would
    here.github.permissions = dict.fromkeys(here.github.permissions, "read")
    here.fill_in(python=str(spy))
    outcome = here.gate(NUMBER, here.propose("challenger"))

    started = [entry.partition("\n") for entry in seen.read_text().split("== ")[1:]]
    given = {(command, TOKEN in told) for command, _, told in started}
    assert {("isolation", False), ("gate", False), ("report", True)} <= given
    assert not {("isolation", True), ("gate", True)} & given
    assert outcome.succeeded, outcome.log
    assert [] == here.comments(NUMBER)
