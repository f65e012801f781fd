"""The target `kubernetes` on a real cluster, with pods behind Envoy and clients that ask."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter

import pytest

from cdml.delivery.rollout.state_machine import serves
from cdml.errors import DeploymentFailed, InputError, LockHeld, ServiceError
from support.cluster import HOST
from support.cluster_place import PodsPlace
from support.kill_cluster import KillingOnCluster
from support.kill_points import sound
from support.kill_stories import CANARY, STORIES, ask_again, begin, ended, kill, prepare
from support.racing import RACER
from support.request_load import Load

pytestmark = pytest.mark.long


def clients(cluster, a_second=100):
    """Clients that note the status and the model that answered."""
    where = {"host": cluster.host, "site": HOST}
    return Load(
        cluster.gateway_port,
        [[1.0]],
        columns=["x"],
        a_second=a_second,
        note=lambda response: (response.status, response.getheader("X-Digest")),
        **where,
    )


def told(load):
    """How many requests each model answered; none may have another status than 200."""
    assert {200} == {answer[0] for answer in load.answers}
    return Counter(digest for _, digest in load.answers)


@pytest.fixture(autouse=True)
def _tell_what_envoy_refused(cluster):
    """Where a test fails, pytest shows why Envoy answered as it did."""
    begin = len(cluster.log("envoy"))
    yield
    lines = cluster.log("envoy")[begin:].splitlines()
    sys.stdout.write("\n".join(line for line in lines if '" 200 ' not in line))


def wait_for(load, release):
    """Wait until a release answers: a Gateway has new weights a moment after the API server."""
    deadline = time.monotonic() + 240
    while (200, release.digest) not in load.answers[-20:]:
        assert time.monotonic() < deadline
        load.go_on(5)


def wait_for_route(cluster, release):
    """Wait until a new route answers: Envoy may learn it before the Service it leads to."""
    with clients(cluster, a_second=20) as load:
        wait_for(load, release)
        load.go_on(20)


@pytest.fixture
def place(tmp_path, cluster):
    with PodsPlace(tmp_path, cluster) as place:
        place.target.switch(place.releases[0], fence=1)
        wait_for_route(cluster, place.releases[0])
        yield place


def test_the_shares_that_clients_see_are_those_that_were_set_and_no_request_is_lost(place):
    target, (first, second, *_) = place.target, place.releases
    with clients(place.server) as load:
        target.stage(second, fence=2)
        load.go_on(30)
        assert {first.digest} == set(told(load))
        for percent in (10, 50):
            target.shift(second, percent, fence=2)
            load.go_on(100)  # Envoy has the new weights by then
            load.answers.clear()
            load.go_on(600)
            whole = told(load)
            count = sum(whole.values())
            spread = 5 * (percent * (100 - percent) / count) ** 0.5
            assert abs(100 * whole[second.digest] / count - percent) < spread, whole
        target.shift(second, 0, fence=2)
        load.go_on(100)
        target.retire(fence=2)
        load.answers.clear()
        load.go_on(100)

    assert {first.digest} == set(told(load))
    assert 0 == place.server.get("deployments", place.name(second))["spec"]["replicas"]


def test_a_service_alone_switches_without_a_lost_request(tmp_path, cluster):
    with PodsPlace(tmp_path, cluster, route=None) as place:
        first, second, *_ = place.releases
        place.target.switch(first, fence=1)
        cluster.put("httproutes", cluster.route())  # its backend is the Service that cdml made
        cluster.wait_for_gateway()
        wait_for_route(cluster, first)
        with clients(cluster) as load:
            load.go_on(30)
            for fence, release in ((2, second), (3, first)):
                place.target.switch(release, fence=fence)
                assert serves(place.target.observe(), release)
                load.go_on(60)

    assert {first.digest, second.digest} == set(told(load))


TROUBLES = {
    "an image that nobody has": (
        lambda spec: spec["containers"][0].update(image="localhost/no@sha256:" + "0" * 64),
        r"localhost/no@sha256:0+",
    ),
    "more memory than any node has": (
        lambda spec: spec["containers"][0].update(resources={"requests": {"memory": "900Ti"}}),
        r"0/1 nodes are available: 1 Insufficient memory",
    ),
    "a command that is not there": (
        lambda spec: spec["containers"][0].update(command=["/no/such/program"]),
        r"/no/such/program",
    ),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_why_pods_cannot_serve_is_in_the_message_and_all_is_as_before(place, trouble):
    change, words = TROUBLES[trouble]
    first, second, *_ = place.releases
    manifest = place.server.manifest(["true"])
    change(manifest["spec"]["template"]["spec"])
    place.write_manifest(manifest)
    with clients(place.server) as load:
        with pytest.raises(InputError, match=words):
            place.again(ready="8s").stage(second, fence=2)
        load.go_on(10)

    assert {first.digest} == set(told(load))
    assert [place.name(first)] == place.server.names("deployments")


def test_a_full_quota_is_in_the_message(place):
    _, second, *_ = place.releases
    quota = {"metadata": {"name": "full"}, "spec": {"hard": {"pods": "1"}}}
    path = "/api/v1/namespaces/models/resourcequotas"
    place.server.call("POST", path, quota)
    try:
        with pytest.raises(InputError, match=r"exceeded quota: full, .*pods=1"):
            place.again(ready="8s").stage(second, fence=2)
    finally:
        place.server.call("DELETE", f"{path}/full")


def test_an_api_server_that_restarts_during_a_shift_leaves_a_stated_state(place):
    target, (first, second, *_) = place.target, place.releases
    target.stage(second, fence=2)
    with clients(place.server) as load:
        place.server.stop("kube-apiserver", signal.SIGKILL)
        with pytest.raises(ServiceError):
            target.shift(second, 50, fence=2)
        place.server.start("kube-apiserver")
        place.server.wait_until_ready()
        assert {second.version: 0} == shares_of_others(place.again(), first)
        place.again().shift(second, 100, fence=2)
        wait_for(load, second)

    assert set(told(load)) == {first.digest, second.digest}
    assert serves(place.again().observe(), second)


def shares_of_others(target, serving):
    """The shares of who does not serve."""
    seen = target.observe()
    assert serves(seen, serving)
    return {seen.standby.version: seen.standby.percent}


def test_a_slow_etcd_delays_a_shift_and_loses_nothing(place):
    target, (first, second, *_) = place.target, place.releases
    target.stage(second, fence=2)
    with clients(place.server) as load:
        place.server.send_signal("etcd", signal.SIGSTOP)
        waking = threading.Timer(3, place.server.send_signal, ("etcd", signal.SIGCONT))
        waking.start()
        target.shift(second, 100, fence=2)
        waking.join()
        load.go_on(60)

    assert set(told(load)) == {first.digest, second.digest}
    assert serves(target.observe(), second)


def test_without_kubelet_nothing_is_shifted_and_a_running_release_serves_on(place):
    target, (first, second, *_) = place.target, place.releases
    with clients(place.server) as load:
        place.server.stop("kubelet", signal.SIGKILL)
        try:
            with pytest.raises(InputError, match=r"not ready within 4 s"):
                place.again(ready="4s").stage(second, fence=2)
            with pytest.raises(InputError, match="not staged"):
                target.shift(second, 50, fence=2)
            load.go_on(30)
            assert {first.digest} == set(told(load))
        finally:  # kubelet forgets at its start that pods are ready
            place.server.start("kubelet")
    target.switch(second, fence=3)

    assert serves(target.observe(), second)


def test_a_drained_node_stops_a_canary_from_getting_traffic(place):
    target, (first, second, *_) = place.target, place.releases
    target.stage(second, fence=2)
    cordon = {"spec": {"unschedulable": True}}
    place.server.patch_node(cordon)
    try:
        place.server.evict(place.name(second))
        with pytest.raises(InputError, match=f"no pod of the Deployment {place.name(second)}"):
            target.shift(second, 50, fence=2)
        with pytest.raises(InputError, match="unschedulable"):
            place.again(ready="4s").stage(second, fence=2)
        assert serves(target.observe(), first)
    finally:
        place.server.patch_node({"spec": {"unschedulable": None}})
    target.switch(second, fence=3)

    assert serves(target.observe(), second)


@pytest.fixture
def killing(request, tmp_path, cluster):
    story = STORIES[request.param]
    canary = CANARY if story.verdicts else None
    with KillingOnCluster(tmp_path, cluster, canary=canary, verdicts=story.verdicts) as place:
        prepare(place, story)
        yield place


@pytest.mark.parametrize("killing", ["deploy", "harmful"], indirect=True)
def test_a_process_killed_at_a_write_to_the_cluster_is_mended_by_the_next(killing):
    ever = {*killing.story.served, killing.story.ends, "2"}
    digests = [killing.release(version).digest for version in ever]
    begin(killing)
    clean = killing.run(*killing.story.command)
    ended(killing)
    ours = [at for at, line in enumerate(clean.writes) if line.startswith("ApiClient._send")]
    assert ours
    for at in ours[:: max(1, len(ours) // 4)]:
        begin(killing)
        with killing.load(a_second=20) as load:
            kill(killing, at, "after")
            ask_again(killing, clean.writes[at])
            load.go_on(10)
        sound(load.answers, *digests)


def test_six_processes_that_deliver_at_once_keep_one_another_out(tmp_path, cluster):
    with KillingOnCluster(tmp_path, cluster) as place:
        place.register("A", 1)
        assert 0 == place.run("deploy", "--model", "1").code
        for number, name in enumerate("BCD", start=2):
            place.register(name, number, against="1")
        digests = [place.release(version).digest for version in "1234"]
        config = str(place.folder / "cdml.yaml")
        variables = {name: value for name, value in os.environ.items() if name != "CI"}
        with place.load(a_second=20) as load:
            racing = [
                subprocess.Popen(
                    [sys.executable, "-c", RACER, config, str(seed), "2"],
                    env={**variables, "GITHUB_ACTIONS": ""},
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
                for seed in range(6)
            ]
            ends = [process.communicate(timeout=400) for process in racing]
            served = place.agreed()
            # Which of them get the lock is chance; none may leave it taken.
            words = ("--override", "champion-moved,quarantined", "--reason", "after the race")
            last = place.run("deploy", "--model", "2", *words)

    codes = [int(one) for out, _ in ends for one in re.findall(r"ended (\d+)", out)]
    errors = "\n".join(error for _, error in ends)
    assert 12 == len(codes)
    assert set(codes) <= {
        0, InputError.exit_code, DeploymentFailed.exit_code, LockHeld.exit_code,
    }, errors  # fmt: skip
    assert served in "1234"
    assert 0 == last.code, last
    sound(load.answers, *digests)
