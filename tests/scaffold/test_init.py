"""`cdml init`: what it writes works as it stands."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cdml.cli import cli, run
from cdml.common.addresses import reveal
from cdml.config import load
from cdml.config.targets import TARGETS
from cdml.errors import ConfigurationError, InputError
from cdml.scaffold.init import init

ROOT = Path(__file__).parents[2]
GATE, DELIVERY, FORKS, RESUME = WORKFLOWS = tuple(
    f".github/workflows/cdml-{name}.yml" for name in ("gate", "deploy", "fork-report", "resume")
)
FILES = ("cdml.yaml", GATE, DELIVERY, FORKS)
BIN = Path(sys.executable).parent


@pytest.fixture
def repository(tmp_path):
    init(tmp_path)
    return tmp_path


@pytest.fixture
def splitting(tmp_path):
    """A repository whose champion serves behind HAProxy."""
    init(tmp_path, target="haproxy")
    return tmp_path


@pytest.fixture(params=WORKFLOWS)
def workflow(request, splitting):
    return splitting / request.param


def jobs(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]


def our_steps(path):
    return [
        step
        for job in jobs(path).values()
        for step in job["steps"]
        if step.get("uses", "").startswith("org/cdml-action")
    ]


def test_it_tells_every_file_it_wrote(tmp_path):
    files = (*FILES, ".gitignore")

    assert tuple(tmp_path / place for place in files) == init(tmp_path)
    assert set(files) == {
        path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()
    }


def test_the_configuration_has_no_problem(repository):
    loaded = load(repository / "cdml.yaml", targets={"registry"}, environment={})

    assert "my-model" == loaded.config.model


def test_the_configuration_takes_the_registry_from_the_secret(repository):
    loaded = load(
        repository / "cdml.yaml",
        targets={"registry"},
        environment={"CI": "true", "MLFLOW_TRACKING_URI": "https://mlflow.example"},
    )

    assert "https://mlflow.example" == reveal(loaded.config.registry.uri)
    assert "${MLFLOW_TRACKING_URI}" == str(loaded.config.registry.uri)


def test_an_unset_secret_is_told_in_ci(repository):
    with pytest.raises(ConfigurationError, match=r"registry\.uri"):
        load(repository / "cdml.yaml", targets={"registry"}, environment={"CI": "true"})


def test_the_configuration_names_the_schema_for_editors(repository):
    first = (repository / "cdml.yaml").read_text(encoding="utf-8").splitlines()[0]

    assert re.fullmatch(r"# yaml-language-server: \$schema=https://\S+/cdml\.schema\.json", first)
    assert (ROOT / "cdml.schema.json").is_file()


def test_files_that_are_there_are_not_touched(tmp_path):
    (tmp_path / "cdml.yaml").write_text("mine", encoding="utf-8")

    with pytest.raises(ConfigurationError, match=r"cdml\.yaml exists already"):
        init(tmp_path)

    assert ["cdml.yaml"] == [path.name for path in tmp_path.iterdir()]
    assert "mine" == (tmp_path / "cdml.yaml").read_text(encoding="utf-8")


def test_every_file_that_is_there_is_named(repository):
    with pytest.raises(ConfigurationError) as told:
        init(repository)

    assert [] == [place for place in FILES if place not in told.value.message]


def test_force_overwrites(repository):
    (repository / "cdml.yaml").write_text("mine", encoding="utf-8")

    init(repository, force=True)

    assert "mine" != (repository / "cdml.yaml").read_text(encoding="utf-8")


def test_a_folder_that_cannot_be_written_is_an_input_error(tmp_path):
    (tmp_path / ".github").write_text("a file where a folder should be", encoding="utf-8")

    with pytest.raises(InputError):
        init(tmp_path)


def test_every_input_a_workflow_gives_is_one_of_the_action(workflow):
    for step in our_steps(workflow):
        action = step["uses"].removeprefix("org/cdml-action").partition("@")[0].strip("/")
        described = yaml.safe_load((ROOT / action / "action.yml").read_text(encoding="utf-8"))

        assert set() == set(step.get("with", {})) - set(described["inputs"])


def test_a_workflow_has_no_permission_and_each_job_explains_what_it_takes(workflow):
    text = workflow.read_text(encoding="utf-8")

    assert {} == yaml.safe_load(text)["permissions"]
    for job in jobs(workflow).values():
        for scope, access in job["permissions"].items():
            assert re.search(rf"^ +{scope}: {access} # \w+", text, re.MULTILINE)


def test_the_jobs_that_deploy_file_no_second_deployment(repository):
    found = jobs(repository / DELIVERY)

    expected = {"name": "production", "deployment": False}
    assert [expected, expected] == [job["environment"] for job in found.values()]


def groups(path):
    """The concurrency of a workflow's jobs, each under its own group's name."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    found = [document.get("concurrency"), *(job.get("concurrency") for job in jobs(path).values())]
    return {one["group"]: one for one in found if one}


