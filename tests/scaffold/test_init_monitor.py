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
            tmp_path / "cdml.yaml", targets=["registry"], environment={}, needs_registry=False
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
    started = workflows[monitoring.retrain.workflow][True]["workflow_dispatch"]
    assert ["reason"] == list(started["inputs"])
