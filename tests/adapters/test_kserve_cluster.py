"""The target `kserve` on a whole cluster with KServe's own controller and webhooks."""

import copy
import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from cdml.adapters.targets.kserve.manifest import DEPLOYMENT_MODE
from cdml.delivery.rollout.state_machine import serves
from cdml.errors import ConfigurationError, InputError
from support.api_server import PATHS, wait_until
from support.cluster import HOST
from support.envoy_counts import counted, counted_now, prometheus
from support.kserve_cluster import MANIFEST, RUNTIMES, KserveClusterPlace
from support.request_load import Load

BODY = b'{"dataframe_records": [{"x": 1}]}'
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def used_place(tmp_path_factory, kserve_cluster):
    with KserveClusterPlace(tmp_path_factory.mktemp("place"), kserve_cluster) as place:
        yield place


@pytest.fixture
def place(used_place):
    """It serves its first release alone, since generation `fence`."""
    place = used_place
    place.write_manifest(MANIFEST)
    place.target = place.again()
    if place.target.observe().doubt:
        place.__enter__()
    place.fence += 10
    place.target.switch(place.releases[0], fence=place.fence)
    place.target.retire(fence=place.fence)
    return place


def pods(place):
    return {one["metadata"]["name"] for one in place.server.items("pods")}


def said(place, release):
    answer = place.target.send_request(release, BODY, timeout=30)
    return answer.status, json.loads(answer.body)["predictions"]


def test_a_release_goes_forward_and_back_and_no_pod_restarts(place):
    target, (first, second, *_) = place.target, place.releases
    assert serves(target.observe(), first)
    assert (200, [1]) == said(place, first)
    target.stage(second, fence=place.fence + 1)
    both = pods(place)
    for percent in (5, 50, 100, 0, 100):
        target.shift(second, percent, fence=place.fence + 1)
    assert serves(target.observe(), second)
    target.switch(first, fence=place.fence + 2)
    target.switch(second, fence=place.fence + 3)

    assert (200, [2]) == said(place, second)
    assert both == pods(place)
    target.retire(fence=place.fence + 3)
    assert {place.name(second): 100} == place.server.weights("flights")
    assert "" == target.observe().doubt
    name = f"{place.name(second)}-predictor"
    wait_until(lambda: [name] == place.server.names("deployments"))


def test_a_deleted_release_can_be_made_again_at_once(place):
    target, (first, second, *_) = place.target, place.releases
    target.switch(second, fence=place.fence + 1)
    target.retire(fence=place.fence + 1)
    target.switch(first, fence=place.fence + 2)

    assert serves(target.observe(), first)


def test_other_files_than_were_judged_are_never_ready(place):
    fourth = place.releases[3]
    (place.volume(fourth) / "MLmodel").write_text("name: other\n")
    with pytest.raises(
        InputError, match=rf"judged: /mnt/models has the digest .* not {fourth.digest}"
    ):
        place.target.stage(fourth, fence=place.fence + 1)

    assert serves(place.target.observe(), place.releases[0])
    wait_until(lambda: [place.name(place.releases[0])] == place.server.names("inferenceservices"))


def test_a_server_that_ends_is_told_with_its_last_words(place):
    with pytest.raises(InputError, match=r"ended with exit code 1: .*bad pickle"):
        place.target.stage(place.releases[2], fence=place.fence + 1)


def test_a_format_that_no_runtime_serves_is_told_as_kserve_says_it(place):
    manifest = copy.deepcopy(MANIFEST)
    manifest["spec"]["predictor"]["model"]["modelFormat"] = {"name": "unheard-of"}
    place.write_manifest(manifest)
    with pytest.raises(InputError, match=r"InvalidSpec .*NoSupportingRuntime: No runtime found"):
        place.again().stage(place.releases[1], fence=place.fence + 1)


def test_a_runtime_that_is_made_while_kserve_looks_for_one_is_found(place, monkeypatch):
    monkeypatch.setattr(place, "PAUSE", 1.0)  # as users have it
    server, (_, second, *_) = place.server, place.releases
    manifest = copy.deepcopy(MANIFEST)
    manifest["spec"]["predictor"]["model"]["modelFormat"] = {"name": "new"}
    place.write_manifest(manifest)
    runtime = copy.deepcopy(server.call("GET", f"{RUNTIMES}/tiny")[1])
    runtime["metadata"] = {"name": "new"}
    runtime["spec"]["supportedModelFormats"] = [{"name": "new", "autoSelect": True}]
    with ThreadPoolExecutor() as pool:
        staged = pool.submit(place.again().stage, second, fence=place.fence + 1)
        try:
            wait_until(lambda: staged.done() or has_no_runtime(server, place.name(second)))
            time.sleep(2 * place.PAUSE)  # cdml has looked by then
            server.call("POST", RUNTIMES, runtime)
            staged.result(timeout=120)
        finally:
            server.call("DELETE", f"{RUNTIMES}/new", check=False)

    assert (200, [2]) == said(place, second)


