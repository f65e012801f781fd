"""What `make generate` writes is up to date, and a parameter is declared in one place."""

import importlib
import json
import re
import sys
from pathlib import Path

import click
import jsonschema
import pytest
import yaml

from cdml import errors
from cdml.cli import cli, command, exit_codes, run
from cdml.cli.parameters import PARAMETERS, Parameter, options_of
from cdml.common.verdict import Verdict
from cdml.config import load
from cdml.config.targets import target_types
from cdml.evidence.failure import Failure
from cdml.evidence.store import FILES
from cdml.report.comment_policy import BEHAVIOURS, MODES

CONFIG = """\
version: 1
model: flights
registry: {uri: "folder:registry"}
data: {evaluation: rows.parquet, key: [id], label: late, positive: true}
gates: [{metric: roc_auc, at_least: 0.8}]
"""
ROOT = Path(__file__).parents[2]
MADE_UP = Parameter(
    "patience",
    "How long to wait, unless `--begin` is given",
    ("report",),
    unset="a minute",
)


@pytest.fixture(scope="module")
def generate():
    sys.path.insert(0, str(ROOT))
    yield importlib.import_module("generate.__main__")
    sys.path.remove(str(ROOT))


def test_everything_generated_is_up_to_date(generate):
    outdated = [
        path.relative_to(ROOT).as_posix()
        for path, text in generate.files().items()
        if not path.is_file() or path.read_text("utf-8") != text
    ]

    assert [] == outdated, "run make generate"


class TestAMadeUpParameter:
    @pytest.fixture
    def files(self, generate):
        written = generate.files((*PARAMETERS, MADE_UP)).items()
        return {path.relative_to(ROOT).as_posix(): text for path, text in written}

    def test_is_an_option_with_its_variable(self, monkeypatch):
        made = click.Command("report", params=[command.option(MADE_UP)], callback=lambda **_: None)
        monkeypatch.setenv("CDML_REPORT_PATIENCE", "9")
        with made.make_context("report", [], auto_envvar_prefix="CDML_REPORT") as context:
            assert {"patience": "9"} == context.params
            assert "How long to wait, unless --begin is given; by default a minute." in " ".join(
                made.get_help(context).split()
            )

    @pytest.mark.parametrize("action", ["action.yml", "actions/report/action.yml"])
    def test_is_an_input_that_reaches_its_command(self, files, action):
        written = yaml.safe_load(files[action])
        steps = {step["id"]: step.get("env", {}) for step in written["runs"]["steps"]}

        assert {
            "description": "How long to wait, unless `begin` is given; by default a minute."
        } == written["inputs"]["patience"]
        assert "${{ inputs.patience }}" == steps["report"]["CDML_REPORT_PATIENCE"]
        assert "CDML_REPORT_PATIENCE" not in steps["fallback"]

    def test_is_no_input_of_other_actions(self, files):
        assert "patience" not in files["actions/deploy/action.yml"]

    def test_is_in_the_reference(self, files):
        meaning = "How long to wait, unless `{}begin` is given. | a minute |"

        assert f"| `patience` | root, report | {meaning.format('')}" in files["docs/actions.md"]
        assert f"| `--patience` | {meaning.format('--')}" in files["docs/cli.md"]


def test_every_variable_that_is_read_is_in_the_reference():
    """But for those that HAProxy's target gives the commands that start servers."""
    files = [file for file in (ROOT / "src").rglob("*.py") if "haproxy" not in file.parts]
    read = {
        name for file in files for name in re.findall(r'"(CDML_[A-Z_]+)"', file.read_text("utf-8"))
    }

    assert {"CDML_BUILD", "CDML_GITHUB_TOKEN"} <= read
    assert read <= {row[0].strip("`") for row in rows_of("cli.md")}


def rows_of(page):
    text = (ROOT / "docs" / page).read_text("utf-8")
    return [line[2:-2].split(" | ") for line in re.findall(r"^\| `.*", text, re.MULTILINE)]


def test_every_key_of_the_configuration_has_a_meaning_and_an_example():
    rows = rows_of("configuration.md")

    assert 80 < len(rows)
    assert [] == [row[0] for row in rows if not row[1] or (not row[4] and "[keys]" not in row[2])]


