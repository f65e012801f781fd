"""`cdml init`: what it writes works as it stands."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cdml.config import load
from cdml.errors import ConfigurationError, InputError
from cdml.flows.init import FILES, init

ROOT = Path(__file__).parents[2]
WORKFLOWS = tuple(place for place in FILES.values() if place.endswith(".yml"))
BIN = Path(sys.executable).parent


@pytest.fixture
def repository(tmp_path):
    init(tmp_path)
    return tmp_path


@pytest.fixture(params=WORKFLOWS)
def workflow(request, repository):
    return repository / request.param


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
    assert tuple(tmp_path / place for place in FILES.values()) == init(tmp_path)


def test_the_configuration_has_no_problem(repository):
    loaded = load(repository / "cdml.yaml", targets={"registry"}, environment={})

    assert "my-model" == loaded.config.model


def test_the_configuration_takes_the_registry_from_the_secret(repository):
    loaded = load(
        repository / "cdml.yaml",
        targets={"registry"},
        environment={"CI": "true", "MLFLOW_TRACKING_URI": "https://mlflow.example"},
    )

    assert "https://mlflow.example" == loaded.config.registry.uri


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

    assert [] == [place for place in FILES.values() if place not in told.value.message]


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
    found = jobs(repository / ".github/workflows/cdml-deploy.yml")

    expected = {"name": "production", "deployment": False}
    assert [expected, expected] == [job["environment"] for job in found.values()]


def test_a_delivery_that_has_begun_is_never_cancelled(repository):
    path = repository / ".github/workflows/cdml-deploy.yml"
    found = yaml.safe_load(path.read_text(encoding="utf-8"))

    assert found["concurrency"]["cancel-in-progress"] is False


def test_nobody_keeps_the_token_and_no_shell_sees_an_expression(workflow):
    steps = [step for job in jobs(workflow).values() for step in job["steps"]]

    assert [] == [step for step in steps if "${{" in step.get("run", "")]
    checkouts = [step for step in steps if "actions/checkout" in step.get("uses", "")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_the_workflows_follow_the_schema_of_github(repository):
    told = subprocess.run(
        [
            str(BIN / "check-jsonschema"),
            "--builtin-schema",
            "vendor.github-workflows",
            *(str(repository / place) for place in WORKFLOWS),
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (0, "ok -- validation done") == (told.returncode, told.stdout.strip())


def test_the_workflows_are_clean_under_the_strictest_audit(repository):
    zizmor = shutil.which("zizmor", path=str(BIN)) or "zizmor"
    told = subprocess.run(
        [zizmor, "--persona", "pedantic", "--offline", "--no-progress", str(repository)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == told.returncode, told.stdout
