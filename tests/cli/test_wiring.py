"""Which name stands for which adapter, and which of those that installed packages bring."""

import subprocess
import sys

import pytest

from cdml.adapters.ci import CODE_HOSTS
from cdml.adapters.ci.github.actions_run import GitHubActionsRun
from cdml.adapters.ci.github.host import GitHubHost
from cdml.adapters.ci.terminal import TerminalRun
from cdml.adapters.registries.folder import FolderRegistry
from cdml.adapters.targets.registry import RegistryTarget
from cdml.common.adapter_table import AdapterTable, find_adapter
from cdml.config import load
from cdml.config.registries import REGISTRIES
from cdml.config.targets import TARGETS
from cdml.config.traffic import TRAFFIC
from cdml.errors import ConfigurationError
from cdml.tables.declared_types import UNDECLARED
from cdml.wiring import CI_RUNS, TABLES, TablesByScheme, Wiring
from fakes.progress import FakeProgress

CONFIG = """\
version: 1
model: flights
registry: {uri: "folder:registry"}
data: {evaluation: rows.parquet, key: [id], label: late}
deploy: {environment: production, target: {type: registry}}
"""
GROUPS = {
    "targets": {name: kind.adapter for name, kind in TARGETS.items()},
    "traffic": {name: kind.adapter for name, kind in TRAFFIC.items()},
    "registries": {name: kind.adapter for name, kind in REGISTRIES.items()},
    "ci_runs": CI_RUNS,
    "code_hosts": CODE_HOSTS,
    "tables": TABLES,
}
HEAVY = ("mlflow", "duckdb", "pandas", "sklearn", "numpy", "scipy", "pyarrow", "github")


