"""What an action.yml promises holds: its inputs are options, and the documents list them."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from cdml.adapters.registries.mlflow_storage import STORES
from cdml.cli import cli
from cdml.common.addresses import reveal
from cdml.config import load
from cdml.config.targets import target_types
from cdml.scaffold.init_llm import init_llm

ROOT = Path(__file__).parents[2]
FILES = {"root": ROOT / "action.yml"} | {
    path.parent.name: path for path in sorted(ROOT.glob("actions/*/action.yml"))
}
NAMES = [
    "train-model",
    "validate-data",
    "evaluate-model",
    "compare-to-champion",
    "report",
    "deploy",
    "rollback",
    "monitor",
]
TALKS = {"report", "deploy", "rollback", "monitor"}
OURS = {
    "python",
    "github-token",
    "env-allow",
    "allow-hosts",
    "storage",
}  # inputs of the action rather than of the command
SCORES = {"root", "evaluate-model", "compare-to-champion"}
FOR_MODELS = {
    "build",
    "isolation",
    "isolation-sudo",
}  # what the workflow alone may say of how models are run
SETTINGS = (
    r"CDML_(?!PYTHON$|BUILD$|ISOLATION$|ISOLATION_SUDO$|UNWALLED$|GITHUB_TOKEN$|ENV_ALLOW$"
    r"|ALLOW_HOSTS$|TRAINING_LD_LIBRARY_PATH$)\w+"
)
SHELL = "/bin/bash --noprofile --norc -peo pipefail {0}"
STEERING = {"BASH_ENV", "ENV", "LD_PRELOAD", "LD_AUDIT", "LD_LIBRARY_PATH"}
SCRIPTS = Path(sys.executable).parent


def action(name: str) -> dict[str, Any]:
    return yaml.safe_load(FILES[name].read_text())


def commands(name: str) -> list[str]:
    return ["gate", "report"] if name == "root" else [name]


def steps(name: str) -> dict[str, dict[str, Any]]:
    return {step["id"]: step for step in action(name)["runs"]["steps"]}


def options(command: str) -> set[str]:
    return {parameter.opts[0].removeprefix("--") for parameter in cli.commands[command].params}


def listed(heading: str) -> dict[str, set[str]]:
    """A table of inputs or outputs: name, and the actions that have it."""
    rows = re.findall(r"^\| `([\w-]+)` \| ([^|]+) \|", heading, flags=re.MULTILINE)
    found: dict[str, set[str]] = {}
    for name, of in rows:
        parts = FILES if of.strip() == "all" else (part.strip() for part in of.split(","))
        found.setdefault(name, set()).update(parts)
    return found


def documented(first: str) -> dict[str, set[str]]:
    text = (ROOT / "docs/actions.md").read_text()
    table = re.search(rf"^\| {first} \| of \|.*?(?=\n\n)", text, flags=re.MULTILINE | re.DOTALL)
    assert table, f"docs/actions.md has a table of {first}s"
    return listed(table[0])


def used(part: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name in FILES:
        for item in action(name)[part]:
            found.setdefault(item, set()).add(name)
    return found


def test_there_is_an_action_for_every_step_of_the_decision() -> None:
    assert {"root", *NAMES} == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_every_input_is_an_option_and_every_option_an_input(name: str) -> None:
    expected = set().union(*(options(command) for command in commands(name)))
    if name == "root":
        # The report reads what the gate has just written; that it begins is a step of its own.
        expected -= {"evidence", "artifact", "begin", "combine"}
    assert expected == set(action(name)["inputs"]) - OURS - FOR_MODELS


@pytest.mark.parametrize("name", FILES)
def test_every_input_reaches_its_command_as_environment(name: str) -> None:
    inputs = set(action(name)["inputs"]) - OURS - FOR_MODELS
    reached = set()
    for command in commands(name):
        variables = steps(name)[command]["env"]
        prefix = f"CDML_{command.upper().replace('-', '_')}_"
        expected = {
            prefix + option.upper().replace("-", "_"): (
                f"${{{{ inputs.{option} }}}}" if option in inputs else ""
            )
            for option in options(command)
        }
        assert expected == {k: v for k, v in variables.items() if re.fullmatch(SETTINGS, k)}
        reached |= options(command) & inputs
    assert inputs == reached


@pytest.mark.parametrize("name", FILES)
def test_no_option_of_a_command_is_left_to_what_a_step_before_has_set(name: str) -> None:
    for step in steps(name).values():
        found = re.search(r'run\.sh" ([\w-]+)$', step.get("run", ""))
        if found and found[1] != "isolation":
            prefix = f"CDML_{found[1]}_".upper().replace("-", "_")
            every = {prefix + one.upper().replace("-", "_") for one in options(found[1])}
            assert every <= set(step["env"]), found[1]


@pytest.mark.parametrize("name", FILES)
def test_every_command_knows_which_variables_the_configuration_may_use(name: str) -> None:
    for id_, step in steps(name).items():
        if "run.sh" in step["run"]:
            assert "${{ inputs.env-allow }}" == step["env"]["CDML_ENV_ALLOW"], id_
            assert "${{ inputs.allow-hosts }}" == step["env"]["CDML_ALLOW_HOSTS"], id_


@pytest.mark.parametrize("name", FILES)
def test_the_clients_of_the_storage_are_installed_with_the_rest(name: str) -> None:
    assert "${{ inputs.storage }}" == steps(name)["install"]["env"]["CDML_STORAGE"]


def test_every_storage_that_can_be_named_has_a_lock_and_is_told_of() -> None:
    extras = {store.extra for store in STORES.values()} - {""}
    told = (ROOT / "docs/actions.md").read_text()

    for name in extras:
        assert (ROOT / f"requirements/{name}.txt").is_file()
        assert f"`{name}`" in action("root")["inputs"]["storage"]["description"]
        assert re.search(rf"^\| `storage` \|.*`{name}`", told, re.MULTILINE)


@pytest.mark.parametrize("name", FILES)
def test_what_the_workflow_says_of_models_reaches_the_step_that_runs_them(name: str) -> None:
    told = FOR_MODELS if name in SCORES else set()

    assert told == FOR_MODELS & set(action(name)["inputs"])
    for setting in told:
        env = steps(name)[commands(name)[0]]["env"]
        assert f"inputs.{setting} }}}}" in env[f"CDML_{setting.upper().replace('-', '_')}"]


@pytest.mark.parametrize("name", sorted(SCORES))
def test_isolation_is_looked_for_first_and_what_was_found_is_then_required(name: str) -> None:
    found = steps(name)
    order = list(found)

    assert order.index("isolation") < order.index(commands(name)[0]) < order.index("unwalled")
    assert "${{ inputs.isolation }}" == found["isolation"]["env"]["CDML_ISOLATION"]
    assert (
        "${{ steps.isolation.outputs.isolation != 'none' && 'required' || inputs.isolation }}"
        == found[commands(name)[0]]["env"]["CDML_ISOLATION"]
    )
    assert "always() && steps.isolation.outputs.isolation == 'none'" in found["unwalled"]["if"]


@pytest.mark.parametrize("name", FILES)
def test_no_token_comes_after_a_model_that_was_not_isolated(name: str) -> None:
    for id_, step in steps(name).items():
        if token := step["env"].get("CDML_GITHUB_TOKEN"):
            assert "env.CDML_UNWALLED != 'true' && inputs.github-token || ''" in token, id_
            in_job = "steps.isolation.outputs.isolation != 'none' && " in token
            assert in_job == (name == "root" and id_ in ("begin", "report")), id_


@pytest.mark.parametrize("name", FILES)
def test_every_step_starts_from_a_shell_that_nothing_left_behind_can_steer(name: str) -> None:
    for id_, step in steps(name).items():
        assert SHELL == step["shell"], id_
        assert STEERING <= {key for key, value in step["env"].items() if value == ""}, id_


@pytest.mark.parametrize("name", FILES)
def test_only_steps_that_talk_to_the_platform_get_the_token(name: str) -> None:
    given = {id_ for id_, step in steps(name).items() if "inputs.github-token" in str(step)}
    other = {"root": {"begin", "fallback"}, "report": {"fallback"}}.get(name, set())
    assert TALKS & set(commands(name)) | other == given


def test_the_root_action_says_that_the_gate_has_begun_before_it_begins() -> None:
    begin, report = steps("root")["begin"]["env"], steps("root")["report"]["env"]

    assert [
        "install", "fallback", "isolation", "begin", "gate", "unwalled", "report",
    ] == list(steps("root"))  # fmt: skip
    assert report == begin | {"CDML_REPORT_BEGIN": ""}
    assert "true" == begin["CDML_REPORT_BEGIN"]


@pytest.mark.parametrize("name", FILES)
def test_every_action_tells_that_it_could_not_be_installed(name: str) -> None:
    told = steps(name)["fallback"]
    env = {key.removeprefix("CDML_"): value for key, value in told["env"].items()}

    assert told["run"].endswith(f'fallback.sh" {commands(name)[0]}')
    assert "steps.install.outcome != 'success'" in told["if"]
    assert {"CONFIG", "OUTPUT_DIR", "INSTALL_ERROR"} <= env.keys()
    talks = {"COMMENT_MODE", "REPORT_ID", "PULL_REQUEST", "GITHUB_TOKEN"}
    assert (talks if "report" in commands(name) else set()) == talks & env.keys()


@pytest.mark.parametrize("name", FILES)
def test_every_action_has_the_common_inputs_and_outputs(name: str) -> None:
    assert {"config", "output-dir", *OURS} <= set(action(name)["inputs"])
    assert {"verdict", "evidence", "report"} <= set(action(name)["outputs"])


@pytest.mark.parametrize("name", FILES)
def test_run_lines_hold_no_expression_and_no_step_uses_another_action(name: str) -> None:
    for step in action(name)["runs"]["steps"]:
        assert "uses" not in step
        assert "${{" not in step["run"]
        assert re.fullmatch(
            r'/bin/bash -p "\$GITHUB_ACTION_PATH/[./a-z]+\.sh"( [a-z-]+)?', step["run"]
        )


@pytest.mark.parametrize("name", FILES)
def test_inputs_are_told_alike_wherever_they_have_the_same_default(name: str) -> None:
    for item, stated in action(name)["inputs"].items():
        assert stated["description"], item
        first = next(action(other)["inputs"] for other in FILES if item in action(other)["inputs"])
        assert first[item].get("default") == stated.get("default")


@pytest.mark.parametrize("name", FILES)
def test_defaults_are_those_of_the_command(name: str) -> None:
    for command in commands(name):
        for parameter in cli.commands[command].params:
            stated = action(name)["inputs"].get(parameter.opts[0].removeprefix("--"), {})
            if "default" in stated:
                assert str(parameter.default) == stated["default"]


def test_the_documents_list_every_input_and_no_other() -> None:
    assert documented("input") == used("inputs")


def test_the_documents_list_every_output_and_no_other() -> None:
    assert documented("output") == used("outputs")


def workflows() -> list[Path]:
    """Ours, those that `cdml init` writes, and the example's."""
    places = (".github/workflows", "src/cdml/scaffold/templates", "examples/*/workflows")
    found = {place: sorted(ROOT.glob(f"{place}/*.yml")) for place in places}
    assert all(found.values()), found
    return [path for paths in found.values() for path in paths]


