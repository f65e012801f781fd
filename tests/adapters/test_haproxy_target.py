"""What can happen to servers behind a real HAProxy, and what the target makes of it."""

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request

import pytest

from cdml.adapters.targets.haproxy.backend import shares
from cdml.adapters.targets.haproxy.target import UNVERIFIED_DIGEST
from cdml.common.time_budget import Budget
from cdml.delivery.rollout.state_machine import serves
from cdml.errors import ConfigurationError, InputError, ServiceError
from support.haproxy import TINY
from support.paths import HaproxyPlace

BODY = b'{"dataframe_records": [{"x": 1}]}'


@pytest.fixture
def place(haproxy_place):
    """The first release serves, the second is staged."""
    first, second, *_ = haproxy_place.releases
    haproxy_place.target.switch(first, fence=1)
    haproxy_place.target.stage(second, fence=2)
    return haproxy_place


def weights(place):
    return {name: server.weight for name, server in place.target._backend.servers().items()}


def predicted(place):
    """What the traffic's next request is answered."""
    url = f"http://127.0.0.1:{place.haproxy.port}/invocations"
    with urllib.request.urlopen(urllib.request.Request(url, BODY), timeout=60) as answer:
        return json.loads(answer.read())["predictions"][0]


def test_traffic_goes_where_the_weights_say(place):
    first, second, *_ = place.releases
    assert {1} == {predicted(place) for _ in range(10)}
    place.target.shift(second, 50, fence=2)
    assert {1, 2} == {predicted(place) for _ in range(10)}
    place.target.shift(second, 100, fence=2)
    assert {2} == {predicted(place) for _ in range(10)}
    assert {"blue": 0, "green": 100} == weights(place)
    place.target.switch(first, fence=3)
    assert {1} == {predicted(place) for _ in range(10)}


def test_haproxy_that_reads_the_kept_state_keeps_the_weights_over_a_restart(tmp_path):
    with HaproxyPlace(tmp_path, remembers=True) as place:
        first, second, *_ = place.releases
        place.target.switch(first, fence=1)
        place.target.stage(second, fence=2)
        place.target.shift(second, 25, fence=2)
        place.restart()

        assert {"blue": 75, "green": 25} == weights(place)
        assert serves(place.target.observe(), first)
        assert 25 == place.target.observe().standby.percent


def test_a_server_that_somebody_started_again_with_another_model_is_noticed(place):
    first, second, *_ = place.releases
    place.haproxy.kill("blue")
    other = place.target._models.place(second.digest)
    by_hand = subprocess.Popen([sys.executable, TINY, other, str(place.haproxy.slots["blue"])])
    try:
        place.haproxy.wait_until_up("blue")
        assert 2 == predicted(place)
        serving = place.target.observe()
        assert (first.version, UNVERIFIED_DIGEST) == (serving.version, serving.digest)
        assert not serves(serving, first)
        with pytest.raises(ServiceError, match="no server of v1"):
            place.target.send_request(first, BODY, timeout=60)
        place.target.switch(second, fence=3)
        assert serves(place.target.observe(), second)
        with pytest.raises(ServiceError, match="in use by a process that cdml did not start"):
            place.target.stage(first, fence=4)
        assert serves(place.target.observe(), second)
    finally:
        by_hand.kill()
        by_hand.wait(10)
    place.target.stage(first, fence=5)
    assert 200 == place.target.send_request(first, BODY, timeout=60).status


def test_a_unit_that_was_started_again_is_known_by_its_mark_and_its_files(place):
    first, *_ = place.releases
    variables = dict(
        line.split("=", 1) for line in (place.haproxy.state / "blue.env").read_text().splitlines()
    )
    place.haproxy.kill("blue")
    again = subprocess.Popen(
        [sys.executable, TINY, variables["CDML_MODEL"], variables["CDML_PORT"]],
        env={**os.environ, **variables},
    )
    try:
        place.haproxy.wait_until_up("blue")
        assert serves(place.target.observe(), first)
        model = place.target._models.place(first.digest)
        (model / "behaviour.json").write_text('{"says": 9}')
        assert UNVERIFIED_DIGEST == place.target.observe().digest
    finally:
        again.kill()
        again.wait(10)


