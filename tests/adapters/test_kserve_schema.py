"""What is written for KServe, and what the fake controller answers, by KServe's own schema."""

import copy
import os

import pytest
import yaml

from support import kserve_source
from support.paths import KservePlace

CRD = "config/crd/full/serving.kserve.io_inferenceservices.yaml"
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def schema(tmp_path_factory):
    """The schema of an InferenceService; fields that it does not have are refused."""
    if kserve_source.GO is None:
        assert "CI" not in os.environ
        pytest.skip("without Go, what is written is not compared with KServe's schema")
    source = kserve_source.fetch(tmp_path_factory.mktemp("go"))
    definition = yaml.load((source / CRD).read_text(), Loader=yaml.CSafeLoader)
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


@pytest.fixture(params=PREDICTORS)
def place(request, tmp_path):
    manifest = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "flights"},
        "spec": {"predictor": PREDICTORS[request.param]},
    }
    with KservePlace(tmp_path, manifest=manifest) as place:
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
