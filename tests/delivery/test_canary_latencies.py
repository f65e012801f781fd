"""The limit of a canary's latencies, as the champion's own traffic tells it beforehand."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from cdml.config.traffic_steps import Ramp
from cdml.delivery.canary.traffic import Answers, Latencies, Window
from cdml.delivery.checks.canary import CanaryJudge
from cdml.delivery.checks.canary_forecast import LISTEN, PATIENCE
from cdml.delivery.rollout.state_machine import Decision
from cdml.errors import DeploymentFailed, InputError, ServiceError
from cdml.journal.records import EntryKind, Operation, Phase
from fakes.journals import release
from fakes.split_delivery import SplitWorld
from fakes.traffic import FakeTraffic

CANARY = "{steps: [50, 100], every: 1m, timeout: 30m, MORE}"


def canary(more):
    return CANARY.replace(", MORE", f", {more}" if more else "")


@pytest.fixture
def world(tmp_path):
    """A serves; B is judged by the gate and waits; nobody is asked by a smoke check."""
    world = SplitWorld(tmp_path, canary(""))
    world.ship("A")
    world.register("B", against="1")
    world.clock.pass_by(timedelta(hours=1))
    world.traffic = FakeTraffic()
    return world


def judging(world, more):
    world.configure_canary(canary(more))
    world.ports = world._ports(None)
    world.ports.traffic = world.traffic
    return CanaryJudge(loaded=world.loaded, ports=world.ports)


def served(world, count, *, ms=None, slot="blue", ago=timedelta(minutes=5)):
    """Answers of the last minutes; 5 % of them took longer than 95 ms, unless it is said."""
    for number in range(count):
        at = world.clock.now() - ago + timedelta(milliseconds=number)
        world.traffic.serve(slot, at, ms=100.0 * (number + 1) / count if ms is None else ms)


def forecast(world, more, *, since=None):
    ramp = Ramp(steps=(50, 100))
    return judging(world, more).forecast(ramp, since or world.clock.now() - timedelta(hours=1))


def limit(found):
    return found.state["canary"]["rules"]["latency_limit_ms"]


@pytest.mark.parametrize(
    ("more", "expected", "told"),
    [
        ("", None, "latencies are not judged"),
        ("latency_limit_ms: 120", 120.0, "within 120 ms"),
        (
            "latency_factor: 1.5",
            142.5,
            "1.5 times the champion's latency is 142.5 ms, measured on 1,000",
        ),
        ("latency_factor: 1", 95.0, "1 times the champion's latency is 95 ms"),
        ("latency_factor: 1.5, latency_limit_ms: 120", 120.0, "within 120 ms (1.5 times"),
        ("latency_factor: 1.5, latency_limit_ms: 900", 142.5, "within 142.5 ms (1.5 times"),
    ],
)
def test_the_smaller_limit_counts_and_is_told(world, more, expected, told):
    served(world, 1000, ago=timedelta(minutes=1))

    found = forecast(world, more)

    assert (expected, 0) == (limit(found), found.state["percent"])
    assert told in found.sentence
    assert "promoted" in found.sentence


def test_without_enough_answers_it_is_listened_and_then_nothing_is_begun(world):
    served(world, 199)
    begun = world.clock.now()

    with pytest.raises(InputError, match=r"latency_factor: .*199 answers.*at least 200") as caught:
        forecast(world, "latency_factor: 2")

    assert PATIENCE == world.clock.now() - begun
    assert "latency_limit_ms" in caught.value.hint


def test_answers_are_counted_over_all_that_was_heard(world):
    served(world, 150)
    slept, begun = world.clock.sleep, world.clock.now()

    def served_meanwhile(seconds):
        slept(seconds)
        for _ in range(20):
            world.traffic.serve("blue", world.clock.now() - timedelta(seconds=1), ms=30.0)

    world.clock.sleep = served_meanwhile
    found = forecast(world, "latency_factor: 2")

    assert timedelta(seconds=3 * LISTEN) == world.clock.now() - begun
    assert "measured on 210 answers" in found.sentence


def test_with_a_limit_of_its_own_the_champion_need_not_tell_one(world):
    served(world, 3)
    found = forecast(world, "latency_factor: 2, latency_limit_ms: 300")

    assert 300.0 == limit(found)
    assert "3 answers were measured, and at least 200 are needed" in found.sentence


@pytest.mark.parametrize("how", ["down", "lost"])
def test_where_nobody_tells_the_traffic_only_a_limit_of_its_own_lets_it_begin(world, how):
    setattr(world.traffic, how, True)

    with pytest.raises((ServiceError, InputError), match=r"nobody answers|no records"):
        forecast(world, "latency_factor: 2")
    assert 300.0 == limit(forecast(world, "latency_factor: 2, latency_limit_ms: 300"))
    assert limit(forecast(world, "")) is None


def test_what_the_server_answered_for_another_version_is_not_the_champions(world):
    served(world, 1000, ms=5000.0)
    since = world.clock.now() - timedelta(minutes=2)
    served(world, 500, ms=10.0, ago=timedelta(minutes=1))

    assert 20.0 == limit(forecast(world, "latency_factor: 2", since=since))


def test_a_champion_that_answers_within_a_millisecond_has_a_limit(world):
    served(world, 500, ms=0.0)

    assert 1.0 == limit(forecast(world, "latency_factor: 2"))


def test_a_histogram_that_does_not_reach_so_far_tells_no_limit(world):
    def histogram(since, until, slots):
        del slots
        known = Latencies(upper_ms=(100.0, float("inf")), counts=(10, 990))
        return Window(since=since, until=until, champion=Answers(requests=1000, latencies=known))

    world.traffic.window = histogram
    with pytest.raises(InputError, match="above the histogram's last bucket"):
        forecast(world, "latency_factor: 2")


def test_a_deploy_without_a_limit_touches_nothing(world):
    before = world.journal.documents.copy()
    world.checks = judging(world, "latency_factor: 2")

    with pytest.raises(InputError, match="latency_factor"):
        world.deploy("2")

    assert (before, "1") == (world.journal.documents, world.serving)


class Answering:
    """Judges as it is given; the smoke check has nothing to say here."""

    def __init__(self, judging):
        self.look, self.forecast, self.asked = judging.look, judging.forecast, ["2"]

    def smoke(self, target, release):
        del target
        return f"v{release.version} answers"


def test_the_limit_is_in_the_journal_before_the_version_has_traffic(world):
    served(world, 1000, ms=20.0)
    world.checks = Answering(judging(world, "latency_factor: 2"))

    with pytest.raises(DeploymentFailed, match="no verdict within"):
        world.deploy("2")

    under_way = [json.loads(document)["operation"] for document in world.journal.documents]
    first = next(one for one in under_way if one and one["to"]["version"] == "2")
    rules = first["ramp"]["state"]["canary"]["rules"]
    assert ("record", 40.0) == (first["phase"], rules["latency_limit_ms"])
    assert any("95 % of the answers should be within 40 ms" in one for one in world.progress.notes)


def looks(world, ramp, checks, minutes, *, champion=20.0, challenger=20.0):
    """Looks a minute apart; each server answered 500 requests in each."""
    world.balancer.held["green"] = world.registry.version("flights", "2")
    world.balancer.weights = {"blue": 50, "green": 50}
    operation = Operation(
        id="op",
        kind=EntryKind.DEPLOY,
        from_=None,
        to=world.b,
        phase=Phase.SHIFT,
        started_at=world.clock.now(),
        ramp=ramp,
    )
    for _ in range(minutes):
        for slot, ms in (("blue", champion), ("green", challenger)):
            for number in range(500):
                at = world.clock.now() + timedelta(milliseconds=100 * number)
                world.traffic.serve(slot, at, ms=ms)
        world.clock.pass_by(timedelta(minutes=1))
        answer = checks.look(operation, world.balancer.observe(), world.clock.now())
        kept = json.loads(json.dumps(answer.state))
        ramp = Ramp(steps=ramp.steps, since=ramp.since, state=kept)
        operation = replace(operation, ramp=ramp)
        if answer.judged is not Decision.HOLD:
            break
    return answer


@pytest.mark.parametrize(
    ("challenger", "judged"), [(39.0, Decision.PROMOTE), (41.0, Decision.ROLLBACK)]
)
@pytest.mark.parametrize("now", ["latency_factor: 2", "latency_factor: 9", ""])
def test_a_resumed_run_judges_by_the_limit_of_the_journal(world, now, challenger, judged):
    """Whatever the configuration says by now, and however slow the champion has become."""
    served(world, 1000, ms=20.0)
    begun = forecast(world, "latency_factor: 2")
    ramp = Ramp(steps=(50, 100), since=world.clock.now(), state=begun.state)
    world.b = _release(world, "2")

    answer = looks(world, ramp, judging(world, now), 30, champion=30.0, challenger=challenger)

    assert judged is answer.judged
    assert "latency over 40 ms" in answer.why
    assert 40.0 == answer.state["canary"]["rules"]["latency_limit_ms"]


def test_a_canary_that_began_without_a_limit_is_not_judged_by_one_made_up_later(world):
    world.b = _release(world, "2")
    ramp = Ramp(steps=(50, 100), since=world.clock.now())

    with pytest.raises(InputError, match="not measured before this canary began"):
        looks(world, ramp, judging(world, "latency_factor: 2"), 1)


def _release(world, number):
    version = world.registry.version("flights", number)
    made = release(int(number))
    return type(made)(version=number, digest=version.digest, source=version.source)