def test_a_deploy_a_rollback_and_a_look_wait_for_their_own_kind_alone(splitting):
    delivery, look = groups(splitting / DELIVERY), groups(splitting / RESUME)

    assert {"cdml-production", "cdml-production-rollback"} == set(delivery)
    assert {"cdml-production-canary"} == set(look)
    for group in (*delivery.values(), *look.values()):
        assert group["cancel-in-progress"] is False


def test_of_the_pushes_and_clicks_that_wait_none_is_dropped(splitting):
    for group in groups(splitting / DELIVERY).values():
        assert "max" == group["queue"]


def test_only_a_canary_has_to_be_gone_on_with(tmp_path):
    for target in TARGETS:
        folder = tmp_path / target
        folder.mkdir()
        written = init(folder, target=target)
        loaded = load(folder / "cdml.yaml", targets=TARGETS, environment={})
        canary = loaded.config.deploy.canary

        assert target == loaded.config.deploy.target.type
        assert (canary is not None and bool(canary.park)) is (folder / RESUME in written)


def test_a_canary_that_is_configured_later_gets_its_workflow_and_nothing_else(
    splitting, monkeypatch, capsys
):
    written = (splitting / RESUME).read_bytes()
    (splitting / RESUME).unlink()
    (splitting / "cdml.yaml").write_text((splitting / "cdml.yaml").read_text() + "# mine\n")
    monkeypatch.chdir(splitting)

    assert 0 == run(["init"])
    assert f"wrote {splitting / RESUME}" == capsys.readouterr().out.strip()
    assert written == (splitting / RESUME).read_bytes()
    assert (splitting / "cdml.yaml").read_text().endswith("# mine\n")
    assert 2 == run(["init"])


def test_the_workflow_of_a_canary_names_its_environment(splitting, monkeypatch):
    (splitting / RESUME).unlink()
    config = splitting / "cdml.yaml"
    config.write_text(config.read_text().replace("environment: production", "environment: eu-1"))
    monkeypatch.chdir(splitting)

    assert 0 == run(["init"])
    written = yaml.safe_load((splitting / RESUME).read_text(encoding="utf-8"))
    assert "eu-1" == written["jobs"]["resume"]["environment"]["name"]
    assert "cdml-eu-1-canary" == written["concurrency"]["group"]


