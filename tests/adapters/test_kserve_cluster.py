"""The target `kserve` on a whole cluster with KServe's own controller and webhooks.

`tests/cluster/kserve/build.sh` builds them; without that, these tests are left out.
"""

import json

import pytest

from cdml.delivery.rollout.state_machine import serves
from cdml.errors import ConfigurationError, InputError
from support.api_server import PATHS, wait_until
from support.kserve_cluster import KserveCluster, KserveClusterPlace

BODY = b'{"dataframe_records": [{"x": 1}]}'
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def with_kserve(tmp_path_factory, cluster_programs):
    if not (cluster_programs / "kserve-manager").exists():
        pytest.skip("left out: KServe's manager is not built (tests/cluster/kserve/build.sh)")
    folder = tmp_path_factory.mktemp("kserve") / "run"
    with KserveCluster(folder, cluster_programs) as cluster:
        yield cluster


@pytest.fixture
def place(tmp_path, with_kserve):
    """It serves its first release since generation 1."""
    with KserveClusterPlace(tmp_path, with_kserve) as place:
        place.target.switch(place.releases[0], fence=1)
        yield place


def pods(place):
    return {one["metadata"]["name"] for one in place.server.items("pods")}


def said(place, release):
    answer = place.target.send_request(release, BODY, timeout=30)
    return answer.status, json.loads(answer.body)["predictions"]


def test_a_release_goes_forward_and_back_and_no_pod_restarts(place):
    target, (first, second, *_) = place.target, place.releases
    assert serves(target.observe(), first)
    assert (200, [1]) == said(place, first)
    target.stage(second, fence=2)
    both = pods(place)
    for percent in (5, 50, 100, 0, 100):
        target.shift(second, percent, fence=2)
    assert serves(target.observe(), second)
    target.switch(first, fence=3)
    target.switch(second, fence=4)

    assert (200, [2]) == said(place, second)
    assert both == pods(place)
    target.retire(fence=4)
    assert {place.name(second): 100} == place.server.weights("flights")
    assert "" == target.observe().doubt
    name = f"{place.name(second)}-predictor"
    wait_until(lambda: [name] == place.server.names("deployments"))


def test_a_deleted_release_can_be_made_again_at_once(place):
    target, (first, second, *_) = place.target, place.releases
    target.switch(second, fence=2)
    target.retire(fence=2)
    target.switch(first, fence=3)

    assert serves(target.observe(), first)


def test_other_files_than_were_judged_are_never_ready(place):
    _, second, *_ = place.releases
    (place.volume(second) / "MLmodel").write_text("name: other\n")
    with pytest.raises(
        InputError, match=rf"judged: /mnt/models has the digest .* not {second.digest}"
    ):
        place.target.stage(second, fence=2)

    assert serves(place.target.observe(), place.releases[0])
    wait_until(lambda: [place.name(place.releases[0])] == place.server.names("inferenceservices"))


def test_a_server_that_ends_is_told_with_its_last_words(place):
    with pytest.raises(InputError, match=r"ended with exit code 1: .*bad pickle"):
        place.target.stage(place.releases[2], fence=2)


def test_a_format_that_no_runtime_serves_is_told_as_kserve_says_it(place):
    manifest = json.loads((place.folder / "model.json").read_text())
    manifest["spec"]["predictor"]["model"]["modelFormat"] = {"name": "unheard-of"}
    place.write_manifest(manifest)
    with pytest.raises(InputError, match=r"InvalidSpec .*NoSupportingRuntime: No runtime found"):
        place.again().stage(place.releases[1], fence=2)


def test_what_the_webhook_refuses_is_an_error_before_anything_is_changed(place):
    manifest = json.loads((place.folder / "model.json").read_text())
    manifest["spec"]["predictor"]["model"]["name"] = "own"
    place.write_manifest(manifest)
    with pytest.raises(ConfigurationError, match="'name' field is not allowed"):
        place.again().stage(place.releases[1], fence=2)

    assert [place.name(place.releases[0])] == place.server.names("inferenceservices")


def test_a_specification_that_somebody_edited_is_drift(place):
    first, *_ = place.releases
    change = {"spec": {"predictor": {"minReplicas": 2}}}
    place.server.edit("inferenceservices", place.name(first), change)

    assert f"kubectl-edit changed the InferenceService {place.name(first)}" == (
        place.target.observe().doubt
    )


def test_replicas_that_an_autoscaler_sets_are_none(place):
    first, *_ = place.releases
    path = f"{PATHS['deployments']}/{place.name(first)}-predictor/scale"
    merge = "application/merge-patch+json"
    place.server.call("PATCH", path, {"spec": {"replicas": 2}}, merge, fieldManager="scaler")

    assert "" == place.target.observe().doubt
    assert serves(place.target.observe(), first)
