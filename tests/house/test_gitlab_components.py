"""GitLab's components: what its catalog and their callers rely on."""

import re
from pathlib import Path

import pytest
import yaml

from cdml.cli.parameters import PARAMETERS

ROOT = Path(__file__).parents[2]
COMPONENTS = sorted((ROOT / "templates").iterdir())
READ_BY_SCRIPTS = {"CDML_SOURCE", "CDML_REVISION", "CDML_STORAGE", "CDML_DOTENV", "CDML_HELD"}


def read(component):
    """The inputs of a component, its jobs and its text."""
    text = (component / "template.yml").read_text("utf-8")
    spec, jobs = yaml.safe_load_all(text)
    return spec["spec"]["inputs"], jobs, text


def test_there_are_those_that_the_page_names():
    assert ["deploy", "gate", "monitor", "rollback"] == [one.name for one in COMPONENTS]


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda one: one.name)
class TestEachComponent:
    def test_has_typed_and_described_inputs_all_of_which_are_used(self, component):
        inputs, _, text = read(component)

        assert not [name for name, one in inputs.items() if set(one) < {"type", "description"}]
        assert set(inputs) == set(re.findall(r"\$\[\[ inputs\.([a-z-]+) ]]", text))

    def test_fetches_cdml_as_the_others_do(self, component):
        def fetch(one):
            _, jobs, _ = read(one)
            return next(job["before_script"] for job in jobs.values() if job.get("before_script"))

        assert fetch(COMPONENTS[0]) == fetch(component)

    def test_sets_only_variables_that_cdml_reads(self, component):
        options = {
            f"CDML_{command}_{one.name}".upper().replace("-", "_")
            for one in PARAMETERS
            for command in one.commands
        }
        _, jobs, _ = read(component)
        names = {name for job in jobs.values() for name in job.get("variables", {})}

        assert names - {"CDML_ISOLATION", "GIT_STRATEGY"} <= options | READ_BY_SCRIPTS

    def test_can_be_included_twice(self, component):
        _, jobs, _ = read(component)
        shared = {".cdml-held-fail", ".cdml-held-warn"}  # the same in every inclusion

        assert not [name for name in jobs if "inputs.job-suffix" not in name and name not in shared]


def test_only_a_tolerated_verdict_lets_a_gate_go_on():
    _, jobs, _ = read(ROOT / "templates" / "gate")

    assert {"allow_failure": False} == jobs[".cdml-held-fail"]
    assert {"allow_failure": {"exit_codes": [3]}} == jobs[".cdml-held-warn"]
    assert "allow_failure" not in jobs["cdml-gate$[[ inputs.job-suffix ]]"]


def test_no_other_job_delays_a_rollback():
    _, jobs, _ = read(ROOT / "templates" / "rollback")
    job = jobs["cdml-rollback$[[ inputs.job-suffix ]]"]

    assert [] == job["needs"]
    assert job["resource_group"].endswith("-rollback")