def test_what_was_changed_on_disk_is_fetched_again_before_it_is_served(place):
    first, *_ = place.releases
    place.target.shift(place.releases[1], 100, fence=2)
    place.kill(first)
    (place.target._models.place(first.digest) / "behaviour.json").write_text('{"says": 9}')
    place.target.switch(first, fence=3)

    assert 1 == predicted(place)


def test_other_bytes_in_the_registry_are_never_served(place):
    fourth = place.releases[3]
    place.registry.files["flights", fourth.version]["MLmodel"] += b"changed: true\n"
    with pytest.raises(InputError, match=r"in the registry, but the gate judged"):
        place.target.stage(fourth, fence=3)

    assert place.releases[1].version == place.target.observe().standby.version


def test_a_server_whose_run_was_killed_is_found_and_replaced(place):
    second = place.releases[1]
    # The run was killed between starting the server and writing down that it was ready.
    place.target.retire(fence=2)
    server = place.target._backend.servers()["green"]
    place.target._models.fetch(second)
    place.target._running.start(server, second)
    assert place.target.observe().standby is None

    again = place.again()
    again.stage(second, fence=3)
    assert second.version == again.observe().standby.version
    assert 1 == len(place.haproxy.processes("green"))


def test_open_requests_are_answered_before_a_server_ends(tmp_path):
    behaviour = ({"says": 1}, {"says": 2, "seconds": 1.5})
    with HaproxyPlace(tmp_path, behaviour=behaviour) as place:
        first, second = place.releases
        place.target.switch(second, fence=1)
        answers = []
        asking = threading.Thread(target=lambda: answers.append(predicted(place)))
        asking.start()
        place.haproxy.wait_until_busy("blue")
        place.target.switch(first, fence=2)
        place.target.retire(fence=2)
        asking.join(10)

        assert [2] == answers
        assert [] == place.haproxy.processes("blue")


def test_a_server_has_few_variables_and_a_session_of_its_own(place, monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    monkeypatch.setenv("RUNNER_TRACKING_ID", "github_1")
    place.target.stage(place.releases[3], fence=3)
    (process,) = place.haproxy.processes("green")
    with open(f"/proc/{process}/environ", "rb") as file:  # noqa: PTH123 - as short as it gets
        names = {line.partition(b"=")[0].decode() for line in file.read().split(b"\0") if line}

    assert names.isdisjoint({"GITHUB_TOKEN", "RUNNER_TRACKING_ID"})
    assert {"CDML_SERVER", "CDML_DIGEST", "PATH"} <= names
    assert process == os.getsid(process)


def test_the_runtime_api_may_be_asked_over_tcp(tmp_path):
    with HaproxyPlace(tmp_path) as place:
        place.text = place.text.replace(
            str(place.haproxy.socket), f"127.0.0.1:{place.haproxy.admin}"
        )
        target = place.again()
        target.switch(place.releases[0], fence=1)

        assert serves(target.observe(), place.releases[0])


def test_haproxy_that_does_not_answer_is_a_service_error(place):
    place.haproxy.end()
    place.target.budget = Budget(0.1)
    with pytest.raises(ServiceError, match="HAProxy does not answer") as caught:
        place.target.observe()

    assert "stats socket" in caught.value.hint


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"backend": "model"}, "unknown backend 'model'; did you mean 'models'?"),
        ({"slots": ["blue", "red"]}, "has no server 'red'; it has blue, green"),
        ({"start": ["no-such-program", "{slot}"]}, "deploy.target.start cannot be run"),
        ({"start": ["true", "{slot}"], "ready": "0.3s"}, "did not answer /ping"),
    ],
)
def test_settings_that_do_not_fit_this_machine_are_told(tmp_path, settings, problem):
    with (
        HaproxyPlace(tmp_path, **settings) as place,
        pytest.raises((ConfigurationError, InputError), match=problem.replace("?", r"\?")),
    ):
        place.target.switch(place.releases[0], fence=1)