def has_no_runtime(server, name):
    services = {one["metadata"]["name"]: one for one in server.items("inferenceservices")}
    status = services.get(name, {}).get("status", {}).get("modelStatus", {})
    return status.get("lastFailureInfo", {}).get("reason") == "NoSupportingRuntime"


def test_envoy_counts_each_release_as_often_as_clients_were_answered_by_it(place, tmp_path):
    target, (first, second, *_) = place.target, place.releases
    target.stage(second, fence=place.fence + 1)
    target.shift(second, 30, fence=place.fence + 1)
    with prometheus(tmp_path, place.server) as address:
        wait_until(lambda: place.name(second) in counted(address))
        before = counted_now(address)
        with Load(
            place.server.gateway_port,
            [[1.0]],
            columns=["x"],
            a_second=100,
            host=place.server.host,
            site=HOST,
            note=lambda response: (response.status, response.getheader("X-Digest")),
        ) as load:
            load.go_on(400)
        after = counted_now(address)
    answers = Counter(load.answers)

    assert {(200, first.digest), (200, second.digest)} == set(answers)
    assert {one: after[place.name(one)] - before[place.name(one)] for one in (first, second)} == {
        one: answers[200, one.digest] for one in (first, second)
    }


def test_what_the_webhook_refuses_is_an_error_before_anything_is_changed(place):
    manifest = copy.deepcopy(MANIFEST)
    manifest["spec"]["predictor"]["model"]["name"] = "own"
    place.write_manifest(manifest)
    with pytest.raises(ConfigurationError, match="'name' field is not allowed"):
        place.again().stage(place.releases[1], fence=place.fence + 1)

    assert [place.name(place.releases[0])] == place.server.names("inferenceservices")


def test_replicas_that_an_autoscaler_sets_are_none(place):
    first, *_ = place.releases
    path = f"{PATHS['deployments']}/{place.name(first)}-predictor/scale"
    merge = "application/merge-patch+json"
    place.server.call("PATCH", path, {"spec": {"replicas": 2}}, merge, fieldManager="scaler")

    assert "" == place.target.observe().doubt
    assert serves(place.target.observe(), first)


def test_a_canary_of_kserve_is_called_ready_and_has_no_share_of_its_route(place):
    """This is why a manifest with `spec.canary` is refused."""
    predictor = MANIFEST["spec"]["predictor"]

    def variant(version, release, **more):
        uri = f"pvc://models/flights/{release.digest.removeprefix('sha256:')}"
        model = {**predictor["model"], "storageUri": uri, **more}
        return {**predictor, "name": version, "model": model}

    canary = variant("new", place.releases[1], name="kserve-container")
    spec = {
        "predictor": variant("old", place.releases[0]),
        "canary": [{"trafficPercent": 25, "predictor": canary}],
    }
    annotations = {**MANIFEST["metadata"]["annotations"], DEPLOYMENT_MODE: "Standard"}
    head = {"name": "own", "annotations": annotations}
    place.server.put("inferenceservices", {**MANIFEST, "metadata": head, "spec": spec})
    try:
        expected = [("new", True, 25)], {1}
        wait_until(lambda: expected == canary_and_route(place.server), 240)
    finally:
        place.server.remove("inferenceservices", "own")


def canary_and_route(server):
    """Both are made in time, and not together."""
    return said_of_canary(server), set(backends_of_own(server))


def said_of_canary(server):
    """What KServe says of its canaries that are ready."""
    listed = server.get("inferenceservices", "own").get("status", {}).get("canaryStatuses", [])
    return [(one["name"], True, one["trafficPercent"]) for one in listed if one["ready"]]


def backends_of_own(server):
    """How many backends each rule has in the routes that KServe made."""
    own = [one for one in server.items("httproutes") if "own" in one["metadata"]["name"]]
    return [len(rule["backendRefs"]) for route in own for rule in route["spec"]["rules"]]


def test_a_specification_that_somebody_edited_is_drift(place):
    first, *_ = place.releases
    change = {"spec": {"predictor": {"minReplicas": 2}}}
    place.server.edit("inferenceservices", place.name(first), change)

    assert f"kubectl-edit changed the InferenceService {place.name(first)}" == (
        place.target.observe().doubt
    )
