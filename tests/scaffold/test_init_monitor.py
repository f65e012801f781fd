"""`init --monitor`: the workflow that watches what serves, and its section of cdml.yaml."""

import pytest
import yaml

from cdml.config import load
from cdml.scaffold.init import init


@pytest.fixture
def written(tmp_path):
    def write(**words):
        init(tmp_path, monitor=True, **words)
        loaded = load(
            tmp_path / "cdml.yaml",
            targets=["registry", "haproxy"],
            environment={},
            needs_registry=False,
        )
        workflows = {
            path.name: yaml.safe_load(path.read_text())
            for path in (tmp_path / ".github/workflows").iterdir()
        }
        return loaded.config.monitoring, workflows

    return write


def test_the_workflow_looks_on_a_schedule_with_what_it_needs_and_no_more(written):
    monitoring, workflows = written()

    workflow = workflows["cdml-monitor.yml"]
    assert "schedule" in workflow[True]
    job = workflow["jobs"]["monitor"]
    assert {"contents", "issues", "actions"} == set(job["permissions"])
    assert ("issue",) == monitoring.on_degradation


def test_where_a_workflow_trains_a_degradation_starts_it(written):
    monitoring, workflows = written(train=True)

    assert ("issue", "retrain") == monitoring.on_degradation
    workflow = workflows[monitoring.retrain.workflow]
    assert ["reason"] == list(workflow[True]["workflow_dispatch"]["inputs"])
    assert "${{ inputs.reason }}" == workflow["run-name"], "the run is recognised by it"


def test_what_is_trained_again_is_deployed_after_its_gate_and_only_from_the_branch_that_ships(
    written,
):
    _, workflows = written(train=True)

    gate, delivery = workflows["cdml-gate.yml"], workflows["cdml-deploy.yml"]
    job, merged = gate["jobs"]["deploy"], delivery["jobs"]["deploy"]
    assert "gate" == job["needs"]
    [branch] = delivery[True]["push"]["branches"]
    assert job["if"].split(" && ") == [
        "github.event_name == 'workflow_dispatch'",
        f"github.ref == 'refs/heads/{branch}'",
    ]
    assert (merged["environment"], merged["concurrency"]) == (
        job["environment"], job["concurrency"],
    )  # fmt: skip
    assert "workflow_dispatch" in gate["concurrency"]["cancel-in-progress"]
    assert {"contents", "deployments", "actions"} == set(job["permissions"])
    step = job["steps"][-1]
    assert merged["steps"][-1]["uses"] == step["uses"]
    assert "models:/my-model/${{ needs.gate.outputs.version }}" == step["with"]["model"]
    assert "${{ steps.gate.outputs.version }}" == gate["jobs"]["gate"]["outputs"]["version"]


def test_a_target_with_its_own_runner_deploys_there_what_is_trained_again(written):
    _, workflows = written(train=True, target="haproxy")

    jobs = workflows["cdml-gate.yml"]["jobs"]
    assert workflows["cdml-deploy.yml"]["jobs"]["deploy"]["runs-on"] == jobs["deploy"]["runs-on"]
    assert "ubuntu-latest" == jobs["gate"]["runs-on"] != jobs["deploy"]["runs-on"]
