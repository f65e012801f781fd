"""`deploy --resume` on a schedule: where nothing is parked it is cheap, and says so."""

import subprocess

import pytest

from cdml.adapters.journals.git import GitJournal
from cdml.ci.code_host import PullRequest
from cdml.cli import run
from cdml.delivery.notify import notify
from cdml.delivery.operation.outcome import Nothing
from cdml.delivery.resume import resume
from cdml.delivery.rollout.state_machine import Decision
from cdml.errors import LockHeld
from cdml.journal import file as document
from cdml.scaffold.init import init
from fakes.faults import Faults, Killed
from fakes.journals import ledger_of, release
from fakes.ports import FakePorts
from fakes.split_delivery import SplitWorld

PARKED = "{steps: [5, 25, 100], timeout: 2h, park: 20m}"


class Untouched:
    """A target, by its name alone."""

    name, splits_traffic = "haproxy", True


@pytest.fixture
def world(tmp_path):
    """A serves, and nothing is open."""
    world = SplitWorld(tmp_path, PARKED)
    world.ship("A")
    return world


def only_the_journal(world):
    """Ports of which neither registry, nor target, nor traffic can be asked anything."""
    return FakePorts(
        journal=world.journal,
        ci_run=world.ci_run,
        code_host=world.code_host,
        clock=world.clock,
        progress=world.progress,
        registry=FakePorts(),
        target=Untouched(),
    )


def test_nothing_but_the_journal_is_asked(world):
    before = world.journal.documents.copy()

    told = resume(world.loaded, only_the_journal(world), output=world.output)

    assert ("pass", False, 0) == (told.verdict, told.changed, told.verdict.exit_code)
    assert "Nothing to resume: v1 serves production." == told.reason
    assert before == world.journal.documents


def test_before_the_first_deploy_there_is_nothing_to_tell_of(tmp_path):
    world = SplitWorld(tmp_path, PARKED)

    told = resume(world.loaded, only_the_journal(world), output=world.output)

    assert Nothing("Nothing to resume: nothing has served yet.") == told
    assert [] == world.journal.documents


@pytest.mark.parametrize("earlier", [True, False])
def test_a_deploy_that_is_under_way_is_named(tmp_path, earlier):
    world = SplitWorld(tmp_path, PARKED)
    if earlier:
        world.ship("A")
    world.register("B", against="1" if earlier else None)
    with pytest.raises(Killed):
        world.deploy("2" if earlier else "1", faults=Faults(3))
    before = world.ledger

    with pytest.raises(LockHeld, match="holds the lock"):
        resume(world.loaded, only_the_journal(world), output=world.output)

    assert before == world.ledger


def test_who_is_told_of_a_resumed_canary_is_whose_commit_began_it(world):
    deployed, scheduled = "d" * 40, "e" * 40
    mine, other = (PullRequest(number=n, head="f" * 40) for n in (7, 8))
    world.code_host.merged = {deployed: (mine,), scheduled: (other,)}
    world.register("B", against="1")
    world.ci_run.head = deployed
    world.deploy("2")
    world.ci_run.head = scheduled
    world.checks.verdicts = [Decision.PROMOTE]

    notify(world.loaded, world._ports(None), world.resume())

    assert [7] == [comment.number for comment in world.code_host.comments]


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """What `cdml init` writes for HAProxy, where neither HAProxy nor the registry is there."""
    init(tmp_path, target="haproxy")
    git = ["git", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "--quiet"], check=True)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("GITHUB_ACTIONS", "")
    monkeypatch.delenv("CI", raising=False)  # this repository has no remote
    return tmp_path


def resumed(repository, capsys):
    code = run(["deploy", "--resume", "--config", str(repository / "cdml.yaml")])
    return code, capsys.readouterr().out.strip()


def test_the_command_ends_well_and_says_why(repository, capsys, slept):
    assert (0, "deploy: Nothing to resume: nothing has served yet.") == resumed(repository, capsys)
    journal = GitJournal(
        folder=repository, environment="production", model="my-model", variables={}
    )
    ledger = ledger_of(release(1))
    known = document.dump_journal(
        type(ledger)(model="my-model", environment="production", current=ledger.current)
    )
    journal.write(known, "adopt: v1 serves production", None)

    code, told = resumed(repository, capsys)

    assert (0, "deploy: Nothing to resume: v1 serves production.") == (code, told.splitlines()[0])
    assert sum(slept) < 30
