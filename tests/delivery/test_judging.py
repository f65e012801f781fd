"""Known answers before traffic, and a judge by what requests became of."""

import json
from datetime import timedelta

import pytest

from cdml.config.traffic_steps import Ramp
from cdml.delivery.checks.canary import CanaryJudge
from cdml.delivery.checks.smoke_cases import MALFORMED
from cdml.delivery.rollout.state_machine import Decision
from cdml.delivery.target import ServerAnswer
from cdml.errors import ConfigurationError, DeploymentFailed, InputError, ServiceError
from cdml.evidence import reference_rows
from cdml.journal.records import EntryKind, Operation, Phase
from fakes.journals import release
from fakes.split_delivery import SplitWorld
from fakes.traffic import FakeTraffic

KNOWN = {
    "schema": "cdml.known/1",
    "columns": ["x"],
    "rows": [[1], [2]],
    "answers": [[False, True], [0.1, 0.8]],
}


@pytest.fixture
def world(tmp_path):
    """A serves and B is staged; rows are known of B."""
    world = SplitWorld(tmp_path, None)
    world.ship("A")
    version = world.register("B", against="1")
    keep(world, version, KNOWN)
    world.traffic = FakeTraffic()
    world.ports = world._ports(None)
    world.ports.traffic = world.traffic
    world.balancer.held["green"] = world.b = release_of(world, "2")
    world.balancer.weights["green"] = 0
    return world


def keep(world, version, content):
    folder = world.folder / f"evidence-{version.version}"
    (folder / reference_rows.FILE).write_text(json.dumps(content))
    world.registry.log_evidence(version, sorted(folder.iterdir()))


def release_of(world, number):
    version = world.registry.version("flights", number)
    made = release(int(number))
    return type(made)(version=number, digest=version.digest, source=version.source)


def judging(world, **words):
    return CanaryJudge(loaded=world.loaded, ports=world.ports, **words)


def answering(*values):
    def answer(body):
        if body == MALFORMED:
            return ServerAnswer(status=400, body=b"no", seconds=0.01)
        return ServerAnswer(
            status=200, body=json.dumps({"predictions": values}).encode(), seconds=0.01
        )

    return answer


@pytest.mark.parametrize("said", [(False, True), (0, 1), (0.1, 0.8)])
def test_a_server_that_says_what_was_judged_passes(world, said):
    world.balancer.answers["2"] = answering(*said)

    assert "2 predictions match the recorded ones" in judging(world).smoke(world.balancer, world.b)


def test_a_server_that_says_something_else_does_not(world):
    world.balancer.answers["2"] = answering(1, 1)

    with pytest.raises(InputError, match="v2 failed its smoke test"):
        judging(world).smoke(world.balancer, world.b)


def test_a_version_of_which_nothing_is_known_goes_back_but_is_not_shipped(world):
    first = release_of(world, "1")
    world.balancer.answers["1"] = answering(1)
    with pytest.raises(InputError, match="no smoke cases to send") as caught:
        judging(world).smoke(world.balancer, first)
    assert "cdml gate" in caught.value.hint

    assert "v1 is ready" in judging(world, served=True).smoke(world.balancer, first)


def test_a_deploy_of_what_is_given_classified_columns_ends_before_it_gets_traffic(world):
    kept = {"columns": [], "rows": [], "answers": [], "classified": ["income"]}
    keep(world, world.registry.version("flights", "2"), {**KNOWN, **kept})
    world.checks = judging(world)

    with pytest.raises(
        DeploymentFailed, match=r"the contract classifies the inputs income.*v1 serves"
    ):
        world.deploy("2")

    assert ("1", 6) == (world.serving, DeploymentFailed.exit_code)
    assert () == world.ledger.quarantined


def test_a_registry_that_is_down_keeps_no_version_from_going_back(world):
    world.registry.down = True
    with pytest.raises(ServiceError):
        judging(world).smoke(world.balancer, world.b)

    assert "v2 is ready" in judging(world, served=True).smoke(world.balancer, world.b)


def look(world, ramp, minutes, errors):
    """Looks a minute apart; each server had 500 requests in each."""
    checks, clock = judging(world), world.clock
    world.balancer.weights = {"blue": 50, "green": 50}
    for _ in range(minutes):
        begun = clock.now()
        for number in range(500):
            at = begun + timedelta(milliseconds=100 * number)
            world.traffic.serve("blue", at, status=500 if number < 5 else 200)
            world.traffic.serve("green", at, status=500 if number < errors else 200)
        clock.pass_by(timedelta(minutes=1))
        operation = Operation(
            id="op",
            kind=EntryKind.DEPLOY,
            from_=release_of(world, "1"),
            to=world.b,
            phase=Phase.SHIFT,
            started_at=begun,
            ramp=ramp,
        )
        answer = checks.look(operation, world.balancer.observe(), clock.now())
        kept = json.loads(json.dumps(answer.state))
        ramp = Ramp(steps=ramp.steps, step=ramp.step, since=ramp.since, state=kept)
        if answer.judged is not Decision.HOLD:
            break
    return answer


def forecast(world, ramp):
    return judging(world).forecast(ramp, world.clock.now() - timedelta(hours=1)).sentence


@pytest.fixture
def ramp(world):
    return Ramp(steps=(50, 100), since=world.clock.now())


def test_a_canary_with_many_errors_is_rolled_back(world, ramp):
    answer = look(world, ramp, 10, errors=100)

    assert Decision.ROLLBACK is answer.judged
    assert "evidence of harm" in answer.why


def test_a_canary_as_good_as_the_champion_is_promoted(world, ramp):
    assert Decision.PROMOTE is look(world, ramp, 60, errors=5).judged


def test_without_traffic_nothing_is_decided(world, ramp):
    world.traffic.serve = lambda *_, **__: None

    assert Decision.HOLD is look(world, ramp, 60, errors=0).judged


def test_a_state_that_no_judge_wrote_is_an_input_error(world, ramp):
    broken = Ramp(steps=ramp.steps, since=ramp.since, state={"percent": 50, "canary": {"no": 1}})
    with pytest.raises(InputError, match="cannot read"):
        look(world, broken, 1, errors=0)


def test_the_expected_time_is_told_at_the_traffic_that_was_seen(world, ramp):
    for number in range(1200):
        at = world.clock.now() - timedelta(milliseconds=100 * number + 1)
        world.traffic.serve("blue", at, status=500 if number % 100 == 0 else 200)
    told = forecast(world, ramp)

    assert "at 600 requests a minute, 50 % of them" in told
    assert "promoted in about" in told


def test_where_no_traffic_was_kept_it_is_listened_to_for_a_moment(world, ramp):
    slept = world.clock.sleep

    def served_meanwhile(seconds):
        for number in range(100):
            at = world.clock.now() + timedelta(milliseconds=100 * number)
            world.traffic.serve("blue", at, status=500 if number == 0 else 200)
        slept(seconds)

    world.clock.sleep = served_meanwhile

    assert "at 600 requests a minute" in forecast(world, ramp)


def test_without_any_traffic_no_time_is_promised(world, ramp):
    assert "cannot be estimated: no traffic" in forecast(world, ramp)
    world.traffic.down = True
    assert "cannot be estimated: nobody answers" in forecast(world, ramp)


def test_traffic_that_can_never_be_read_is_told_before_anything_is_touched(world, ramp):
    def refuse(*_):
        raise ConfigurationError("no log can be received there.")

    world.traffic.window = refuse

    with pytest.raises(ConfigurationError, match="no log"):
        forecast(world, ramp)
