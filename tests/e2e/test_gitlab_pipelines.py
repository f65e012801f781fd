"""cdml's components in pipelines of GitLab CI, run by gitlab-ci-local with real shells."""

import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from cdml.adapters.registries.folder import FolderRegistry
from fakes.gitlab_server import GitLabServer
from support.certificates import certificate
from support.gitlab_pipelines import Runner, call_origin, commit_all, git
from support.models import classifier, rows
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

MODEL = """\
version: 1
model: flights
registry: {{uri: "folder:{registry}"}}
data: {{evaluation: rows.parquet, key: [id], label: late, positive: true}}
gates: [{{metric: roc_auc, at_least: 0.6}}]
scoring: {{environment: current, timeout: 2m}}
deploy: {{journal: {{remote: journal}}}}
"""
ALL = """
stages: [test, deploy]
include:
  - component: $CI_SERVER_FQDN/octo/cdml/gate@main
    inputs: {{model: model, register: flights, isolation: preferred,
             source: $CI_SERVER_URL/octo/cdml.git, revision: {revision}}}
  - component: $CI_SERVER_FQDN/octo/cdml/deploy@main
    inputs: {{source: $CI_SERVER_URL/octo/cdml.git, revision: {revision}}}
  - component: $CI_SERVER_FQDN/octo/cdml/rollback@main
    inputs: {{source: $CI_SERVER_URL/octo/cdml.git, revision: {revision}}}
"""


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

    def run(self, number, *jobs, **variables):
        self.server.pipelines[number] = "running"
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
        return self.runner.run(self.folder, given, *jobs)

    def left(self, job, name):
        """What a job left as an artifact."""
        return self.folder / ".gitlab-ci-local" / "artifacts" / job / name

    def statuses(self):
        """Of the checked-out commit."""
        sha = git(self.folder, "rev-parse", "HEAD")
        return [one["status"] for one in self.server.statuses[sha]]

    def note(self):
        (note,) = self.server.notes(7)
        return note.body


@pytest.fixture
def project(tmp_path, gitlab_runner):
    folder = tmp_path / "project"
    folder.mkdir()
    settings = {"source": gitlab_runner.source, "revision": gitlab_runner.revision, "held": "fail"}
    (folder / ".gitlab-ci.yml").write_text(GATE.format(**settings))
    (folder / "cdml.yaml").write_text(CONFIG)
    write_lines(
        folder / "old.jsonl", [{"id": f"q{case}", "passed": case < 240} for case in range(300)]
    )
    commit_all(folder)
    call_origin(folder)
    with GitLabServer() as server:
        server.add_request(7, git(folder, "rev-parse", "HEAD"))
        yield Project(server, folder, gitlab_runner)


@pytest.mark.long
@pytest.mark.xdist_group("runner")
class TestGate:
    def test_passes_fails_and_keeps_one_note(self, project):
        passed = project.judge(290)
        assert "PASS  cdml-gate" in passed.stdout, passed.stdout + passed.stderr
        assert "Passed" in project.note()
        assert ["success"] == project.statuses()

        failed = project.judge(150, number=101)

        assert "FAIL  cdml-gate" in failed.stdout, failed.stdout + failed.stderr
        assert "Passed" not in project.note()
        assert "Rejected" in project.note()
        assert ["failed"] == project.statuses()

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
        assert "WARN  cdml-preflight" in done.stdout, done.stdout + done.stderr
        assert "A job's own token cannot write notes" in done.stdout
        assert [] == project.server.notes(7)

    def test_takes_nothing_that_a_commit_brings_for_its_own(self, project):
        project.judge(290)
        own = project.folder / ".cdml"
        shutil.copytree(project.left("cdml-gate", ".cdml"), own)
        for file in own.glob("*.json"):  # the numbers of the next pipelines are easy to guess
            file.write_text(file.read_text().replace("/pipelines/100", "/pipelines/101"))
        (project.folder / "cdml.env").write_text("CDML_PYTHON=/evil\nCDML_SOURCE=/evil\n")
        (project.folder / "cdml.junit.xml").write_text("<forged/>")

        commit_all(project.folder)
        unjudged = project.run(101, "cdml-report")
        assert "FAIL" not in unjudged.stdout, unjudged.stdout + unjudged.stderr
        assert "Not judged" in project.note()
        assert "data.json" in project.note()
        rejected = project.judge(150, number=102)

        assert "FAIL  cdml-gate" in rejected.stdout, rejected.stdout + rejected.stderr
        assert "Rejected" in project.note()
        assert (
            "evil"
            not in project.left("cdml-gate", ".gitlab-ci-reports/dotenv/cdml.env").read_text()
        )
        assert "failures=" in project.left("cdml-report", "cdml.junit.xml").read_text()

    def test_refuses_another_commit_of_cdml_than_the_named_one(self, project):
        ci = project.folder / ".gitlab-ci.yml"
        ci.write_text(re.sub("revision: [0-9a-f]+", "revision: main", ci.read_text()))

        done = project.judge(290)

        assert "FAIL  cdml-gate" in done.stdout
        assert "revision must be a full commit" in done.stdout + done.stderr


