"""Settings of the targets: all that is wrong at once, with places and the nearest names."""

import json

import pytest

from cdml.config import load
from cdml.config.json_schema import json_schema
from cdml.config.targets import HaproxySettings
from cdml.errors import ConfigurationError

CONFIG = """\
version: 1
model: flights
registry: {uri: "folder:registry"}
data: {evaluation: rows.parquet, key: [id], label: late, positive: true}
gates: [{metric: roc_auc, at_least: 0.8}]
"""
RIGHT = {
    "socket": "/run/haproxy/admin.sock",
    "backend": "models",
    "start": "mlflow models serve -m {model} -p {port}",
}


def problems(folder, settings):
    target = {"target": {"type": "haproxy", **settings}}
    (folder / "cdml.yaml").write_text(f"{CONFIG}deploy: {json.dumps(target)}\n")
    with pytest.raises(ConfigurationError) as caught:
        load(folder / "cdml.yaml", targets=["haproxy", "registry"], environment={})
    return caught.value.message


def test_a_command_is_split_into_words_and_durations_into_seconds():
    settings = HaproxySettings.model_validate({**RIGHT, "start": "serve -m {model} 'a b' {port}"})
    listed = HaproxySettings.model_validate(
        {**RIGHT, "start": ["restart", "model@{slot}"], "drain": "2m"}
    )

    assert ("serve", "-m", "{model}", "a b", "{port}") == settings.start
    assert (("restart", "model@{slot}"), 120.0) == (listed.start, listed.drain)


def test_all_problems_are_told_at_once_each_with_its_place(tmp_path):
    told = problems(
        tmp_path,
        {
            "socket": "admin.sock",
            "backend": "mod els",
            "slots": ["blue", "blue"],
            "start": "serve {modl}",
            "drian": "30s",
            "ready": "soon",
        },
    )

    assert "has 6 problems" in told
    assert (
        "deploy.target.socket: write the path of a Unix socket (with a slash), or host:port" in told
    )
    assert "deploy.target.backend: must match" in told
    assert "deploy.target.slots: name two different servers of the backend" in told
    assert "deploy.target.start: unknown placeholder 'modl'; did you mean 'model'?" in told
    assert "unknown setting of the target haproxy 'drian'; did you mean 'drain'?" in told
    assert "deploy.target.ready: write a duration such as 90s" in told


@pytest.mark.parametrize("missing", ["socket", "backend", "start"])
def test_what_has_to_be_there_is_asked_for(tmp_path, missing):
    told = problems(tmp_path, {key: value for key, value in RIGHT.items() if key != missing})

    assert f"deploy.target.{missing}: is missing" in told


@pytest.mark.parametrize(
    ("start", "problem"),
    [
        ("serve {port}", "must contain {model} and {port}"),
        ("serve 'a", "is not a valid command"),
        ([], "write a command; it is empty"),
        ([1], "write a command or a list of its words"),
    ],
)
def test_a_command_that_cannot_work_is_told(tmp_path, start, problem):
    assert f"deploy.target.start: {problem}" in problems(tmp_path, {**RIGHT, "start": start})


@pytest.mark.parametrize(
    "socket", ["/run/admin.sock", "./admin.sock", "127.0.0.1:9999", "[::1]:9999", "host:1"]
)
def test_a_socket_is_a_path_or_an_address(socket):
    assert socket == HaproxySettings.model_validate({**RIGHT, "socket": socket}).socket


@pytest.mark.heavy
def test_the_schema_knows_the_settings_and_lets_other_targets_have_theirs():
    import jsonschema

    schema = json.loads(json_schema())["$defs"]["TargetSettings"]
    jsonschema.validate({"type": "haproxy", **RIGHT}, schema)
    jsonschema.validate({"type": "theirs", "steps": [5]}, schema)
    with pytest.raises(jsonschema.ValidationError, match="'start' is a required property"):
        jsonschema.validate({"type": "haproxy", "socket": "/x", "backend": "m"}, schema)
    described = schema["allOf"][0]["then"]["properties"]
    assert all("description" in one for one in described.values())


KUBERNETES = {
    "namespace": "models",
    "manifest": "model.yaml",
    "service": "flights",
    "weights": {"from": "mlflow", "mount": "/models"},
}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"image": "serve 1"}, "image: write an image"),
        ({"verify": {"image": "python:3.12"}}, "verify.image: pin the image by its digest"),
        ({"response_header": "X-Release"}, "response_header needs route"),
        ({"response_header": "a: b", "route": "flights"}, "response_header: must match"),
        ({"service": "1st"}, "service: must match"),
        ({"weights": {"from": "mlflow", "mount": "models"}}, "mount: write an absolute path"),
        ({"weights": {"from": "volume", "mount": "/m"}}, "claim is missing"),
        ({"weights": {"from": "image", "mount": "/m", "claim": "c"}}, "claim is not for image"),
        (
            {"weights": {"from": "volume", "mount": "/m", "claim": "c", "path": "../{digest}"}},
            "path: write a path within the volume",
        ),
        (
            {"weights": {"from": "volume", "mount": "/m", "claim": "c", "path": "latest"}},
            "path: must contain {digest}",
        ),
        ({"weights": {"from": "s3", "mount": "/m"}}, "from: write 'image', 'config-map'"),
        (
            {
                "weights": {"from": "config-map", "mount": "/m"},
                "verify": {"image": f"a@sha256:{'0' * 64}"},
            },
            "verify has nothing to check for weights from config-map",
        ),
        ({"weights": {"from": "object-store", "mount": "/m"}}, "uri is missing"),
        (
            {"weights": {"from": "image", "mount": "/m", "uri": "s3://m/{digest}"}},
            "uri is not for image",
        ),
        *(
            ({"weights": {"from": "object-store", "mount": "/m", "uri": uri}}, says)
            for uri, says in (
                ("https://m/{digest}", "begins with one of s3://, gs://, abfss://"),
                ("s3:///{digest}", "begins with one of s3://, gs://, abfss://"),
                ("s3://models/latest", "uri: must contain {digest}"),
            )
        ),
    ],
)
def test_settings_of_kubernetes_that_cannot_work_are_refused(tmp_path, changes, problem):
    target = {"target": {"type": "kubernetes", **KUBERNETES, **changes}}
    (tmp_path / "cdml.yaml").write_text(f"{CONFIG}deploy: {json.dumps(target)}\n")
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path / "cdml.yaml", targets=["kubernetes"], environment={})

    assert problem in caught.value.message


@pytest.mark.parametrize(
    ("canary", "route", "problem"),
    [
        ({"steps": [5, 100]}, None, "splits traffic only with deploy.target.route"),
        ({}, None, "splits traffic only with deploy.target.route"),
        ({"steps": [100]}, None, None),
        ({"steps": [5, 100]}, "flights", None),
        (
            {"traffic": {"type": "haproxy", "path": "/x"}},
            "flights",
            "haproxy has no requests of the target kubernetes; choose one of: file, prometheus",
        ),
    ],
)
def test_a_service_alone_has_no_canary(tmp_path, canary, route, problem):
    target = {"type": "kubernetes", **KUBERNETES, **({"route": route} if route else {})}
    canary = {"traffic": {"type": "file", "path": "x.jsonl"}, **canary}
    deploy = json.dumps({"target": target, "canary": canary})
    (tmp_path / "cdml.yaml").write_text(f"{CONFIG}deploy: {deploy}\n")
    told = ""
    try:
        load(tmp_path / "cdml.yaml", targets=["kubernetes"], environment={})
    except ConfigurationError as error:
        told = error.message

    assert (problem or "") in told
    assert bool(problem) is bool(told)
