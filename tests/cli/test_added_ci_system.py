"""A CI system and a code host of an installed package are entries, and then used as ours are."""

import subprocess

import pytest

from cdml.adapters.ci import CI_SYSTEMS, CODE_HOSTS
from cdml.cli import run
from support import packages
from support.evidence_builders import BY
from support.scenarios import SCENARIOS, configured, written

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


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A checkout with evidence that passed, and the packages of docs/extending.md."""
    site, folder = tmp_path / "site", tmp_path / "project"
    groups, files = {"cdml.platforms": {"old": "old_platform:Old"}}, {}
    for heading in ("A CI system", "A code host"):
        points, written_files = packages.example(heading)
        groups |= points
        files |= written_files
    files["old_platform.py"] = PLATFORM.format(commit=BY.commit)
    packages.install(site, groups, files)
    folder.mkdir()
    configured(folder)
    written(folder / ".cdml", *SCENARIOS["pass"]())
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.chdir(folder)
    for name in ("CI", "GITHUB_ACTIONS", "CDML_CI", "CDML_CODE_HOST", "CDML_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SHELF_COMMIT", BY.commit)
    monkeypatch.setenv("SHELF_BUILD", "5")
    monkeypatch.setenv("SHELF_OUTPUTS", str(folder / "outputs.txt"))
    yield folder
    packages.forget(files)


def test_an_added_system_and_its_code_host_are_used_by_the_command_line(project, monkeypatch):
    monkeypatch.setenv("CDML_CI", "shelf")

    assert 0 == run(["report"])
    assert "comment-url=https://forge.example/12#5\n" in (project / "outputs.txt").read_text()
    assert "Passed" in (project / "comment.txt").read_text()


def test_an_added_code_host_goes_with_another_system(project, monkeypatch):
    monkeypatch.setenv("CDML_CODE_HOST", "forge")

    assert 0 == run(["report"])
    assert "Passed" in (project / "comment.txt").read_text()


def test_a_system_may_have_no_code_host(project, monkeypatch):
    monkeypatch.setenv("CDML_CI", "shelf")
    monkeypatch.setenv("CDML_CODE_HOST", "none")

    assert 0 == run(["report"])
    assert "comment-url=\n" in (project / "outputs.txt").read_text()
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
