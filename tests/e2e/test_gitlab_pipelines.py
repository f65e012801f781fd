"""cdml's components in pipelines of GitLab CI, run by gitlab-ci-local with real shells."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from fakes.gitlab_server import GitLabServer
from support.gitlab_pipelines import Runner, call_origin, commit_all, git, install_runner
from support.result_files import write_lines

GATE = """
stages: [test]
include:
  - component: $CI_SERVER_FQDN/octo/cdml/gate@main
    inputs: {{predictions: new.jsonl, champion: old.jsonl, source: "{source}", revision: {revision},
             held: {held}}}
"""
CONFIG = """\
version: 1
model: bot
data: {evaluation: new.jsonl, key: [id]}
gates:
  - {metric: rate(passed), max_regression: 0.05}
"""


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    return install_runner(tmp_path_factory.mktemp("gitlab-ci-local"))


@dataclass
class Project:
    """A merge request of somebody's project, and the GitLab it is on."""

    server: GitLabServer
    folder: Path
    runner: Runner

    def judge(self, passed, *, first=0, number=100, **variables):
        """Run the pipeline of a merge request whose version passes these of the 300 cases."""
        lines = [
            {"id": f"q{case}", "passed": first <= case < first + passed} for case in range(300)
        ]
        write_lines(self.folder / "new.jsonl", lines)
        commit_all(self.folder)
        return self.run(number, **variables)

    def run(self, number, **variables):
        given = {
            **self.server.environment,
            "CI_PIPELINE_ID": str(number),
            "CI_PIPELINE_SOURCE": "merge_request_event",
            "CI_MERGE_REQUEST_IID": "7",
            "CI_MERGE_REQUEST_PROJECT_ID": "42",
            "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "42",
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
            "CDML_GITLAB_TOKEN": self.server.token,
            "CDML_PYTHON": sys.executable,
            **variables,
        }
        return self.runner.run(self.folder, given)

    def note(self):
        (note,) = self.server.notes(7)
        return note.body


@pytest.fixture
def project(tmp_path, runner):
    folder = tmp_path / "project"
    folder.mkdir()
    settings = {"source": runner.source, "revision": runner.revision, "held": "fail"}
    (folder / ".gitlab-ci.yml").write_text(GATE.format(**settings))
    (folder / "cdml.yaml").write_text(CONFIG)
    write_lines(
        folder / "old.jsonl", [{"id": f"q{case}", "passed": case < 240} for case in range(300)]
    )
    commit_all(folder)
    call_origin(folder)
    with GitLabServer() as server:
        server.add_request(7, git(folder, "rev-parse", "HEAD"))
        yield Project(server, folder, runner)


@pytest.mark.long
@pytest.mark.xdist_group("gitlab")
class TestGate:
    def test_passes_fails_and_keeps_one_note(self, project):
        passed = project.judge(290)
        assert "PASS  cdml-gate" in passed.stdout, passed.stdout + passed.stderr
        assert "Passed" in project.note()

        failed = project.judge(150, number=101)

        assert "FAIL  cdml-gate" in failed.stdout, failed.stdout + failed.stderr
        assert "Passed" not in project.note()
        assert "Rejected" in project.note()

    def test_may_let_a_held_verdict_through_with_a_warning(self, project):
        ci = project.folder / ".gitlab-ci.yml"
        held = project.judge(240, first=60)
        assert "FAIL  cdml-gate" in held.stdout, held.stdout + held.stderr
        assert "inconclusive" in held.stdout

        ci.write_text(ci.read_text().replace("held: fail", "held: warn"))
        tolerated = project.judge(240, first=60, number=101)

        assert "WARN  cdml-gate" in tolerated.stdout, tolerated.stdout + tolerated.stderr

    def test_no_name_of_a_branch_or_title_reaches_a_shell_or_the_note(self, project):
        name = "x$(touch pwned)`touch pwned`;touch pwned '\";touch pwned #"
        hostile = {
            "CI_MERGE_REQUEST_TITLE": name,
            "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": name,
            "CI_COMMIT_REF_NAME": name,
        }

        done = project.judge(290, **hostile)

        assert "PASS  cdml-gate" in done.stdout, done.stdout + done.stderr
        assert not list(project.folder.parent.rglob("pwned"))
        assert name not in project.note()

    def test_says_at_once_that_a_jobs_own_token_writes_no_notes(self, project):
        done = project.judge(290, CDML_GITLAB_TOKEN="", CI_JOB_TOKEN="x")

        assert "PASS  cdml-gate" in done.stdout
        assert "own token cannot write notes" in done.stdout + done.stderr
        assert [] == project.server.notes(7)

    def test_refuses_another_commit_of_cdml_than_the_named_one(self, project):
        ci = project.folder / ".gitlab-ci.yml"
        ci.write_text(re.sub("revision: [0-9a-f]+", "revision: main", ci.read_text()))

        done = project.judge(290)

        assert "FAIL  cdml-gate" in done.stdout
        assert "revision must be a full commit" in done.stdout + done.stderr
