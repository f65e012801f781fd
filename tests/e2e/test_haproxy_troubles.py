"""What happens to HAProxy, to its servers and among cdml's processes while one delivers."""

import os
import subprocess
import sys
import time

import pytest

from cdml.errors import DeploymentFailed, InputError, LockHeld
from support.api_server import wait_until
from support.kill_points import Heard, Killing, sound
from support.racing import RACER

DEPLOY = ("deploy", "--model", "2")
CANARY = {"steps": [10, 50, 100], "every": 1, "timeout": "1h"}


@pytest.fixture
def place(request, tmp_path):
    """A serves; B is judged and waits, or what else a test asks for."""
    words = {"canary": CANARY, "verdicts": ("hold", "promote"), **getattr(request, "param", {})}
    behaviour = words.pop("behaviour", {})
    with Killing(tmp_path, **words) as place:
        place.register("A", 1)
        assert 0 == place.run("deploy", "--model", "1").code
        place.register("B", 2, against="1", **behaviour)
        place.digests = [place.release(version).digest for version in "12"]
        yield place


def slot_of(place, version):
    digest = place.release(version).digest
    return next(
        slot
        for slot, port in place.haproxy.slots.items()
        if getattr(place.heard(port), "digest", None) == digest
    )


def kept_shares(place):
    """The shares that HAProxy has when it starts again."""
    kept = place.haproxy.state / "haproxy.state"
    lines = kept.read_text().splitlines() if kept.exists() else []
    return sorted(int(line.split()[7]) for line in lines if " models " in line)


def wait_for_canary(place, percent=10):
    deadline = time.monotonic() + 300
    while sorted(place.weights().values()) != [percent, 100 - percent]:
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("forgets", [False, True], ids=["remembering", "forgetting"])
def test_a_balancer_that_restarts_during_a_shift_gets_its_shares_again(place, forgets):
    with place.load(a_second=20) as load:
        place.start(*DEPLOY)
        wait_for_canary(place)
        wait_until(lambda: kept_shares(place) == [10, 90])  # just after they are given
        place.haproxy.end()
        if forgets:
            (place.haproxy.state / "haproxy.state").unlink()
        place.haproxy.start()
        assert forgets == (sorted(place.weights().values()) != [10, 90])
        ended = place.wait()

    assert 0 == ended.code, ended.said
    assert "2" == place.agreed()
    sound([one for one in load.answers if isinstance(one, Heard)], *place.digests)


@pytest.mark.parametrize("dies", ["1", "2"], ids=["champion", "challenger"])
def test_a_server_that_dies_during_a_shift_takes_the_canary_back(place, dies):
    with place.load(a_second=20) as load:
        place.start(*DEPLOY)
        wait_for_canary(place)
        place.haproxy.kill(slot_of(place, dies))
        ended = place.wait()
        assert DeploymentFailed.exit_code == ended.code, ended.said
        # What served is started again at once: it was checked before it served.
        assert "1" == place.agreed(checked="no" if dies == "1" else "yes")

    sound(load.answers, *place.digests, checked={"yes", "no"} if dies == "1" else {"yes"})


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ({"canary": None, "behaviour": {"refuses": "bad pickle"}}, "bad pickle"),
        ({"canary": None, "behaviour": {"deaf": True}, "ready": 1}, "did not answer /ping"),
    ],
    indirect=["place"],
    ids=["fails", "hangs"],
)
def test_a_server_that_does_not_start_leaves_all_as_it_was(place, why):
    idle = next(slot for slot, weight in place.weights().items() if not weight)
    with place.load(a_second=20) as load:
        ended = place.run(*DEPLOY)
        assert DeploymentFailed.exit_code == ended.code, ended.said
        assert "1" == place.agreed()

    assert why in ended.said
    assert [] == place.haproxy.processes(idle)
    sound(load.answers, place.digests[0])


@pytest.mark.long
@pytest.mark.parametrize("place", [{"canary": None}], indirect=True)
def test_processes_that_deliver_at_once_keep_one_another_out(place):
    place.register("C", 3, against="1")
    place.register("D", 4, against="1")
    digests = [place.release(version).digest for version in "1234"]
    config = str(place.folder / "cdml.yaml")
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    with place.load(a_second=20) as load:
        racing = [
            subprocess.Popen(
                [sys.executable, "-c", RACER, config, str(seed), "4"],
                env={**environment, "GITHUB_ACTIONS": ""},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for seed in range(6)
        ]
        told = [process.communicate(timeout=300) for process in racing]
        served = place.agreed()

    ends = [int(line.split()[1]) for out, _ in told for line in out.splitlines() if "ended" in line]
    errors = "\n".join(error for _, error in told)
    possible = {0, InputError.exit_code, DeploymentFailed.exit_code, LockHeld.exit_code}
    assert 24 == len(ends)
    assert set(ends) <= possible, errors
    assert served in "1234"
    assert ends.count(0) >= 1
    lost = sum(errors.count(words) for words in ("holds the lock", "took over", "journal mov"))
    assert lost >= ends.count(LockHeld.exit_code)
    sound(load.answers, *digests)
