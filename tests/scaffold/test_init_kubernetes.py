"""What `cdml init --target kubernetes` writes fits together, and the Role allows what is done."""

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
from cdml.errors import ConfigurationError
from cdml.scaffold.init import init

DOCS = Path(__file__).parents[2] / "docs/kubernetes.md"


@pytest.fixture(params=[".", "models/Flight_delays"])
def project(request, tmp_path):
    """A project, which may be a folder of a repository."""
    (tmp_path / ".git").mkdir()
    folder = tmp_path / request.param
    folder.mkdir(parents=True, exist_ok=True)
    init(folder, target="kubernetes")
    return folder


def settings_of(folder):
    loaded = load(folder / "cdml.yaml", targets=TARGETS, environment={})
    return KubernetesSettings.model_validate(loaded.config.deploy.target.settings)


def allowed(role):
    return {
        (verb, group, *resource.split("/"), *("",) * ("/" not in resource))
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_the_manifest_and_the_route_are_those_that_the_configuration_names(project):
    settings = settings_of(project)
    manifest = read_manifest((project / settings.manifest).read_text(), settings)
    route = yaml.safe_load((project / "k8s/route.yaml").read_text())

    assert "server" == manifest.container
    assert (settings.route, settings.namespace) == (
        route["metadata"]["name"],
        route["metadata"]["namespace"],
    )
    assert 0 == rule_index(route, Owner("production", "x"), settings.service)


def test_the_role_allows_what_is_needed_and_no_more(project):
    role, _ = yaml.safe_load_all((project / "k8s/role.yaml").read_text())

    assert set(needed(settings_of(project))) == allowed(role)


def test_the_role_in_the_documentation_allows_every_kind_of_weights():
    [role] = [
        yaml.safe_load(block.partition("```")[0])
        for block in DOCS.read_text().split("```yaml\n")
        if "kind: Role" in block
    ]
    settings = KubernetesSettings.model_validate(
        {
            "namespace": "m",
            "manifest": "m",
            "service": "m",
            "route": "m",
            "weights": {"from": "config-map", "mount": "/m"},
        }
    )

    assert set(needed(settings)) == allowed(role)


def test_jobs_that_deliver_show_the_login_of_three_clouds_and_the_gate_none(project):
    root = next(one for one in (project, *project.parents) if (one / ".git").exists())
    flows = {one.name: one.read_text() for one in (root / ".github/workflows").glob("*.yml")}
    shown = {
        name: [
            text.count(step)
            for step in ("aws eks update-kubeconfig", "get-gke-credentials@", "az aks get-cred")
        ]
        for name, text in flows.items()
    }
    delivering = {name: counts for name, counts in shown.items() if any(counts)}

    assert [[2] * 3, [1] * 3] == sorted(delivering.values(), reverse=True)
    assert not [name for name in delivering if "gate" in name]
    for text in flows.values():
        assert yaml.safe_load(text)["jobs"]


def test_nothing_is_written_where_a_file_is_there_already(tmp_path):
    (tmp_path / "k8s").mkdir()
    (tmp_path / "k8s/role.yaml").write_text("mine")
    with pytest.raises(ConfigurationError, match=r"k8s/role.yaml exists already"):
        init(tmp_path, target="kubernetes")

    assert not (tmp_path / "cdml.yaml").exists()
