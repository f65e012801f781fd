"""A tag is pinned by the digest that its registry gives, or refused."""

import base64
import json

import pytest

from cdml.adapters.targets.kubernetes.image_registry import ImageName, pin_image
from cdml.adapters.targets.kubernetes.manifest import read_manifest
from cdml.config.kubernetes_target import KubernetesSettings
from cdml.errors import ConfigurationError, InputError, ServiceError
from fakes.image_registry import FakeImageRegistry
from support.paths import MANIFEST

DIGEST = f"sha256:{'5e' * 32}"
LOGIN = "robot:secret"


def docker(folder, **config):
    (folder / "config.json").write_text(json.dumps(config))
    return {"DOCKER_CONFIG": str(folder)}


def auths(host, login=LOGIN):
    return {"auths": {host: {"auth": base64.b64encode(login.encode()).decode()}}}


@pytest.mark.parametrize(
    ("image", "parts"),
    [
        ("python", ("registry-1.docker.io", "library/python", "latest")),
        ("python:3.12-slim", ("registry-1.docker.io", "library/python", "3.12-slim")),
        ("docker.io/me/serve:1", ("registry-1.docker.io", "me/serve", "1")),
        ("ghcr.io/me/serve/cpu:1", ("ghcr.io", "me/serve/cpu", "1")),
        ("registry.test:5000/serve", ("registry.test:5000", "serve", "latest")),
        ("me/serve", ("registry-1.docker.io", "me/serve", "latest")),
    ],
)
def test_a_name_is_read_as_docker_reads_it(image, parts):
    name = ImageName.parse(image)

    assert parts == (name.host, name.repository, name.tag)
    assert name.address == f"https://{name.host}"


def test_what_is_pinned_is_left_alone_and_nobody_is_asked():
    image = f"nowhere.invalid/serve@{DIGEST}"

    assert image == pin_image(image, {})


@pytest.mark.parametrize(("tag", "given"), [("1", ":1"), ("latest", "")])
def test_a_tag_becomes_the_digest_that_it_names_now(tag, given):
    with FakeImageRegistry() as registry:
        registry.tags[f"team/serve:{tag}"] = DIGEST
        image = f"{registry.host}/team/serve{given}"

        assert f"{registry.host}/team/serve@{DIGEST}" == pin_image(image, {})


@pytest.mark.parametrize("scheme", ["Bearer", "Basic"])
def test_the_login_is_dockers_own(scheme, tmp_path):
    with FakeImageRegistry(login=LOGIN, scheme=scheme) as registry:
        registry.tags["serve:1"] = DIGEST
        variables = docker(tmp_path, **auths(registry.host))

        assert pin_image(f"{registry.host}/serve:1", variables).endswith(DIGEST)


def test_the_login_may_come_from_a_credential_helper(tmp_path, monkeypatch):
    helper = tmp_path / "docker-credential-cloud"
    helper.write_text(
        '#!/bin/sh\ngrep -q 127.0.0.1 && echo \'{"Username": "robot", "Secret": "secret"}\'\n'
    )
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with FakeImageRegistry(login=LOGIN) as registry:
        registry.tags["serve:1"] = DIGEST
        variables = docker(tmp_path, credHelpers={registry.host: "cloud"})

        assert pin_image(f"{registry.host}/serve:1", variables).endswith(DIGEST)


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({}, r"lets nobody read serve without a login .401.: run `docker login`"),
        ({"auths": []}, "without a login"),
        ({"credsStore": "is-not-installed"}, "without a login"),
        ({"wrong": "robot:guess"}, "without a login"),
    ],
)
def test_a_registry_that_refuses_us_is_an_input_error(tmp_path, config, problem):
    with FakeImageRegistry(login=LOGIN) as registry:
        registry.tags["serve:1"] = DIGEST
        if "wrong" in config:
            config = auths(registry.host, config["wrong"])
        with pytest.raises(InputError, match=problem):
            pin_image(f"{registry.host}/serve:1", docker(tmp_path, **config))


@pytest.mark.parametrize(
    ("digest", "problem"),
    [(None, "has no tag 1 of serve"), ("md5:00", "gave no SHA-256 digest")],
)
def test_a_tag_without_a_digest_is_an_input_error(digest, problem):
    with FakeImageRegistry() as registry:
        registry.tags["serve:1"] = digest
        with pytest.raises(InputError, match=problem):
            pin_image(f"{registry.host}/serve:1", {})


def test_a_registry_that_does_not_answer_is_a_service_error():
    with FakeImageRegistry() as registry:
        registry.down = 503
        image = f"{registry.host}/serve:1"
        with pytest.raises(ServiceError, match="answered 503"):
            pin_image(image, {})
    with pytest.raises(ServiceError, match="did not answer"):
        pin_image(image, {})


def settings(**more):
    given = {"namespace": "m", "manifest": "model.yaml", "service": "m", **more}
    return KubernetesSettings.model_validate({"weights": {"from": "image", "mount": "/m"}, **given})


def test_every_container_of_a_manifest_is_pinned_or_the_field_is_named():
    with FakeImageRegistry() as registry:
        registry.tags["serve:1"] = DIGEST
        manifest = json.loads(json.dumps(MANIFEST))
        pod = manifest["spec"]["template"]["spec"]
        pod["containers"][0]["image"] = "replaced"
        pod["initContainers"] = [{"name": "warm", "image": f"{registry.host}/serve:1"}]
        chosen = settings(image=f"{registry.host}/serve:1")
        read = read_manifest(json.dumps(manifest), chosen, lambda image: pin_image(image, {}))
        images = [one["image"] for one in (*read.pod["containers"], *read.pod["initContainers"])]

        assert [f"{registry.host}/serve@{DIGEST}"] * 2 == images

        pod["initContainers"][0]["image"] = f"{registry.host}/serve:2"
        with pytest.raises(ConfigurationError) as caught:
            read_manifest(json.dumps(manifest), chosen, lambda image: pin_image(image, {}))
        place = "deploy.target.manifest: model.yaml: spec.template.spec.initContainers[0].image"
        assert f"{place} is '{registry.host}/serve:2', and" in caught.value.message
        assert "has no tag 2 of serve; pin it by its digest" in caught.value.message
