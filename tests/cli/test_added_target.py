"""A deploy target of an installed package is one entry, and is then everywhere as ours are."""

import json
import subprocess
import sys

import jsonschema
import pytest
import yaml

from cdml.adapters.registries.folder import FolderRegistry
from cdml.cli import run
from cdml.config import load
from cdml.config.json_schema import json_schema
from cdml.config.targets import TARGETS, target_types
from cdml.errors import ConfigurationError
from cdml.wiring import Wiring
from fakes.progress import FakeProgress
from support import packages

CONFIG = """\
version: 1
model: flights
registry: {uri: "folder:registry"}
data: {evaluation: rows.parquet, key: [id], label: late, positive: true}
gates: [{metric: roc_auc, at_least: 0.8}]
"""


@pytest.fixture
def site(tmp_path):
    """A folder of installed packages, with the target of docs/extending.md."""
    packages.install(tmp_path / "site", *packages.example("A deploy target"))
    return tmp_path / "site"


@pytest.fixture
def installed(site, monkeypatch):
    monkeypatch.syspath_prepend(str(site))
    yield
    packages.forget(("shelf", "shelf_adapter"))


@pytest.fixture
def problems(tmp_path):
    """What is wrong with this section `deploy`."""

    def problems(deploy):
        path = tmp_path / "cdml.yaml"
        path.write_text(f"{CONFIG}deploy: {deploy}\n", encoding="utf-8")
        with pytest.raises(ConfigurationError) as caught:
            load(path, targets=target_types(), environment={})
        return caught.value.message

    return problems


@pytest.mark.usefixtures("installed")
class TestAnAddedTarget:
    def test_is_a_choice_of_the_command_line(self, capsys):
        assert 0 == run(["init", "--help"])

        assert "[registry|haproxy|kubernetes|kserve|shelf]" in capsys.readouterr().out

    def test_is_written_by_init_with_the_machine_it_needs(self, tmp_path, monkeypatch):
        folder = tmp_path / "project"
        folder.mkdir()
        monkeypatch.chdir(folder)

        assert 0 == run(["init", "--target", "shelf"])
        written = load(folder / "cdml.yaml", targets=target_types(), environment={})
        jobs = yaml.safe_load((folder / ".github/workflows/cdml-deploy.yml").read_text())["jobs"]
        assert "shelf" == written.config.deploy.target.type
        assert {"file": "served.txt"} == written.config.deploy.target.settings
        assert [["self-hosted", "shelf"]] * len(jobs) == [job["runs-on"] for job in jobs.values()]
        assert not (folder / ".github/workflows/cdml-resume.yml").exists()

    def test_has_its_settings_described_in_the_schema(self):
        target = json.loads(json_schema())["$defs"]["TargetSettings"]

        jsonschema.validate({"type": "shelf", "file": "served.txt"}, target)
        with pytest.raises(jsonschema.ValidationError, match="'file' is a required property"):
            jsonschema.validate({"type": "shelf"}, target)
        [described] = [
            one["then"]["properties"]
            for one in target["allOf"]
            if one["if"]["properties"]["type"]["const"] == "shelf"
        ]
        assert (
            "Where the name of the served version is written." == described["file"]["description"]
        )
        assert "- `shelf`: a file names the version." in target["properties"]["type"]["description"]

    def test_is_in_the_list_of_targets(self):
        assert "- `shelf`: a file names the version." in list(target_types().describe())

    def test_has_its_settings_checked_with_all_else(self, problems):
        told = problems("{target: {type: shelf, fiel: a}}")

        assert "deploy.target.file: is missing" in told
        assert "unknown setting of the target shelf 'fiel'; did you mean 'file'?" in told

    def test_that_cannot_split_traffic_has_no_canary(self, problems):
        told = problems("{target: {type: shelf, file: a}, canary: {steps: [100]}}")

        assert (
            "deploy.canary: the target shelf switches all traffic at once and cannot split it"
            in told
        )

    def test_that_serves_nothing_itself_is_asked_no_rows(self, tmp_path):
        path = tmp_path / "cdml.yaml"
        path.write_text(f"{CONFIG}deploy: {{target: {{type: shelf, file: a}}}}\n")

        assert 0 == load(path, targets=target_types(), environment={}).config.deploy.recorded_rows

    def test_is_deployed_to(self, tmp_path, monkeypatch):
        folder = tmp_path / "project"
        model = folder / "model"
        model.mkdir(parents=True)
        (model / "MLmodel").write_text("flavors: {}\n")
        (folder / "cdml.yaml").write_text(
            f"{CONFIG}deploy: {{target: {{type: shelf, file: served.txt}}}}\n"
        )
        FolderRegistry("folder:registry", folder).register("flights", model, tags={})
        subprocess.run(["git", "init", "--quiet", folder], check=True)
        monkeypatch.chdir(folder)
        for name in ("CI", "GITHUB_ACTIONS"):
            monkeypatch.delenv(name, raising=False)

        assert 4 == run(["deploy", "--model", "1"])
        assert not (folder / "served.txt").exists()
        known = ["--override", "no-evidence", "--reason", "measured elsewhere"]
        assert 0 == run(["deploy", "--model", "1", *known])
        assert "1" == (folder / "served.txt").read_text()

    def test_is_imported_only_when_it_is_made(self, tmp_path):
        path = tmp_path / "cdml.yaml"
        path.write_text(f"{CONFIG}deploy: {{target: {{type: shelf, file: a}}}}\n")

        wired = Wiring.read(path, FakeProgress())
        assert "shelf_adapter" not in sys.modules
        assert "FileTarget" == type(wired.target).__name__


@pytest.mark.parametrize(
    ("module", "told"),
    [
        ("", "the target 'shelf' cannot be imported: shelf has no 'TARGET'"),
        ("from cdml.config import Nothing", "the target 'shelf' cannot be imported: cannot import"),
        ("import no_such_package", "needs the package 'no_such_package', which is not installed"),
    ],
    ids=["no-entry", "no-name", "no-package"],
)
@pytest.mark.usefixtures("installed")
def test_a_package_that_is_broken_is_told_in_words(site, problems, module, told):
    (site / "shelf" / "__init__.py").write_text(module)

    assert told in problems("{target: {type: shelf, file: a}}")


def test_every_target_is_in_the_documentation(request):
    delivery = (request.config.rootpath / "docs/delivery.md").read_text(encoding="utf-8")

    assert [] == [line for line in target_types().describe() if line not in delivery.splitlines()]
    assert len(TARGETS) == len(list(target_types().describe()))
