"""What is asked for while a process of cdml is killed, and what has to come of it."""

import signal
from dataclasses import dataclass

from cdml.errors import DeploymentFailed, InputError

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


def prepare(place, story):
    """Register versions, and ship those that serve before the story."""
    place.story = story
    place.register("A", 1)
    assert 0 == place.run("deploy", "--model", "1").code
    place.register("B", 2, against="1")
    if "2" in story.served:
        assert 0 == place.run(*DEPLOY).code
        place.register("C", 3, against="2")
    place.keep()


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