def test_a_second_environment_is_refused_what_belongs_to_the_first(place):
    target = place.again(environment="staging")
    for action in (target.observe, lambda: target.switch(place.releases[0], fence=9)):
        with pytest.raises(ConfigurationError, match="belongs to production/flights, not to stag"):
            action()


def test_a_damaged_state_is_told_with_what_to_do(place):
    (place.haproxy.state / "slots.json").write_text("{")
    with pytest.raises(ServiceError, match="is damaged") as caught:
        place.target.observe()

    assert "Move the file away" in caught.value.hint
    (place.haproxy.state / "slots.json").unlink()
    assert serves(place.target.observe(), place.releases[0])
    place.target.switch(place.releases[1], fence=3)
    assert serves(place.target.observe(), place.releases[1])


def test_what_does_not_say_how_it_is_stopped_is_refused(tmp_path):
    # `env -u` takes the mark away, as a unit does whose file does not read the slot's variables.
    start = ["env", "-u", "CDML_SERVER", sys.executable, str(TINY), "{model}", "{port}"]
    with HaproxyPlace(tmp_path, start=start) as place:
        with pytest.raises(ConfigurationError, match=r"deploy\.target\.stop is not set"):
            place.target.stage(place.releases[0], fence=1)
        for process in place.target._running._begun.values():
            process.send_signal(signal.SIGKILL)


@pytest.fixture
def by_unit(tmp_path):
    """Servers that somebody else runs, and that do not carry the mark, as those of a unit do."""
    pid = tmp_path / "pid-{slot}"
    run = f"env -u CDML_SERVER {sys.executable} {TINY} {{model}} {{port}} & echo $! > {pid}"
    stop = f"kill $(cat {pid}) && rm {pid}"
    settings = {"start": ["sh", "-c", run], "stop": ["sh", "-c", f"[ ! -e {pid} ] || ({stop})"]}
    with HaproxyPlace(tmp_path, **settings) as place:
        yield place
        for slot in place.haproxy.slots:
            place.target._running.stop(place.target._backend.servers()[slot])


def test_what_a_unit_runs_is_known_by_its_socket_and_stopped_by_its_command(by_unit, tmp_path):
    target, (first, second, *_) = by_unit.target, by_unit.releases
    target.switch(first, fence=1)
    target.switch(second, fence=2)

    assert serves(by_unit.again().observe(), second)
    assert first.version == target.observe().standby.version
    assert [] == by_unit.haproxy.processes("blue")
    target.retire(fence=2)
    assert not (tmp_path / "pid-blue").exists()
    assert not (by_unit.haproxy.state / "blue.env").exists()
    assert target.observe().standby is None


def test_a_stop_that_fails_is_a_service_error_with_what_it_said(by_unit):
    by_unit.text = by_unit.text.replace("[ ! -e", "echo unit not found >&2; exit 5; [ ! -e")
    with pytest.raises(ServiceError, match="stop failed for slot blue: exit code 5: unit not fou"):
        by_unit.again().stage(by_unit.releases[0], fence=1)


def test_servers_that_are_down_get_no_share():
    from cdml.adapters.targets.haproxy.runtime_api import Server

    def server(weight, *, up):
        return Server(name="x", host="127.0.0.1", port=1, weight=weight, up=up, requests=0)

    assert {"a": 0, "b": 100} == shares({"a": server(95, up=False), "b": server(5, up=True)})
    assert {"a": 0, "b": 0} == shares({"a": server(95, up=False), "b": server(0, up=True)})
    assert {"a": 50, "b": 50} == shares({"a": server(1, up=True), "b": server(1, up=True)})
