"""Real processes of cdml are killed at each of their writes, on a real HAProxy with traffic.

Which writes there are is found out by a clean run. After each kill the same is asked for again,
and HAProxy, its servers, the registry and the journal have to agree on what was asked for. All
the while clients ask: no request is lost, and no model answers one that was not checked.
"""

import signal
from dataclasses import dataclass

import pytest

from cdml.errors import DeploymentFailed, InputError
from support.kill_points import Killing, sound

DEPLOY, ROLLBACK = ("deploy", "--model", "2"), ("rollback", "--reason", "complaints")
RESUME = ("deploy", "--resume")
CANARY = {"steps": [10, 50, 100], "every": "1h", "timeout": "3h", "park": "30m"}
DONE_BEFORE = InputError.exit_code
"""Of a rollback that is asked for again when it was done: there is nothing else to go back to."""


@dataclass(frozen=True)
class Story:
    """What is asked for.

    Attributes:
        command: that which is killed.
        ends: the version that serves in the end, whatever happened in between; None where a
            canary of version 2 is parked at its first share.
        served: the versions that served before, in turn.
        begun: whether a canary of version 2 is parked at its first share before.
        verdicts: what the judge says of version 2, look by look.
        again: how the command may end when it is asked for again.
        origin: whether the journal is pushed.
    """

    command: tuple
    ends: str | None
    served: tuple = ("1",)
    begun: bool = False
    verdicts: tuple = ()
    again: tuple = (0,)
    origin: bool = False


STORIES = {
    # It takes the place of a server that was kept warm.
    "deploy": Story(("deploy", "--model", "3"), ends="3", served=("1", "2")),
    "rollback": Story(ROLLBACK, ends="1", served=("1", "2"), again=(0, DONE_BEFORE)),
    "canary": Story(DEPLOY, ends=None, verdicts=("promote",)),
    "resumed": Story(RESUME, ends="2", begun=True, verdicts=("hold", "promote")),
    "promoted": Story(RESUME, ends="2", begun=True, verdicts=("promote",)),
    "harmful": Story(
        RESUME, ends="1", begun=True, verdicts=("rollback",), again=(0, DeploymentFailed.exit_code)
    ),
    "rolled back": Story(
        ROLLBACK, ends="1", begun=True, verdicts=("hold",), again=(0, DONE_BEFORE)
    ),
}
PUSHED = {"pushed deploy": Story(DEPLOY, ends="2", origin=True)}
# Before a write the world is as it was after the one before it; but servers come up meanwhile.
CASES = [(name, "after") for name in STORIES] + [("deploy", "before"), ("rollback", "before")]


@pytest.fixture
def place(request, tmp_path):
    story = {**STORIES, **PUSHED}[request.param]
    canary = CANARY if story.verdicts else None
    with Killing(tmp_path, canary=canary, verdicts=story.verdicts, origin=story.origin) as place:
        place.story = story
        place.register("A", 1)
        assert 0 == place.run("deploy", "--model", "1").code
        place.register("B", 2, against="1")
        if "2" in story.served:
            assert 0 == place.run(*DEPLOY).code
            place.register("C", 3, against="2")
        place.keep()
        yield place


def begin(place):
    place.begin_anew(*place.story.served)
    if place.story.begun:
        assert 0 == place.run(*DEPLOY).code
        assert 10 == place.parked("2", beside="1")


def ended(place):
    """See that all agree on what the story leads to."""
    if place.story.ends is None:
        assert 10 == place.parked("2", beside="1")
        return
    while place.ledger.parked_until is not None:
        assert 0 == place.run(*RESUME).code
    assert place.story.ends == place.agreed()


@pytest.mark.long
@pytest.mark.parametrize(("place", "when"), CASES, indirect=["place"])
def test_a_process_killed_at_any_write_is_mended_by_the_next(place, when, record_property):
    ever = {*place.story.served, place.story.ends or "2", "2" if place.story.begun else "1"}
    digests = [place.release(version).digest for version in ever]
    begin(place)
    clean = place.run(*place.story.command)
    ended(place)
    record_property("writes", clean.writes)
    assert not [line for line in clean.writes if line.startswith("uncounted")]
    for at, write in enumerate(clean.writes):
        begin(place)
        with place.load(a_second=10) as load:
            killed = kill(place, at, when)
            assert at + 1 == len(killed.writes), write
            ask_again(place, write)
        sound(load.answers, *digests)


@pytest.mark.long
@pytest.mark.parametrize(
    ("place", "write", "meanwhile"),
    [
        ("pushed deploy", "Git.", lambda _: None),
        ("deploy", "Runtime.", lambda place: place.haproxy.restart()),
        ("rollback", "Runtime.", lambda place: place.haproxy.restart()),
    ],
    indirect=["place"],
    ids=["the journal is pushed", "HAProxy restarts in a deploy", "HAProxy restarts in a rollback"],
)
def test_a_process_killed_after_such_a_write_is_mended_by_the_next(place, write, meanwhile):
    begin(place)
    clean = place.run(*place.story.command).writes
    chosen = [at for at, one in enumerate(clean) if one.startswith(write)]
    assert chosen
    for at in chosen:
        begin(place)
        kill(place, at, "after")
        meanwhile(place)
        ask_again(place, clean[at])


def kill(place, at, when):
    killed = place.run(*place.story.command, at=at, when=when)
    assert -signal.SIGKILL == killed.code, killed.said
    return killed


def ask_again(place, write):
    """Ask for the same, when the lease is over, and see what it comes to."""
    place.expire()
    mended = place.run(*place.story.command)
    assert mended.code in place.story.again, (write, mended.said)
    ended(place)
