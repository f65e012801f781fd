"""Operations that are broken off at each of their writes, on both kinds of target."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest

from cdml.delivery.rollout.state_machine import Decision
from cdml.errors import DeploymentFailed, DeploymentRefused
from fakes.delivery import World
from fakes.faults import Faults, Killed
from fakes.split_delivery import SplitWorld

HOLD, PROMOTE, HARM = Decision.HOLD, Decision.PROMOTE, Decision.ROLLBACK
KNOWINGLY = {"override": ("digest",), "reason": "a typo in its metadata"}


def shipped(folder, made=World):
    """A serves, then B; C is judged and waits."""
    folder.mkdir(exist_ok=True)
    world = made(folder)
    world.ship("A", "B")
    world.register("C", against="2")
    return world


def adopting(folder):
    """B serves without a journal; C is judged and waits."""
    folder.mkdir(exist_ok=True)
    world = World(folder)
    for name, against in (("A", None), ("B", None), ("C", "2")):
        world.register(name, against=against)
    world.move_alias("2")
    return world


def changed(folder):
    """As `shipped`, but the bytes of C are others than those that were judged."""
    world = shipped(folder)
    world.tamper("3")
    return world


def drifted(folder):
    """B should serve, and somebody moved the alias to A."""
    world = shipped(folder)
    world.move_alias("1")
    return world


def canary(folder, *verdicts):
    """As `shipped`, where traffic is split; then these verdicts, then promotion."""
    world = shipped(folder, SplitWorld)
    world.checks.verdicts = list(verdicts)
    return world


def first(folder):
    """A is judged and waits, where traffic is split; nothing serves."""
    folder.mkdir(exist_ok=True)
    world = SplitWorld(folder)
    world.register("A")
    return world


def parked(folder):
    """As `canary`; C has 5 % of the traffic and waits to be resumed."""
    world = canary(folder)
    world.configure_canary("{steps: [5, 25, 100], timeout: 3h, park: 1h}")
    world.deploy("3")
    return world


def dead(folder):
    """As `canary`; the run that gave C its 25 % was killed."""
    world = canary(folder, HOLD, HOLD)
    with pytest.raises(Killed):
        world.deploy("3", faults=KilledAt("target.shift", 2))
    assert world.percent("3") == 25
    return world


class KilledAt(Faults):
    """Killed after the call of this name that has this number, from 1."""

    def __init__(self, name, number):
        super().__init__()
        self.name, self.number = name, number

    def call(self, name, write, arguments, words):
        answer = super().call(name, write, arguments, words)
        if name == self.name and self.seen.count(name) == self.number:
            raise Killed
        return answer


def split_by_hand(folder):
    """B should have all traffic, and somebody gave half of it to A."""
    world = canary(folder)
    world.balancer.weights = dict.fromkeys(world.balancer.slots, 50)
    return world


def deployed(version="3"):
    return lambda world, **words: world.deploy(version, **words)


def refused(world, **words):
    world.checks.verdicts = [HOLD, HARM]
    try:
        world.deploy("3", **words)
    except DeploymentFailed:
        return


def rolled_back(world, **words):
    world.rollback(**words)


def resumed(world, **words):
    world.checks.verdicts = []
    world.resume(**words)


def cured(cure):
    return lambda world, **words: world.deploy(cure=cure, reason="by hand", **words)


@dataclass(frozen=True)
class Case:
    """An operation.

    Attributes:
        begin: makes a world in a folder.
        run: does it, with faults.
        ends: the version that serves in the end, whatever happened in between.
        once: whether asking again for what was done already would go further.
    """

    begin: Any
    run: Any
    ends: str
    once: bool = False


CASES = {
    "deploy": Case(shipped, deployed(), "3"),
    "overriding deploy": Case(changed, lambda w, **f: w.deploy("3", **KNOWINGLY, **f), "3"),
    "adopting deploy": Case(adopting, deployed(), "3"),
    "rollback": Case(shipped, rolled_back, "1", once=True),
    "repair": Case(drifted, cured("repair"), "2"),
    "first split deploy": Case(first, deployed("1"), "1"),
    "canary": Case(lambda folder: canary(folder, HOLD, PROMOTE), deployed(), "3"),
    "refused canary": Case(canary, refused, "2"),
    "resumed canary": Case(parked, resumed, "3"),
    "split rollback": Case(canary, rolled_back, "1", once=True),
    "rollback of a dead canary": Case(dead, rolled_back, "2", once=True),
    "split repair": Case(split_by_hand, cured("repair"), "2"),
}


def writes(name, folder):
    """What a clean run writes to the world, in order."""
    case = CASES[name]
    clean = Faults()
    case.run(case.begin(folder), faults=clean)
    return clean.seen


def agreed(world):
    """Who serves, where target, registry and journal name the same and nothing is open."""
    ledger = world.ledger
    assert (None, None, None) == (ledger.lock, ledger.operation, ledger.preempt)
    assert ledger.current.version == world.serving == world.alias
    return world.serving


def again(case, world):
    """The next run, once nobody works on it any more."""
    world.wait_out_the_lease()
    done = world.ledger.operation is None and world.serving == case.ends
    if not (case.once and done):
        with suppress(DeploymentRefused):  # a canary that did harm is in quarantine
            case.run(world)