@dataclass
class OwnInstance:
    """A project on a GitLab of one's own: below a path, with its own certificate authority."""

    server: GitLabServer
    folder: Path
    runner: Runner
    registry: Path
    pipeline: int = 100

    def run(self, *jobs, **variables):
        """Run a pipeline of the checked-out commit."""
        self.pipeline += 1
        self.server.pipelines[self.pipeline] = "running"
        given = {
            **self.server.environment,
            "CI_SERVER_TLS_CA_FILE": str(self.server.certificate),
            "CI_JOB_TOKEN": self.server.job_token,
            "CI_PIPELINE_ID": str(self.pipeline),
            "CI_COMMIT_SHA": git(self.folder, "rev-parse", "HEAD"),
            "CDML_PYTHON": sys.executable,
            **variables,
        }
        return self.runner.run(self.folder, given, *jobs)

    def propose(self, number, features):
        """Open a merge request with another model, and run its pipeline."""
        shutil.rmtree(self.folder / "model", ignore_errors=True)
        classifier(self.folder / "model", features)
        commit_all(self.folder)
        self.server.add_request(number, git(self.folder, "rev-parse", "HEAD"))
        return self.run(
            CI_PIPELINE_SOURCE="merge_request_event",
            CI_MERGE_REQUEST_IID=str(number),
            CI_MERGE_REQUEST_PROJECT_ID="42",
            CI_MERGE_REQUEST_SOURCE_PROJECT_ID="42",
            CI_MERGE_REQUEST_TARGET_BRANCH_NAME="main",
        )

    def merge(self, number):
        """Merge it, and run the pipeline of the push."""
        before = git(self.folder, "rev-parse", "HEAD~1")
        head = git(self.folder, "rev-parse", "HEAD")
        commit_all(self.folder)
        merged = git(self.folder, "rev-parse", "HEAD")
        self.server.commits |= {before: (), head: (before,), merged: (head,)}
        self.server.requests[number] |= {"state": "merged", "sha": head}
        self.server.merged[merged] = [number]
        return self.push(CI_COMMIT_BEFORE_SHA=before)

    def push(self, *jobs, **variables):
        """Run a pipeline of the default branch, whose jobs have the project's token."""
        given = {
            "CI_PIPELINE_SOURCE": "push",
            "CI_COMMIT_BRANCH": "main",
            "CDML_GITLAB_TOKEN": self.server.token,
        }
        return self.run(*jobs, **given | variables)

    def serves(self):
        """The version with the champion's alias."""
        return FolderRegistry(f"folder:{self.registry}", self.folder).champion(
            "flights", "champion"
        )

    def journal(self):
        """Subjects of the journal's commits, newest first."""
        bare = self.server.repositories / f"{self.server.path}.git"
        return git(bare, "log", "--format=%s", "cdml/production/flights").splitlines()


@pytest.fixture
def own_instance(tmp_path, gitlab_runner):
    folder, forge, registry = tmp_path / "project", tmp_path / "forge", tmp_path / "registry"
    for place in (folder, forge / "octo", forge / "octo-org"):
        place.mkdir(parents=True)
    (forge / "octo" / "cdml.git").symlink_to(gitlab_runner.source)
    git(forge, "init", "--quiet", "--bare", "octo-org/flights.git")
    git(forge / "octo-org" / "flights.git", "config", "http.receivepack", "true")
    (folder / ".gitlab-ci.yml").write_text(ALL.format(revision=gitlab_runner.revision))
    (folder / "cdml.yaml").write_text(MODEL.format(registry=registry))
    rows(400, seed=8)[["id", "x", "y", "late"]].to_parquet(folder / "rows.parquet")
    commit_all(folder)
    call_origin(folder)
    with GitLabServer(certificate=certificate(tmp_path), repositories=forge) as server:
        git(folder, "remote", "add", "journal", f"{server.site}/{server.path}.git")
        yield OwnInstance(server, folder, gitlab_runner, registry)


@pytest.mark.long
@pytest.mark.xdist_group("runner")
def test_a_model_is_gated_delivered_and_rolled_back_on_an_instance_of_ones_own(own_instance):
    project = own_instance
    for number, features in ((7, ("x",)), (8, ("x", "y"))):
        judged = project.propose(number, features)
        assert "PASS  cdml-gate" in judged.stdout, judged.stdout + judged.stderr
        delivered = project.merge(number)
        assert "PASS  cdml-deploy" in delivered.stdout, delivered.stdout + delivered.stderr
        assert "cdml-rollback" not in delivered.stdout.partition("PASS")[2]
    assert "2" == project.serves().version

    hostile = "x$(touch pwned) /approve\n!1 `touch pwned`"
    rolled_back = project.push("cdml-rollback", CDML_ROLLBACK_REASON=hostile)

    assert "PASS  cdml-rollback" in rolled_back.stdout, rolled_back.stdout + rolled_back.stderr
    assert "1" == project.serves().version
    assert not list(project.folder.parent.rglob("pwned"))
    assert ["success"] * 3 == [one["status"] for one in project.server.deployments]
    assert {"production"} == {one["environment"] for one in project.server.deployments}
    assert "rollback" in project.journal()[0]

    nightly = project.push(CI_PIPELINE_SOURCE="schedule")
    assert "PASS  cdml-resume" in nightly.stdout, nightly.stdout + nightly.stderr
    assert "cdml-deploy" not in nightly.stdout