@pytest.fixture
def read(tmp_path):
    """Wire this configuration, in this environment."""

    def wired(*change, delivery=None, **environment):
        path = tmp_path / "cdml.yaml"
        path.write_text(CONFIG.replace(*change) if change else CONFIG)
        found = Wiring.read(path, FakeProgress(), delivery=delivery)
        return Wiring(found.loaded, found.progress, found.delivery, environment)

    return wired


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install a package that brings adapters: names of ours, and one of its own, by group."""
    about = tmp_path / "site" / "more-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: more\nVersion: 1.0\n")
    lines = []
    for group, own in GROUPS.items():
        names = "\n".join(f"{name} = more_adapters:Theirs" for name in [*own, "theirs"])
        lines.append(f"[cdml.{group}]\n{names}\n")
    (about / "entry_points.txt").write_text("".join(lines))
    (about.parent / "more_adapters.py").write_text(
        "class Theirs:\n    def __init__(self, **given):\n        self.given = given\n"
        "    def open(self, *given):\n        return given\n"
    )
    monkeypatch.syspath_prepend(str(about.parent))
    yield
    sys.modules.pop("more_adapters", None)


class TestUnknownNames:
    def test_of_a_registry_is_told_with_the_nearest_and_the_known_ones(self, read):
        with pytest.raises(ConfigurationError) as caught:
            read("folder:registry", "foldr:registry")

        assert (
            "line 3: registry.uri: unknown registry 'foldr'; did you mean 'folder'?"
            " Known: folder, http, https, sqlite."
        ) in caught.value.message

    def test_of_a_target_is_told_with_the_nearest_and_the_known_ones(self, read):
        with pytest.raises(ConfigurationError) as caught:
            read("type: registry", "type: registri")

        expected = (
            "unknown target 'registri'; did you mean 'registry'?"
            " Known: haproxy, kserve, kubernetes, registry."
        )
        assert expected in caught.value.message

    @pytest.mark.usefixtures("installed")
    def test_are_told_with_those_of_installed_packages(self, read):
        known = "Known: haproxy, kserve, kubernetes, registry, theirs"
        with pytest.raises(ConfigurationError, match=known):
            read("type: registry", "type: cloud")

    def test_are_never_taken_for_the_default_one(self, read):
        path = read().loaded.path
        path.write_text(CONFIG.replace("type: registry", "type: theirs"))
        loaded = load(path, targets=["theirs"], environment={})

        with pytest.raises(ConfigurationError, match="unknown target 'theirs'"):
            _ = Wiring(loaded, FakeProgress(), environment={}).target

    def test_of_packages_that_are_not_installed_name_the_package(self):
        with pytest.raises(ConfigurationError, match="'no_such_package', which is not installed"):
            find_adapter("target", "far", {"far": "no_such_package:Target"})


@pytest.mark.usefixtures("installed")
class TestInstalledPackages:
    def test_bring_targets(self, read):
        made = read("type: registry", "type: theirs, steps: [5, 50]", delivery="staging").target

        assert "Theirs" == type(made).__name__
        assert {"loaded", "registry", "environment"} == made.given.keys()
        assert "staging" == made.given["environment"]

    def test_bring_registries(self, read, tmp_path):
        made = read("folder:registry", "theirs:anywhere").registry

        assert {"uri": "theirs:anywhere", "folder": tmp_path} == made.given

    def test_bring_engines_of_tables(self):
        opened = TablesByScheme().open("theirs://shelf/rows")

        assert ("theirs://shelf/rows", UNDECLARED) == opened

    @pytest.mark.parametrize("group", GROUPS)
    def test_are_asked_by_group_and_never_replace_our_own(self, group):
        found = AdapterTable(f"cdml.{group}", GROUPS[group])

        assert {**GROUPS[group], "theirs": "more_adapters:Theirs"} == dict(found)

    def test_leave_a_run_without_them_as_it_was(self, read):
        here, runner = read(), read(GITHUB_ACTIONS="true")

        assert [FolderRegistry, RegistryTarget, TerminalRun, GitHubActionsRun] == [
            type(made) for made in (here.registry, here.target, here.ci_run, runner.ci_run)
        ]


class TestCiSystem:
    @pytest.mark.parametrize(
        ("environment", "expected"),
        [
            ({"GITHUB_ACTIONS": "true"}, GitHubActionsRun),
            ({"GITHUB_ACTIONS": "false"}, TerminalRun),
            ({"GITHUB_ACTIONS": ""}, TerminalRun),
            ({"CI": "true", "GITHUB_TOKEN": "made-up"}, TerminalRun),
            ({}, TerminalRun),
            ({"CDML_CI": "terminal", "GITHUB_ACTIONS": "true"}, TerminalRun),
            ({"CDML_CI": "github"}, GitHubActionsRun),
        ],
    )
    def test_is_github_only_where_its_runner_says_so(self, read, environment, expected):
        wired = read(**environment)

        assert expected is type(wired.ci_run)
        assert (None if expected is TerminalRun else wired.ci_run) is getattr(
            wired.code_host, "run", None
        )

    def test_and_code_host_are_chosen_apart(self, read):
        with_host = read(CDML_CODE_HOST="github")
        without = read(GITHUB_ACTIONS="true", CDML_CODE_HOST="none")

        assert (TerminalRun, GitHubHost) == (type(with_host.ci_run), type(with_host.code_host))
        assert (GitHubActionsRun, None) == (type(without.ci_run), without.code_host)

    @pytest.mark.parametrize(
        ("name", "expected"), [("terminal", TerminalRun), ("github", GitHubActionsRun)]
    )
    def test_is_named_as_before_for_a_release(self, read, name, expected):
        with pytest.warns(FutureWarning, match="use CDML_CI"):
            assert expected is type(read(CDML_PLATFORM=name, GITHUB_ACTIONS="true").ci_run)


@pytest.mark.parametrize("name", ["", "x" * 101])
def test_an_environment_that_no_branch_can_be_named_for_is_a_configuration_error(read, name):
    with pytest.raises(ConfigurationError, match="1 to 100"):
        read(delivery=name)


def test_a_ci_system_or_code_host_that_is_named_and_unknown_is_not_another_one(read):
    with pytest.raises(ConfigurationError, match="unknown CI system 'gitlub'"):
        _ = read(CDML_CI="gitlub").ci_run
    with pytest.raises(ConfigurationError, match="unknown code host 'gitlub'"):
        _ = read(CDML_CODE_HOST="gitlub").code_host


def test_each_adapter_is_made_once_and_an_environment_has_its_own(read):
    here, there = read(), read(delivery="staging")

    assert (here.registry, here.journal) == (here.registry, here.journal)
    assert "cdml/production/flights" == here.journal.journal._branch
    assert "cdml/staging/flights" == there.journal.journal._branch


def test_what_is_wired_is_not_shown_with_the_environment(read):
    assert "made-up" not in repr(read(GITHUB_TOKEN="made-up"))


@pytest.mark.parametrize("uri", ["folder:r", "sqlite:///r.db", "http://registry.test"])
def test_wiring_a_configuration_imports_nothing_heavy(read, uri):
    path = read("folder:registry", uri).loaded.path
    program = (
        "import sys, pathlib\n"
        "from cdml.wiring import Wiring\n"
        f"wired = Wiring.read(pathlib.Path({str(path)!r}), None)\n"
        "wired.clock, wired.ci_run, wired.code_host, wired.journal\n"
        f"print(sorted(set({HEAVY!r}) & sys.modules.keys()))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert "[]" == ran.stdout.strip()


FEATURES = "label: late}\nfeatures: {repository: feature_repo, service: delays}"


def test_a_feature_repository_of_strangers_is_not_imported(read):
    stranger = {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "pull_request"}

    with pytest.raises(ConfigurationError, match="is not imported for"):
        _ = read("label: late}", FEATURES, **stranger).feature_store

    assert read("label: late}", FEATURES, **stranger, CDML_ISOLATION="preferred").feature_store
    assert read("label: late}", FEATURES).feature_store


def test_without_features_there_is_no_feature_store(read):
    with pytest.raises(ConfigurationError, match="features is missing"):
        _ = read().feature_store


def test_a_command_that_holds_keys_runs_no_model_without_isolation(read, monkeypatch):
    from cdml.adapters.scoring import sandbox_choice

    monkeypatch.setattr(sandbox_choice, "can_build", lambda _: False)
    found = read()
    wiring = Wiring(found.loaded, found.progress, isolated="a command that may roll back")

    with pytest.raises(ConfigurationError, match="for a command that may roll back"):
        _ = wiring.scorer._walls