@pytest.mark.parametrize("number", range(6))
def test_the_examples_of_the_keys_are_a_configuration(tmp_path, number):
    examples = (ROOT / "generate/configuration.yaml").read_text("utf-8").split("\n---\n")
    environment = {
        "MLFLOW_TRACKING_URI": "https://registry.test",
        "WEBHOOK_SECRET": "as long as a secret is",
        "CDML_ENV_ALLOW": "WEBHOOK_SECRET",
        "CDML_ALLOW_HOSTS": "hooks.example.org,prometheus.example.org",
    }
    (tmp_path / "cdml.yaml").write_text(examples[number], encoding="utf-8")

    loaded = load(tmp_path / "cdml.yaml", targets=target_types(), environment=environment)
    model = "support-bot" if number == 3 else "flight-delays"
    assert (model, 7) == (loaded.config.model, len(examples))


@pytest.mark.parametrize("kind", [*FILES, Failure])
def test_evidence_has_a_schema_of_its_format(kind):
    format_ = kind.model_fields["schema_"].default
    file = ROOT / f"docs/schemas/{format_.replace('/', '-')}.json"
    schema = json.loads(file.read_text("utf-8"))

    assert format_ == schema["title"]
    jsonschema.validators.validator_for(schema).check_schema(schema)


@pytest.mark.parametrize(
    "file", sorted((ROOT / "docs/schemas").glob("*.json")), ids=lambda f: f.name
)
def test_every_field_of_evidence_has_a_meaning(file):
    schema = json.loads(file.read_text("utf-8"))
    objects = {"": schema, **schema["$defs"]}

    assert [] == [
        f"{name}.{field}"
        for name, described in objects.items()
        for field, value in described.get("properties", {}).items()
        if not value.get("description", "").endswith((".", "…"))
    ]


@pytest.mark.parametrize(
    ("command_name", "option"),
    [(name, one.name) for one in PARAMETERS for name in one.required],
)
def test_what_is_required_is_asked_for(tmp_path, capsys, command_name, option):
    (tmp_path / "cdml.yaml").write_text(CONFIG, encoding="utf-8")

    assert 2 == run([command_name, "--config", str(tmp_path / "cdml.yaml")])
    assert f"--{option} is missing." in capsys.readouterr().err


@pytest.mark.parametrize("name", cli.commands)
def test_a_command_has_the_options_that_are_declared_and_no_other(name):
    declared = [one.name.replace("-", "_") for one in options_of(name)]

    options = [one for one in cli.commands[name].params if isinstance(one, click.Option)]
    assert declared == [one.name for one in options]


def test_a_name_means_one_thing_in_each_command_and_action(generate):
    parameters = (*PARAMETERS, *generate.INPUTS)
    actions_of = sys.modules["generate.actions"].actions_of
    named = [(command, one.name) for one in parameters for command in one.commands]
    named += [(f"{action} action", one.name) for one in parameters for action in actions_of(one)]

    assert sorted(set(named)) == sorted(named)


def test_an_input_that_is_no_option_is_handed_on_as_its_variable(generate):
    actions_of = sys.modules["generate.actions"].actions_of
    expected = {(a, one.name, one.variable) for one in generate.INPUTS for a in actions_of(one)}
    for action, name, variable in filter(lambda case: case[2], expected):
        file = ROOT / ("action.yml" if action == "root" else f"actions/{action}/action.yml")
        steps = yaml.safe_load(file.read_text("utf-8"))["runs"]["steps"]
        handed_on = [str(step["env"].get(variable)) for step in steps]

        assert any(re.search(rf"inputs\.{name}\b", text) for text in handed_on), (action, name)


def test_the_choices_of_a_comment_are_those_that_the_report_has():
    choices = {one.name: one.choices for one in PARAMETERS if one.choices}

    assert (MODES, BEHAVIOURS) == (choices["comment-mode"], choices["comment-behaviour"])


def test_every_exit_code_is_in_the_table_and_no_other():
    kinds = [errors.CdmlError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    codes = {kind.exit_code for kind in kinds if hasattr(kind, "exit_code")}
    codes |= {verdict.exit_code for verdict in Verdict}

    assert codes | {exit_codes.USAGE, errors.BUG, errors.INTERRUPTED} == set(errors.EXIT_CODES)
