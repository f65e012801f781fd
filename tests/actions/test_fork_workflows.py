"""A pull request from a fork, under a real runner: judged without trust, told with little."""

import io
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from act_runner import TOKEN, Outcome, pull_request, workflow_run
from world import World

from fakes.github_server import READ

pytestmark = pytest.mark.xdist_group("runner")

NUMBER, RUN, OWNER = 12, 4711, "stranger"


@dataclass(frozen=True)
class Fork:
    """What happened to a pull request from a fork."""

    world: World
    head: str
    judged: Outcome
    uploaded: dict[str, bytes]
    refused: list[tuple[str, str]]


@pytest.fixture(scope="module")
def fork(world: Callable[[str], World]) -> Fork:
    here = world("forked")
    head = here.propose("worse")
    here.github.add_pull(NUMBER, head, owner=OWNER)
    mine, here.github.permissions = here.github.permissions, dict(READ)
    secrets = dict(here.repository.secrets)
    here.repository.secrets = {"GITHUB_TOKEN": TOKEN}  # it reads, and there are no others
    payload = pull_request(NUMBER, head, OWNER)
    judged = here.repository.run("cdml-gate.yml", "pull_request", payload)
    uploaded = _files(here.repository.artifacts / "cdml-evidence")
    refused = [asked for asked in here.github.requests if asked[0] != "GET"]
    here.github.permissions, here.repository.secrets = mine, secrets
    return Fork(here, head, judged, uploaded, refused)


def _files(folder: Path) -> dict[str, bytes]:
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def told(fork: Fork, files: dict[str, bytes], run: int = RUN) -> Outcome:
    """The other workflow, after a run that left these files."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in files.items():
            packed.writestr(name.rpartition("/")[2], text)
    fork.world.github.add_artifact(run, "cdml-evidence", content.getvalue())
    shutil.rmtree(fork.world.repository.folder / "model", ignore_errors=True)
    payload = workflow_run(run, fork.head, OWNER, "failure")
    return fork.world.repository.run("cdml-fork-report.yml", "workflow_run", payload)


def test_the_unprivileged_run_judges_and_leaves_its_evidence(fork: Fork) -> None:
    assert 1 == fork.judged.codes.get("gate/gate"), fork.judged.log
    assert {"data.json", "evaluation.json", "comparison.json"} == set(fork.uploaded)
    assert [] == fork.refused
    assert TOKEN not in fork.judged.log


def test_the_privileged_run_comments_what_was_found_on_the_right_pull_request(fork: Fork) -> None:
    outcome = told(fork, fork.uploaded)

    assert outcome.succeeded, outcome.log
    (comment,) = fork.world.comments(NUMBER)
    assert comment.body.startswith("### ❌ Rejected")
    assert "Its author could have made them up" in comment.body
    assert f"run={RUN}.1 " in comment.body


def test_evidence_that_is_an_attack_is_told_as_nothing_judged(fork: Fork) -> None:
    evil = dict.fromkeys(fork.uploaded, b'{"schema": "<img src=x>"}')
    outcome = told(fork, evil, RUN + 1)

    assert "is not evidence of this stage" in outcome.log
    (comment,) = fork.world.comments(NUMBER)
    assert comment.body.startswith("### ⏸️ Not judged")
    assert "<img" not in comment.body


def test_of_a_pull_request_that_its_gate_comments_on_no_other_run_tells(fork: Fork) -> None:
    own = workflow_run(RUN + 2, fork.head, "octo-org", "failure")

    assert {} == fork.world.repository.run("cdml-fork-report.yml", "workflow_run", own).steps
