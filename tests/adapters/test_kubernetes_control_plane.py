"""The target `kubernetes` against a real kube-apiserver: what the fake only claims to answer."""

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from unittest.mock import patch

import pytest

from cdml.adapters.targets.kubernetes.api_client import ApiClient, Conflict
from cdml.adapters.targets.kubernetes.kubeconfig import find_cluster
from cdml.delivery.rollout.state_machine import serves
from cdml.errors import ConfigurationError, InputError, ServiceError
from support.api_server import NAMESPACE, PATHS, documented_role
from support.cluster_place import ClusterPlace
from support.control_plane import ControlPlane, own_address

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def model_port():
    """A server in place of every pod's."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = b'{"predictions": [1]}'
            self.send_response(400 if self.path != "/invocations" else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer((own_address(), 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def plane(tmp_path_factory, cluster_programs, model_port):
    with ControlPlane(tmp_path_factory.mktemp("plane"), cluster_programs, model_port) as plane:
        yield plane


@pytest.fixture
def place(tmp_path, plane):
    with ClusterPlace(tmp_path, plane) as place:
        place.target.switch(place.releases[0], fence=1)
        yield place


def shares(target):
    serving = target.observe()
    found = {serving.version: 100 - (serving.standby.percent if serving.standby else 0)}
    return {
        **found,
        **({serving.standby.version: serving.standby.percent} if serving.standby else {}),
    }


def test_traffic_goes_forward_and_back_and_what_is_retired_is_stopped_then_deleted(place):
    target, (first, second, _, fourth) = place.target, place.releases
    target.stage(second, fence=2)
    place.server.settle()
    assert 200 == target.send_request(second, b"{}", timeout=30).status
    for percent in (5, 50, 100, 0):
        target.shift(second, percent, fence=2)
        assert percent == shares(target)[second.version]
    assert serves(target.observe(), first)
    target.retire(fence=2)
    place.server.settle()

    assert {place.name(first): 100} == place.server.weights("flights")
    assert 0 == place.server.get("deployments", place.name(second))["spec"]["replicas"]
    target.stage(second, fence=3)  # the same pods again
    place.server.settle()
    assert 0 < place.server.get("deployments", place.name(second))["spec"]["replicas"]
    assert [] == place.server.problems
    target.retire(fence=3)
    target.stage(fourth, fence=4)
    place.server.settle()

    assert place.name(second) not in place.server.names("deployments")
    assert {place.name(first), place.name(fourth)} == set(place.server.names("deployments"))
    assert {place.name(first), place.name(fourth)} == {
        one for one in place.server.names("configmaps") if one.startswith("flights")
    }


def test_a_service_alone_is_the_switch(tmp_path, plane):
    with ClusterPlace(tmp_path, plane, route=None) as place:
        first, second, *_ = place.releases
        for fence, release in ((1, first), (2, second), (3, first)):
            place.target.switch(release, fence=fence)
            assert serves(place.target.observe(), release)


def test_everything_twice_changes_nothing(place):
    first, *_ = place.releases
    name = place.name(first)
    place.server.settle()
    before = [
        place.server.get(kind, name)["metadata"]["resourceVersion"]
        for kind in ("services", "configmaps")
    ]
    spec = place.server.get("deployments", name)["metadata"]["generation"]
    place.target.switch(first, fence=1)

    assert before == [
        place.server.get(kind, name)["metadata"]["resourceVersion"]
        for kind in ("services", "configmaps")
    ]
    assert spec == place.server.get("deployments", name)["metadata"]["generation"]


def test_a_token_that_the_api_server_no_longer_takes_is_fetched_anew(place):
    plugin = place.folder / "plugin.py"
    plugin.write_text(
        "import json, pathlib\n"
        "file = pathlib.Path(__file__).with_name('token')\n"
        "print(json.dumps({'status': {'token': file.read_text()}}))\n"
        "file.write_text('cdml-token')\n"
    )
    version = "client.authentication.k8s.io/v1"
    command = {"apiVersion": version, "command": sys.executable, "args": [str(plugin)]}
    config = {**place.server.kubeconfig(), "users": [{"name": "u", "user": {"exec": command}}]}
    (place.folder / "kubeconfig").write_text(json.dumps(config))
    token = place.folder / "token"
    token.write_text("expired")
    target = place.again()

    assert serves(target.observe(), place.releases[0])
    assert "cdml-token" == token.read_text()


def test_older_orders_are_refused(place):
    first, second, *_ = place.releases
    place.target.stage(second, fence=5)
    for order in (
        lambda: place.again().stage(second, fence=4),
        lambda: place.again().shift(second, 50, fence=4),
        lambda: place.again().retire(fence=4),
    ):
        with pytest.raises(ServiceError, match="generation 5"):
            order()

    assert {first.version: 100, second.version: 0} == shares(place.target)


def test_a_patch_whose_test_fails_is_a_conflict_and_a_bad_value_is_not(place):
    with patch.dict(os.environ, KUBECONFIG=str(place.folder / "kubeconfig")):
        client = ApiClient(find_cluster("test", os.environ), NAMESPACE)
    route = {"kind": "HTTPRoute", **client.get("HTTPRoute", "flights")}
    stale = [{"op": "test", "path": "/metadata/resourceVersion", "value": "1"}]
    with pytest.raises(Conflict):
        client.patch(route, stale)
    bad = [{"op": "replace", "path": "/spec/rules/0/backendRefs/0/weight", "value": -1}]
    with pytest.raises(ConfigurationError, match="weight"):
        client.patch(route, bad)
    deployment = {"kind": "Deployment", **client.get("Deployment", place.name(place.releases[0]))}
    deployment["metadata"]["resourceVersion"] = "1"
    with pytest.raises(Conflict):
        client.delete(deployment)


def test_what_kubectl_edited_is_named(place):
    first, *_ = place.releases
    container = {"name": "server", "image": "nginx:latest"}
    change = {"spec": {"template": {"spec": {"containers": [container]}}}}
    place.server.call(
        "PATCH",
        f"{PATHS['deployments']}/{place.name(first)}",
        change,
        "application/strategic-merge-patch+json",
        fieldManager="kubectl-edit",
    )

    assert "kubectl-edit changed the pods" in place.target.observe().doubt
    with pytest.raises(ServiceError, match=r"changed without cdml: .*image.*kubectl-edit"):
        place.target.stage(first, fence=2)


def test_what_cdml_patched_itself_does_not_keep_it_from_applying(place):
    first, *_ = place.releases
    place.target.stage(first, fence=2)  # signs what runs, by a patch
    place.server.call("DELETE", f"{PATHS['services']}/{place.name(first)}")
    place.target.switch(first, fence=3)

    assert serves(place.target.observe(), first)


def test_who_deletes_a_deployment_is_repaired(place):
    first, *_ = place.releases
    place.kill(first)
    assert place.target.observe().version is None
    place.target.switch(first, fence=2)

    assert serves(place.target.observe(), first)


def test_an_unknown_field_of_the_manifest_is_named_and_changes_nothing(place):
    manifest = json.loads((place.folder / "model.json").read_text())
    manifest["spec"]["template"]["spec"]["containers"][0]["portz"] = 1
    (place.folder / "model.json").write_text(json.dumps(manifest))
    with pytest.raises(ConfigurationError, match=r"portz: field not declared in schema"):
        place.again().stage(place.releases[1], fence=2)

    assert [place.name(place.releases[0])] == place.server.names("deployments")


def test_nothing_is_shifted_to_pods_that_are_gone(place):
    _, second, *_ = place.releases
    place.target.stage(second, fence=2)
    place.kill(second)
    with pytest.raises(InputError, match="there is no Deployment"):
        place.target.shift(second, 50, fence=2)


def test_all_missing_permissions_are_named(place):
    place.server.edit("roles", "cdml", {"rules": []})
    try:
        with pytest.raises(ConfigurationError, match=r"deployments.apps: get, list, create, patch"):
            place.again().stage(place.releases[1], fence=2)
    finally:
        place.server.edit("roles", "cdml", {"rules": documented_role()["rules"]})


def test_a_tampered_config_map_is_seen(place):
    first, *_ = place.releases
    name = place.name(first)
    files = place.server.get("configmaps", name)
    code, answer = place.server.call(
        "PATCH",
        f"{PATHS['configmaps']}/{name}",
        {"binaryData": {"file-0": "b3RoZXI="}},
        "application/merge-patch+json",
        check=False,
    )
    assert (422, True) == (code, files["immutable"]), answer
    place.server.call("DELETE", f"{PATHS['configmaps']}/{name}")
    head = {key: files["metadata"][key] for key in ("name", "labels", "annotations")}
    place.server.put(
        "configmaps",
        {"metadata": head, "immutable": True, "binaryData": {"file-0": "b3RoZXI="}},
    )

    assert f"the ConfigMap {name} was changed" == place.target.observe().doubt