def readme_blocks() -> list[str]:
    """The YAML that the README shows: a workflow, a cdml.yaml, a part of a contract."""
    text = (ROOT / "README.md").read_text()
    return re.findall(r"^```yaml\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def shown_workflows(tmp_path: Path) -> list[Path]:
    """The workflows of README, guides and `init --llm`, as whoever copies them has them."""
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    shown = [block for block in readme_blocks() if "\njobs:\n" in block]
    for guide in sorted(ROOT.glob("docs/guides/*.md")):
        shown += re.findall(
            r"^```yaml\n(name: .*?)^```$", guide.read_text(), re.MULTILINE | re.DOTALL
        )
    paths = [folder / f"{number}.yml" for number in range(len(shown))]
    for path, workflow in zip(paths, shown, strict=True):
        path.write_text(workflow)
    assert len(paths) > 1
    project = tmp_path / "llm"
    project.mkdir()
    return [*paths, *(path for path in init_llm(project) if path.parent.name == "workflows")]


def zizmor(*arguments: object) -> None:
    command = [SCRIPTS / "zizmor", "--persona", "pedantic", "--offline", "--no-progress"]
    done = subprocess.run(
        [*command, *map(str, arguments)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_actions_and_workflows_are_clean_for_zizmor_at_its_most_pedantic(
    shown_workflows: list[Path],
) -> None:
    zizmor(*FILES.values(), *workflows(), *shown_workflows)


@pytest.mark.parametrize("kind", ["actions", "workflows"])
def test_actions_and_workflows_follow_githubs_schema(
    kind: str, shown_workflows: list[Path]
) -> None:
    files = [*workflows(), *shown_workflows] if kind == "workflows" else FILES.values()
    command = [SCRIPTS / "check-jsonschema", "--builtin-schema", f"vendor.github-{kind}", *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_workflows_use_is_pinned_by_digest(shown_workflows: list[Path]) -> None:
    for path in [*workflows(), *shown_workflows]:
        for name, comment in re.findall(r"uses: (\S+)(.*)", path.read_text()):
            ours = name.startswith("org/cdml-action") and name.endswith("@v1")
            assert ours or re.fullmatch(r"\S+@[0-9a-f]{40} # v\d\S*", name + comment)


def test_what_workflows_hand_to_our_actions_are_their_inputs(shown_workflows: list[Path]) -> None:
    used_at_all = set()
    for path in [*workflows(), *shown_workflows]:
        jobs = yaml.safe_load(path.read_text())["jobs"].values()
        for step in (step for job in jobs for step in job["steps"]):
            match = re.fullmatch(r"org/cdml-action(?:/actions/([\w-]+))?@v1", step.get("uses", ""))
            if match:
                inputs = action(match[1] or "root")["inputs"]
                required = {name for name, stated in inputs.items() if stated.get("required")}
                assert required <= set(step.get("with", {})) <= set(inputs), path
                used_at_all.add(match[1] or "root")
    assert {"root", "deploy", "rollback"} <= used_at_all


def test_no_job_of_a_ready_workflow_scores_and_may_write() -> None:
    scoring = {f"org/cdml-action{name}@v1" for name in ("", "/actions/evaluate-model")}
    judged = []
    for path in workflows():
        for job in yaml.safe_load(path.read_text())["jobs"].values():
            if scoring & {step.get("uses") for step in job["steps"]}:
                judged.append(path.name)
                assert "write" not in job["permissions"].values(), path
    assert {"cdml-gate.yml", "gate.yml"} <= set(judged)


def test_the_configurations_that_are_shown_can_be_loaded(tmp_path: Path) -> None:
    _, shown, *_ = readme_blocks()
    (tmp_path / "cdml.yaml").write_text(shown)
    registry = {"CI": "true", "MLFLOW_TRACKING_URI": "https://registry.test"}

    for path in (tmp_path / "cdml.yaml", ROOT / "examples" / "flights" / "cdml.yaml"):
        loaded = load(path, targets=target_types(), environment=registry)
        assert ("flight-delays", "https://registry.test") == (
            loaded.config.model,
            reveal(loaded.config.registry.uri),
        )


def test_no_package_is_pinned_twice() -> None:
    names = [
        re.split("[ =]", line)[0] + line.partition(";")[2].rstrip("\\ ")
        for lock in ("core", "ml", "dev")
        for line in (ROOT / f"requirements/{lock}.txt").read_text().splitlines()
        if "==" in line
    ]
    assert len(set(names)) == len(names)


def test_what_every_use_downloads_stays_small() -> None:
    archive = ["git", "archive", "--format=tar.gz", "HEAD"]
    done = subprocess.run(archive, cwd=ROOT, capture_output=True, check=True)
    assert len(done.stdout) <= 1_000_000
