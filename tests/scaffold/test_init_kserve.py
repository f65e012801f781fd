"""What `cdml init --target kserve` writes fits together, and the Role allows what is done."""

from pathlib import Path

import yaml

from cdml.adapters.targets.kserve.inference_services import needed
from cdml.adapters.targets.kserve.manifest import read_inference_service
from cdml.adapters.targets.kubernetes.names import Owner
from cdml.adapters.targets.kubernetes.traffic_split import rule_index
from cdml.config import load
from cdml.config.kserve_target import KserveSettings
from cdml.config.targets import TARGETS
from cdml.scaffold.init import init

DOCS = Path(__file__).parents[2] / "docs/kserve.md"


def allowed(role):
    return {
        (verb, group, *resource.split("/"), *("",) * ("/" not in resource))
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_the_files_fit_the_configuration_and_the_role_what_is_needed(tmp_path):
    init(tmp_path, target="kserve")
    loaded = load(tmp_path / "cdml.yaml", targets=TARGETS, environment={})
    settings = KserveSettings.model_validate(loaded.config.deploy.target.settings)
    manifest = read_inference_service((tmp_path / settings.manifest).read_text(), settings)
    route = yaml.safe_load((tmp_path / "k8s/route.yaml").read_text())
    role, _ = yaml.safe_load_all((tmp_path / "k8s/role.yaml").read_text())

    assert not manifest.custom
    assert settings.route == route["metadata"]["name"]
    assert 0 == rule_index(route, Owner("production", "x"), settings.service)
    assert set(needed(settings)) == allowed(role)


def test_the_documentation_has_a_manifest_and_a_role_that_will_do():
    blocks = [block.partition("```")[0] for block in DOCS.read_text().split("```yaml\n")]
    [role] = [yaml.safe_load(block) for block in blocks if "kind: Role" in block]
    [text] = [block for block in blocks if "kind: InferenceService" in block]
    weights = {"from": "mlflow", "mount": "/mnt/models"}
    given = {"namespace": "m", "manifest": "m", "service": "m", "route": "m", "weights": weights}
    settings = KserveSettings.model_validate(given)

    assert set(needed(settings)) == allowed(role)
    assert not read_inference_service(text, settings).custom
