"""The example of a cluster: its files fit together, and the API server's fake serves it."""

import shutil
from pathlib import Path

import pytest
import yaml

from cdml.adapters.targets.kubernetes.manifest import read_manifest
from cdml.adapters.targets.kubernetes.names import Owner
from cdml.adapters.targets.kubernetes.permissions import needed
from cdml.adapters.targets.kubernetes.traffic_split import rule_index
from cdml.config import load
from cdml.config.kubernetes_target import KubernetesSettings
from cdml.config.targets import TARGETS

EXAMPLE = Path(__file__).parents[2] / "examples/kubernetes"
IMAGE = f"registry.example/flights@sha256:{'5e' * 32}"


@pytest.fixture
def settings():
    loaded = load(EXAMPLE / "cdml.yaml", targets=TARGETS, environment={})
    return KubernetesSettings.model_validate(loaded.config.deploy.target.settings)


def test_the_manifest_is_one_that_cdml_deploys_by_digest(settings):
    text = (EXAMPLE / settings.manifest).read_text("utf-8")
    manifest = read_manifest(text, settings, lambda _: IMAGE)

    assert IMAGE == manifest.serving["image"]
    assert settings.weights.mount in manifest.serving["command"]
    assert str(settings.port) in manifest.serving["command"]


def test_the_role_allows_what_is_needed_with_the_route_and_no_more(settings):
    role, _ = yaml.safe_load_all((EXAMPLE / "k8s/role.yaml").read_text("utf-8"))
    allowed = {
        (verb, group, *resource.split("/"), *("",) * ("/" not in resource))
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }

    assert set(needed(settings.model_copy(update={"route": "flights"}))) == allowed


def test_the_route_has_the_rule_that_cdml_takes_over(settings):
    route = yaml.safe_load((EXAMPLE / "k8s/route.yaml").read_text("utf-8"))

    assert settings.namespace == route["metadata"]["namespace"]
    assert 0 == rule_index(route, Owner("production", "flight-delays"), settings.service)


def test_the_canary_of_the_readme_completes_the_configuration(tmp_path):
    readme = (EXAMPLE / "README.md").read_text("utf-8")
    [shown] = [block.partition("```")[0] for block in readme.split("```yaml\n")[1:]]
    config = yaml.safe_load((EXAMPLE / "cdml.yaml").read_text("utf-8"))
    config["deploy"] |= yaml.safe_load(shown)["deploy"]
    config["deploy"]["target"]["route"] = "flights"
    shutil.copytree(EXAMPLE / "k8s", tmp_path / "k8s")
    (tmp_path / "cdml.yaml").write_text(yaml.safe_dump(config))
    variables = {"CDML_ALLOW_HOSTS": "prometheus.example.org"}
    loaded = load(tmp_path / "cdml.yaml", targets=TARGETS, environment=variables)

    assert (5, 25, 50, 100) == loaded.config.deploy.canary.steps
