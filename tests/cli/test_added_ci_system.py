"""A CI system and a code host of an installed package are entries, and then used as ours are."""

import json
import subprocess
import sys

import pytest

from cdml.adapters.ci import CI_SYSTEMS, CODE_HOSTS
from cdml.cli import run
from support.evidence_builders import BY
from support.scenarios import SCENARIOS, configured, written

SYSTEM = """\
import json, pathlib

from cdml.adapters.ci.terminal import TerminalRun

COMMIT = "{commit}"


class ShelfRun(TerminalRun):
    name = "shelf"
    code_host = "forge"

    def commit(self):
        return COMMIT

    def url(self):
        return "https://shelf.test/builds/5"

    def judged_in(self):
        return 5, 1

    def set_outputs(self, values):
        pathlib.Path("outputs.json").write_text(json.dumps(dict(values)))
"""
HOST = """\
import pathlib


class Forge:
    name = "forge"

    def __init__(self, *, environment, folder, run):
        self.run = run

    def thread(self):
        return 12

    def base_file(self, path):
        return None

    def unchanged(self, path):
        return None

    def warned(self, on, report_id, *, config=None):
        return frozenset()

    def comment(self, on, report_id, body, **more):
        pathlib.Path("comment.txt").write_text(body)
        return f"https://forge.test/{on}#{self.run.judged_in()[0]}"
"""
PLATFORM = """\
import pathlib


class Old:
    name = "old"

    def __init__(self, *, environment, folder):
        del environment, folder

    def commit(self):
        return "{commit}"

    def run_url(self):
        return "https://old.test/runs/3"

    def stopped(self):
        return None

    def pull_request(self):
        return None

    def is_another_run(self, url):
        return False

    def outputs(self, values):
        pathlib.Path("outputs.json").write_text("{{}}")

    def summary(self, markdown):
        pathlib.Path("summary.md").write_text(markdown)

    def annotate(self, annotations):
        pass

    def thread(self):
        return 12

    def base_file(self, path):
        return None

    def unchanged(self, path):
        return None

    def warned(self, on, report_id, *, config=None):
        return frozenset()

    def comment(self, on, report_id, body, **more):
        pathlib.Path("comment.txt").write_text(body)
        return "https://old.test/comment"
"""
ENTRIES = """\
[cdml.ci_runs]
shelf = shelf_ci:ShelfRun
[cdml.code_hosts]
forge = forge_host:Forge
[cdml.platforms]
old = old_platform:Old
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A checkout with evidence that passed, and a package that brings CI systems."""
    site, folder = tmp_path / "site", tmp_path / "project"
    about = site / "shelf_ci-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: shelf-ci\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(ENTRIES)
    (site / "shelf_ci.py").write_text(SYSTEM.format(commit=BY.commit))
    (site / "forge_host.py").write_text(HOST)
    (site / "old_platform.py").write_text(PLATFORM.format(commit=BY.commit))
    folder.mkdir()
    configured(folder)
    written(folder / ".cdml", *SCENARIOS["pass"]())
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.chdir(folder)
    for name in ("CI", "GITHUB_ACTIONS", "CDML_CI", "CDML_CODE_HOST", "CDML_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    yield folder
    for name in ("shelf_ci", "forge_host", "old_platform"):
        sys.modules.pop(name, None)


def test_an_added_system_and_its_code_host_are_used_by_the_command_line(project, monkeypatch):
    monkeypatch.setenv("CDML_CI", "shelf")

    assert 0 == run(["report"])
    assert "https://forge.test/12#5" == outputs(project)["comment-url"]
    assert "Passed" in (project / "comment.txt").read_text()


def test_an_added_code_host_goes_with_another_system(project, monkeypatch):
    monkeypatch.setenv("CDML_CODE_HOST", "forge")

    assert 0 == run(["report"])
    assert "Passed" in (project / "comment.txt").read_text()


def test_a_system_may_have_no_code_host(project, monkeypatch):
    monkeypatch.setenv("CDML_CI", "shelf")
    monkeypatch.setenv("CDML_CODE_HOST", "none")

    assert 0 == run(["report"])
    assert "" == outputs(project)["comment-url"]
    assert not (project / "comment.txt").exists()


@pytest.mark.parametrize("variable", ["CDML_CI", "CDML_CODE_HOST"])
def test_one_that_is_unknown_is_told_with_those_there_are(project, monkeypatch, capsys, variable):
    monkeypatch.setenv(variable, "shelff")

    assert 2 == run(["report"])
    known = {"CDML_CI": "shelf", "CDML_CODE_HOST": "forge, github"}[variable]
    assert known in capsys.readouterr().err
    assert not (project / "comment.txt").exists()


def test_a_platform_of_before_is_both_for_a_release_and_says_so(project, monkeypatch):
    monkeypatch.setenv("CDML_PLATFORM", "old")

    with pytest.warns(FutureWarning, match="CDML_PLATFORM and the entry points cdml.platforms"):
        assert 0 == run(["report"])
    assert "Passed" in (project / "comment.txt").read_text()
    assert "Passed" in (project / "summary.md").read_text()
    assert (project / "outputs.json").exists()


def test_each_entry_of_ours_has_its_module():
    places = [*CODE_HOSTS.values(), *(system.run for system in CI_SYSTEMS.values())]

    assert len(places) == len(set(places))


def outputs(project):
    return json.loads((project / "outputs.json").read_text())
