"""MLflow's requests and answers in KServe's protocols."""

import json

import pytest

from cdml.adapters.targets.kserve import protocol
from cdml.config.kserve_target import KserveSettings
from cdml.delivery.checks.smoke_cases import MALFORMED

DATA = [[1, 0.5, "a", True], [2, None, "b", False]]
BODY = json.dumps({"dataframe_split": {"columns": ["n", "x", "s", "b"], "data": DATA}}).encode()


def speaking(name, **more):
    weights = {"from": "mlflow", "mount": "/mnt/models"}
    given = {"namespace": "m", "manifest": "m", "service": "flights", "weights": weights}
    return KserveSettings.model_validate({**given, "protocol": name, **more})


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("v1", "/v1/models/flights:predict"),
        ("v2", "/v2/models/flights/infer"),
        ("mlflow", "/invocations"),
    ],
)
def test_each_has_its_address_with_the_stable_name(name, path):
    assert path == protocol.path(speaking(name))


def test_the_models_name_can_be_another_than_the_services():
    assert "/v2/models/late/infer" == protocol.path(speaking("v2", model_name="late"))


def test_v1_sends_the_rows():
    assert {"instances": DATA} == json.loads(protocol.request(speaking("v1"), BODY))


def test_v2_sends_a_tensor_for_each_column():
    sent = json.loads(protocol.request(speaking("v2"), BODY))
    text = {"parameters": {"content_type": "str"}}

    assert {"content_type": "pd"} == sent["parameters"]
    assert [
        {"name": "n", "shape": [2, 1], "datatype": "INT64", "data": [1, 2]},
        {"name": "x", "shape": [2, 1], "datatype": "FP64", "data": [0.5, None]},
        {"name": "s", "shape": [2, 1], "datatype": "BYTES", "data": ["a", "b"], **text},
        {"name": "b", "shape": [2, 1], "datatype": "BOOL", "data": [True, False]},
    ] == sent["inputs"]


@pytest.mark.parametrize("name", ["v1", "v2", "mlflow"])
@pytest.mark.parametrize("body", [MALFORMED, b"not JSON", b'{"dataframe_split": {"data": [[1]]}}'])
def test_a_request_without_rows_stays_as_it_is(name, body):
    assert body == protocol.request(speaking(name), body)


def outputs(*tensors):
    return json.dumps({"model_name": "flights", "outputs": tensors}).encode()


@pytest.mark.parametrize(
    ("answer", "predictions"),
    [
        (outputs({"name": "p", "shape": [2], "data": [1, 0]}), [1, 0]),
        (outputs({"name": "p", "shape": [2, 1], "data": [0.5, 0.25]}), [0.5, 0.25]),
        (outputs({"name": "p", "shape": [2, 2], "data": [1, 2, 3, 4]}), [[1, 2], [3, 4]]),
        (outputs({"name": "p", "shape": [2, 2], "data": [[1, 2], [3, 4]]}), [[1, 2], [3, 4]]),
        (
            outputs(
                {"name": "a", "shape": [2], "data": [1, 2]},
                {"name": "b", "shape": [2], "data": ["x", "y"]},
            ),
            [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}],
        ),
    ],
)
def test_answers_of_v2_become_those_of_mlflow(answer, predictions):
    read = json.loads(protocol.answer(speaking("v2"), answer))

    assert {"predictions": predictions} == read


@pytest.mark.parametrize("body", [b"", b"not JSON", b'{"error": "no"}', b"[1]", b'{"outputs": 3}'])
def test_an_answer_that_is_none_stays_as_it_is(body):
    assert body == protocol.answer(speaking("v2"), body)
    assert body == protocol.answer(speaking("v1"), body)