@pytest.mark.parametrize("broken", ["", "version: 1\n", "park: ["])
def test_beside_any_other_configuration_nothing_is_written(tmp_path, monkeypatch, broken):
    (tmp_path / "cdml.yaml").write_text(broken, encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    assert 2 == run(["init"])
    assert ["cdml.yaml"] == [path.name for path in tmp_path.iterdir()]


def test_a_canary_waits_longer_than_from_one_look_to_the_next(splitting):
    canary = load(splitting / "cdml.yaml", targets=TARGETS, environment={}).config.deploy.canary
    schedule = yaml.safe_load((splitting / RESUME).read_text(encoding="utf-8"))[True]["schedule"]
    [minutes] = re.findall(r"^\*/(\d+) \* \* \* \*$", schedule[0]["cron"])

    assert canary.park > 2 * 60 * int(minutes)
    assert canary.timeout > len(canary.steps) * 60 * int(minutes)


def test_the_scheduled_look_resumes_and_nothing_else(splitting):
    [step] = our_steps(splitting / RESUME)

    assert {"config": "cdml.yaml", "resume": "true"} == step["with"]
    assert "org/cdml-action/actions/deploy@v1" == step["uses"]


def test_what_touches_the_users_machine_runs_on_it(splitting):
    for place in (DELIVERY, RESUME):
        for job in jobs(splitting / place).values():
            assert ["self-hosted", "models"] == job["runs-on"]


def test_the_command_offers_the_targets_that_there_are():
    [target] = [option for option in cli.commands["init"].params if option.name == "target"]

    assert tuple(TARGETS) == target.type.choice.choices


def test_nobody_keeps_the_token_and_no_shell_sees_an_expression(workflow):
    steps = [step for job in jobs(workflow).values() for step in job["steps"]]

    assert [] == [step for step in steps if "${{" in step.get("run", "")]
    checkouts = [step for step in steps if "actions/checkout" in step.get("uses", "")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_the_workflows_follow_the_schema_of_github(splitting):
    told = subprocess.run(
        [
            str(BIN / "check-jsonschema"),
            "--builtin-schema",
            "vendor.github-workflows",
            *(str(splitting / place) for place in WORKFLOWS),
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (0, "ok -- validation done") == (told.returncode, told.stdout.strip())


@pytest.mark.parametrize("train", [False, True])
def test_the_workflows_are_clean_under_the_strictest_audit(splitting, train):
    init(splitting, target="haproxy", train=train, force=True)
    zizmor = shutil.which("zizmor", path=str(BIN)) or "zizmor"
    told = subprocess.run(
        [zizmor, "--persona", "pedantic", "--offline", "--no-progress", str(splitting)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == told.returncode, told.stdout


class TestTraining:
    @pytest.fixture
    def jobs_of_gate(self, tmp_path):
        init(tmp_path, train=True)
        return jobs(tmp_path / GATE)

    def test_the_configuration_has_no_problem(self, tmp_path):
        init(tmp_path, train=True)
        loaded = load(tmp_path / "cdml.yaml", targets={"registry"}, environment={})

        assert ("python", "train.py") == loaded.config.training.command

    def test_the_job_that_trains_may_only_read(self, jobs_of_gate):
        assert {"contents": "read"} == jobs_of_gate["train"]["permissions"]

    def test_the_gate_is_red_and_not_skipped_where_training_failed(self, jobs_of_gate):
        gate = jobs_of_gate["gate"]
        [download] = [step for step in gate["steps"] if "download-artifact" in step["uses"]]

        assert ("train", "${{ !cancelled() }}") == (gate["needs"], gate["if"])
        assert "continue-on-error" not in download
        assert "${{ needs.train.outputs.trained != 'false' }}" == download["if"]

    def test_in_a_folder_of_a_monorepo_the_model_goes_from_job_to_job(self, tmp_path):
        (tmp_path / ".git").mkdir()
        (tmp_path / "models/churn").mkdir(parents=True)
        init(tmp_path / "models/churn", train=True)
        workflow = jobs(tmp_path / ".github/workflows/cdml-gate-models-churn.yml")

        [upload] = [step for step in workflow["train"]["steps"] if "upload" in step["uses"]]
        [download] = [step for step in workflow["gate"]["steps"] if "download" in step["uses"]]
        assert ["models/churn/model", "models/churn/.cdml/lineage.json"] == (
            upload["with"]["path"].split()
        )
        assert "models/churn" == download["with"]["path"]


@pytest.mark.parametrize("more", [{}, {"train": True, "monitor": True}])
@pytest.mark.parametrize("target", TARGETS)
def test_one_empty_line_stands_before_each_section(tmp_path, target, more):
    init(tmp_path, target=target, **more)
    text = (tmp_path / "cdml.yaml").read_text()

    assert "\n\n\n" not in text
    assert not re.search(r"[^\n]\n(?:training|deploy|monitoring):", text)
