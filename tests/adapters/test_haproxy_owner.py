"""One backend, one owner: whoever looks at it sees what serves, or is refused before any change."""

import shutil
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest

from cdml.adapters.targets.haproxy.runtime_api import Runtime
from cdml.delivery.rollout.state_machine import serves
from cdml.errors import ConfigurationError, ServiceError
from support.haproxy import TINY
from support.paths import HaproxyPlace


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The second release serves, the first is warm; nobody said where the state is kept."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "one"))
    with HaproxyPlace(tmp_path, state=None) as place:
        place.haproxy.state = tmp_path / "one" / "cdml" / "models"
        place.target.switch(place.releases[0], fence=1)
        place.target.switch(place.releases[1], fence=2)
        yield place


def weights(place):
    return {name: server.weight for name, server in place.target._backend.servers().items()}


@pytest.fixture(params=["XDG_STATE_HOME", "HOME"])
def elsewhere(request, place, monkeypatch, tmp_path):
    """The same account with another home."""
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv(request.param, str(tmp_path / "other"))
    return place


def test_another_home_sees_what_serves_and_may_take_it_back(elsewhere, tmp_path):
    first, second, *_ = elsewhere.releases
    admin = elsewhere.again()
    seen = admin.observe()
    assert serves(seen, second)
    assert first.version == seen.standby.version
    admin.switch(first, fence=3)
    assert serves(elsewhere.target.observe(), first)
    assert not (tmp_path / "other").exists()
    with pytest.raises(ServiceError, match="rejects the fencing token 2"):
        elsewhere.target.switch(second, fence=2)


def test_a_lost_state_folder_is_written_anew_from_what_runs(place):
    second, third = place.releases[1], place.releases[3]
    shutil.rmtree(place.haproxy.state)
    assert serves(place.again().observe(), second)
    place.again().switch(third, fence=3)
    seen = place.again().observe()
    assert serves(seen, third)
    assert second.version == seen.standby.version


def test_another_state_folder_is_refused_before_anything_is_changed(place, tmp_path):
    before = weights(place)
    place.text = place.text.replace('"state": null', f'"state": "{tmp_path / "mine"}"')
    other = place.again()
    for action in (other.observe, lambda: other.switch(place.releases[0], fence=9)):
        with pytest.raises(ConfigurationError, match="was started with the state folder"):
            action()
    assert before == weights(place)
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize("lost", [False, True])
def test_another_model_is_refused_whatever_its_home(elsewhere, lost):
    if lost:
        shutil.rmtree(elsewhere.haproxy.state)
    before = weights(elsewhere)
    elsewhere.text = elsewhere.text.replace("model: flights", "model: trains")
    other = elsewhere.again()
    for action in (other.observe, lambda: other.switch(elsewhere.releases[0], fence=9)):
        with pytest.raises(ConfigurationError, match="belongs to production/flights"):
            action()
    assert before == weights(elsewhere)


@contextmanager
def by_hand(place, slot):
    """A server that another account, or a hand, started: it tells nothing."""
    model = place.folder / "model-0"
    process = subprocess.Popen([sys.executable, TINY, str(model), str(place.haproxy.slots[slot])])
    try:
        place.haproxy.wait_until_up(slot)
        yield process
    finally:
        process.kill()
        process.wait(10)


def test_a_server_that_is_not_known_is_not_nothing_and_stays(tmp_path):
    with HaproxyPlace(tmp_path) as place, by_hand(place, "green") as process:
        place.target._backend.give({"blue": 0, "green": 100})
        first = place.releases[0]
        for action in (
            place.target.observe,
            lambda: place.target.stage(first, fence=1),
            lambda: place.target.switch(first, fence=1),
        ):
            with pytest.raises(
                ServiceError, match=r"100 % .*green.* not in the state folder"
            ) as no:
                action()
            assert "end" not in no.value.hint.split()
        assert {"blue": 0, "green": 100} == weights(place)
        assert process.poll() is None
        assert not place.haproxy.state.exists()


def test_a_warm_server_that_is_not_known_is_not_replaced(tmp_path):
    with HaproxyPlace(tmp_path) as place, by_hand(place, "blue") as process:
        Runtime(str(place.haproxy.socket)).order("models", ("blue", "weight 0"))
        with pytest.raises(ServiceError, match="in use by a process that cdml did not st") as no:
            place.target.switch(place.releases[0], fence=1)
        assert "end" not in no.value.hint.split()
        assert process.poll() is None
        assert place.target._backend.servers()["blue"].up


def test_a_haproxy_that_is_away_for_seconds_is_waited_for(place):
    place.haproxy.end()
    back = threading.Timer(1, place.haproxy.start)
    back.start()
    try:
        assert place.target.observe().version is not None
    finally:
        back.join()


class Answers:
    """A runtime socket that answers each request with the next of these."""

    def __init__(self, path, *answers):
        self.asked = []
        self._answers = answers
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self):
        for answer in self._answers:
            connection, _ = self._socket.accept()
            with connection:
                self.asked.append(connection.recv(4096))
                connection.sendall(answer)

    def end(self):
        self._thread.join(60)
        self._socket.close()


INTEGER_RANGES = (
    b"# pxname,svname,addr,uweight,status,scur,qcur,bck\n"
    b"models,blue,127.0.0.1:1,100,UP,0,0,0\nmodels,green,127.0.0.1:2,0,UP,0,0,0\n\n"
)


@pytest.mark.parametrize("broken", [b"", INTEGER_RANGES[:70], INTEGER_RANGES[:-1]])
def test_a_broken_answer_to_a_read_is_asked_for_again(tmp_path, broken):
    served = Answers(tmp_path / "s", broken, INTEGER_RANGES)
    assert {"blue", "green"} == set(Runtime(str(tmp_path / "s")).servers("models"))
    served.end()
    assert 2 == len(served.asked)


def test_an_order_is_sent_once_whatever_becomes_of_its_answer(tmp_path):
    served = Answers(tmp_path / "s", b"no such server\n")
    with pytest.raises(ServiceError, match="rejected a command"):
        Runtime(str(tmp_path / "s")).order("models", ("blue", "weight 1"))
    served.end()
    assert 1 == len(served.asked)
