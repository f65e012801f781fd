"""What an API server, its pods and other processes do while real processes of cdml deliver.

After each of these the same is requested again: cluster, registry and journal have to agree, and at
no moment has a release traffic whose pods are not there.
"""

import json
import os
import subprocess
import sys

import pytest

from cdml.errors import DeploymentFailed, InputError, LockHeld, RollbackFailed, ServiceError
from support.kill_kubernetes import KillingOnKubernetes
from support.kill_stories import CANARY, DEPLOY, STORIES, ask_again, begin, ended, prepare
from support.racing import RACER

FAULTS = (409, "lost", 429, 500, "down", 422, 503)
"""In turn, one for each write; `lost` is a write that is done and not answered."""
STATED = (ServiceError.exit_code, RollbackFailed.exit_code)
"""Ends that say what serves, and that the operation is open."""


@pytest.fixture
def place(request, tmp_path):
    story = STORIES[request.param]
    canary = CANARY if story.verdicts else None
    with KillingOnKubernetes(tmp_path, canary=canary, verdicts=story.verdicts) as place:
        prepare(place, story)
        yield place


def writes_of(place):
    """How many writes of the story reach the API server, where nothing goes wrong."""
    begin(place)
    before = place.server.writes
    assert place.run(*place.story.command).code in (0, DeploymentFailed.exit_code)
    count = place.server.writes - before
    ended(place)
    return count


def asked_again(place, run, write):
    """A run that could not finish is followed by one that does."""
    if place.ledger.lock is None or place.ledger.parked_until is not None:
        ended(place)
    else:
        assert run.code in STATED, (write, run.said)
        ask_again(place, write)


@pytest.mark.long
@pytest.mark.parametrize("place", ["deploy", "rollback", "promoted"], indirect=True)
def test_a_fault_at_any_write_is_mended_by_this_run_or_the_next(place):
    count = writes_of(place)
    assert count
    for number in range(count):
        begin(place)
        fault = FAULTS[number % len(FAULTS)]
        place.server.break_at = (place.server.writes + number, fault)
        run = place.run(*place.story.command)
        assert place.server.break_at is None, "no write met the fault"
        if run.code and place.ledger.operation is None:  # it was refused, or undone
            assert place.agreed() in place.story.served, (number, fault, run.said)
            run = place.run(*place.story.command)
        asked_again(place, run, (number, fault))


@pytest.mark.long
@pytest.mark.parametrize("place", ["rollback"], indirect=True)
def test_an_api_server_that_is_gone_from_any_write_on_is_a_stated_end(place):
    count = writes_of(place)
    for number in range(count):
        begin(place)
        place.server.break_at = (place.server.writes + number, "gone")
        run = place.run(*place.story.command)
        place.server.gone = False
        assert run.code in STATED, (number, run.said)
        assert "did not answer" in run.said
        ask_again(place, number)


@pytest.fixture
def serving(request, tmp_path):
    """A serves; B is judged and waits."""
    words = {"canary": CANARY, "verdicts": ("hold", "promote"), **getattr(request, "param", {})}
    with KillingOnKubernetes(tmp_path, **words) as place:
        place.register("A", 1)
        assert 0 == place.run("deploy", "--model", "1").code
        place.register("B", 2, against="1")
        yield place


def test_a_dry_run_prints_each_object_and_writes_nothing(serving):
    run = serving.run(*DEPLOY, "--dry-run")

    assert 0 == run.code, run.said
    name = serving._name("2")
    for headline in (f"Deployment {name} would be created", "HTTPRoute flights would be changed"):
        assert headline in run.said
    assert [serving._name("1")] == serving.server.names("deployments")
    assert "1" == serving.agreed()


def test_a_token_that_expires_in_the_middle_of_a_canary_is_fetched_anew(serving):
    plugin = serving.folder / "plugin.py"
    plugin.write_text(
        "import json, pathlib\n"
        "file = pathlib.Path(__file__).with_name('token')\n"
        "print(json.dumps({'status': {'token': file.read_text()}}))\n"
    )
    version = "client.authentication.k8s.io/v1"
    command = {"apiVersion": version, "command": sys.executable, "args": [str(plugin)]}
    (serving.folder / "kubeconfig").write_text(json.dumps(serving.server.kubeconfig(exec=command)))
    token = serving.folder / "token"
    token.write_text("t1")
    serving.server.tokens = {"t1"}

    def expire(request):
        if "httproutes" in request and 10 in serving.weights().values():
            token.write_text("t2")
            serving.server.tokens = {"t2"}

    serving.server.watch = expire
    run = serving.run(*DEPLOY)
    serving.server.watch = serving._see

    assert 0 == run.code, run.said
    assert {"t2"} == serving.server.tokens
    assert 10 == serving.parked("2", beside="1")


@pytest.mark.parametrize("serving", [{"verdicts": ("hold", "hold", "promote")}], indirect=True)
def test_pods_of_a_drained_node_lose_the_canary_and_no_traffic(serving):
    """They are gone while the canary is paused: the next look aborts it, or waits for them."""
    assert 0 == serving.run(*DEPLOY).code
    assert 10 == serving.parked("2", beside="1")
    digits = serving._digits("2")
    serving.server.evict(digits)
    run = serving.run("deploy", "--resume")
    serving.server.behaviour.pop(digits, None)

    assert DeploymentFailed.exit_code == run.code, run.said
    assert "1" == serving.agreed()


@pytest.mark.long
@pytest.mark.parametrize("serving", [{"canary": None}], indirect=True)
def test_six_processes_that_deliver_at_once_keep_one_another_out(serving):
    serving.register("C", 3, against="1")
    serving.register("D", 4, against="1")
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    racing = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, str(serving.folder / "cdml.yaml"), str(seed), "4"],
            env={**environment, "GITHUB_ACTIONS": ""},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for seed in range(6)
    ]
    told = [process.communicate(timeout=300) for process in racing]
    ends = [int(line.split()[1]) for out, _ in told for line in out.splitlines() if "ended" in line]
    errors = "\n".join(error for _, error in told)

    assert 24 == len(ends)
    assert set(ends) <= {
        0,
        InputError.exit_code,
        DeploymentFailed.exit_code,
        LockHeld.exit_code,
    }, errors
    assert ends.count(0) >= 1
    assert serving.agreed() in "1234"
    assert len(serving.server.names("deployments")) <= 2
