"""What is written for KServe, and what the fake controller answers, by KServe's own schema."""

import copy

import pytest
import yaml

from cdml.errors import ConfigurationError, ServiceError
from support import kserve_source
from support.api_server import DOCS, PATHS, wait_until
from support.cluster_build import cannot_build, leave_out
from support.cluster_place import ClusterPlace
from support.control_plane import ControlPlane
from support.paths import KservePlace

CRD = "config/crd/full/serving.kserve.io_inferenceservices.yaml"
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def definition(tmp_path_factory):
    """KServe's CustomResourceDefinition of an InferenceService."""
    if why := cannot_build():
        leave_out(f"KServe's schema: {why}")
    source = kserve_source.fetch(tmp_path_factory.mktemp("go"))
    return yaml.load((source / CRD).read_text(), Loader=yaml.CSafeLoader)


@pytest.fixture(scope="module")
def schema(definition):
    """The schema of an InferenceService; fields that it does not have are refused."""
    [version] = [one for one in definition["spec"]["versions"] if one["name"] == "v1beta1"]
    return closed(version["schema"]["openAPIV3Schema"])


def closed(schema):
    """The same, with objects that hold the named properties alone, as an API server reads it."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: closed(value) for key, value in schema.items()}
    if isinstance(made.get("properties"), dict) and "type" in made:
        made.setdefault(
            "additionalProperties", made.get("x-kubernetes-preserve-unknown-fields", False)
        )
    return made


def problems(schema, service):
    import jsonschema

    head = {"type": "object"}
    shown = copy.deepcopy(service)
    schema = {**schema, "properties": {**schema["properties"], "metadata": head}}
    return [one.message for one in jsonschema.Draft7Validator(schema).iter_errors(shown)]


MODEL = {
    "modelFormat": {"name": "mlflow", "version": "2"},
    "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}},
    "args": ["--model_name=flights"],
}
CONTAINER = {"name": "server", "image": f"registry.example/serve@sha256:{'a' * 64}"}
PREDICTORS = {
    "model": {"minReplicas": 2, "serviceAccountName": "models", "model": MODEL},
    "container": {"containers": [CONTAINER]},
}


def manifest(name):
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "flights"},
        "spec": {"predictor": copy.deepcopy(PREDICTORS[name])},
    }


@pytest.fixture(params=PREDICTORS)
def place(request, tmp_path):
    with KservePlace(tmp_path, manifest=manifest(request.param)) as place:
        yield place


def test_what_is_written_and_what_the_fake_answers_fit(schema, place):
    first, second, broken, fourth = place.releases
    place.target.switch(first, fence=1)
    assert [] == problems(schema, place.server.get("inferenceservices", place.name(first)))

    place.server.invalid[place.digits(fourth)] = {"reason": "NoSupportingRuntime", "message": "no"}
    for release in (second, broken, fourth):
        objects = place.target._workloads.describe(release, 2)
        place.target._workloads.apply(objects, 2)
        service = place.server.get("inferenceservices", place.name(release))
        assert service["status"]["modelStatus"]["transitionStatus"]
        assert [] == problems(schema, service)


def test_a_field_that_kserve_does_not_have_is_found(schema, place):
    place.target.switch(place.releases[0], fence=1)
    service = place.server.get("inferenceservices", place.name(place.releases[0]))
    service["spec"]["predictor"]["replicas"] = 2
    service["status"]["modelStatus"]["transitionStatus"] = "Fine"

    assert 2 == len(problems(schema, service))


@pytest.fixture(scope="module")
def plane(tmp_path_factory, cluster_programs, definition):
    """A real API server that has InferenceServices, and no controller for them."""
    with ControlPlane(tmp_path_factory.mktemp("plane"), cluster_programs, 0) as plane:
        plane.define(definition)
        plane.allow(DOCS.with_name("kserve.md"), "cdml-kserve")
        path = PATHS["inferenceservices"]
        wait_until(lambda: plane.call("GET", path, check=False)[0] == 200)
        yield plane


class PlanePlace(ClusterPlace, KservePlace):
    """KServe's objects on a real API server."""


@pytest.fixture(params=PREDICTORS)
def on_plane(request, tmp_path, plane):
    with PlanePlace(tmp_path, plane, manifest=manifest(request.param)) as place:
        yield place


def test_an_api_server_takes_it_twice_as_once_and_knows_who_changed_it(on_plane):
    place, workloads = on_plane, on_plane.target._workloads
    first, *_ = place.releases
    versions = []
    for _ in range(2):
        workloads.apply(workloads.describe(first, 1), 1)
        service = place.server.get("inferenceservices", place.name(first))
        versions.append(service["metadata"]["resourceVersion"])
    assert 1 == len(set(versions))
    assert "" == workloads.releases()[place.name(first)].doubt
    workloads.sign(workloads.releases()[place.name(first)], 3)
    with pytest.raises(ServiceError, match="orders of generation 3"):
        workloads.delete(workloads.list_objects([place.name(first)]), 2)

    change = {"spec": {"predictor": {"minReplicas": 3}}}
    place.server.edit("inferenceservices", place.name(first), change)
    assert "kubectl-edit changed" in workloads.releases()[place.name(first)].doubt
    workloads.delete(workloads.list_objects([place.name(first)]), 3)
    assert {} == workloads.releases()


def test_an_api_server_refuses_a_field_that_kserve_does_not_have(on_plane):
    place = on_plane
    document = manifest("model")
    document["spec"]["predictor"]["replicas"] = 2
    place.write_manifest(document)
    with pytest.raises(ConfigurationError, match=r"predictor.replicas: field not declared"):
        place.again()._workloads.describe(place.releases[0], 1)

    assert [] == place.server.names("inferenceservices")
