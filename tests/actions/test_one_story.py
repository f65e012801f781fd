"""One delivery on GitHub Actions, GitLab CI and Jenkins: the same configuration, the same journal.

Jenkins pushes the journal over HTTP with a user and a password, GitLab CI over ssh, and GitHub
Actions to a folder.
"""

import json
import re
import shutil
import sys
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from act_runner import TOKEN, Repository, dispatch, pull_request, push

from cdml.adapters.registries.folder import FolderRegistry
from fakes.git_server import git_server
from fakes.github_server import GitHubServer
from fakes.gitlab_server import GitLabServer
from support.gitlab_pipelines import Runner, git
from support.jenkins import ROOT, Jenkins, pipelines

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("runner")]

NUMBER = 7
REASON = "complaints $(touch pwned)`touch pwned`;touch pwned '\" #"
BRANCH = "cdml/production/flights"
CONFIG = """\
version: 1
model: flights
registry: {uri: "${MLFLOW_TRACKING_URI}"}
data: {evaluation: data/evaluation.parquet, key: [id], label: late, positive: true}
gates: [{metric: roc_auc, at_least: 0.6, max_regression: 0.01}]
scoring: {environment: current, timeout: 2m}
"""
CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"
WORKFLOW = """\
on: {{{event}}}
jobs:
  job:
    runs-on: ubuntu-latest
    steps:
      - uses: {checkout}
      - uses: org/cdml-action{action}@v1
        with: {inputs}
        env: {{MLFLOW_TRACKING_URI: "${{{{ secrets.MLFLOW_TRACKING_URI }}}}"}}
"""
DISPATCH = "workflow_dispatch: {inputs: {reason: {type: string}}}"
COMPONENT = """\
include:
  - component: $CI_SERVER_FQDN/octo/cdml/{name}@main
    inputs: {{{inputs}source: "{source}", revision: {revision}}}
"""


@dataclass(frozen=True)
class Start:
    """A repository whose champion nobody judged, and the model that a change proposes."""

    folder: Path
    models: Path

    @property
    def registry(self) -> Path:
        """It is in the same place for all, so that the journals name the same places."""
        return self.folder / "registry"

    def begin(self, name: str) -> tuple[Path, str]:
        """A clone at the commit before the change, its origin, and the registry as it was."""
        shutil.rmtree(self.registry, ignore_errors=True)
        registry = FolderRegistry(f"folder:{self.registry}", self.folder)
        first = registry.register("flights", self.models / "champion", tags={})
        registry.set_alias("flights", "champion", first.version)
        clone = self.folder / name / "octo-org" / "flights"
        clone.mkdir(parents=True)
        origin = clone.with_name("flights.git")
        git(clone.parent, "init", "--quiet", "--bare", "--initial-branch", "main", str(origin))
        git(clone, "init", "--quiet", "--initial-branch", "main")
        git(clone, "remote", "add", "origin", str(origin))
        (clone / "cdml.yaml").write_text(CONFIG)
        (clone / ".gitignore").write_text(".cdml/\n.gitlab-ci-local/\n")
        shutil.copytree(self.models / "data", clone / "data")
        return clone, commit(clone, "Begin")

    def propose(self, clone: Path) -> str:
        """Commit the new model as the head of a change, and give it."""
        shutil.copytree(self.models / "challenger", clone / "model")
        return commit(clone, "Propose")


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Start:
    return Start(tmp_path_factory.mktemp("story"), models)


@pytest.fixture(scope="module")
def on_github(start: Start, action: Path) -> list[Any]:
    clone, _ = start.begin("github")
    here = Repository(folder=clone, action=action, cache=start.folder / "cache")
    python = {"python": sys.executable}
    for name, event, used, inputs in (
        ("gate", "pull_request: ", "", {"model": "model", "register": "flights"}),
        ("deploy", "push: ", "/actions/deploy", {}),
        ("rollback", DISPATCH, "/actions/rollback", {"reason": "${{ inputs.reason }}"}),
    ):
        given = json.dumps(python | inputs)
        values = {"event": event, "checkout": CHECKOUT, "action": used, "inputs": given}
        here.write(f".github/workflows/{name}.yml", WORKFLOW.format(**values))
    with GitHubServer(token=TOKEN) as github:
        here.environment |= dict(github.environment)
        here.secrets |= {"GITHUB_TOKEN": TOKEN, "MLFLOW_TRACKING_URI": f"folder:{start.registry}"}
        head = start.propose(clone)
        github.add_pull(NUMBER, head)
        judged = here.run("gate.yml", "pull_request", pull_request(NUMBER, head))
        assert judged.succeeded, judged.log
        merge = commit(clone, "Merge")
        github.add_pull(NUMBER, head, merged_as=merge)
        deployed = here.run("deploy.yml", "push", push(merge))
        assert deployed.succeeded, deployed.log
        button = dispatch(reason=REASON)
        rolled_back = here.run("rollback.yml", "workflow_dispatch", button)
        assert rolled_back.succeeded, rolled_back.log
    return journal(clone)


@pytest.fixture(scope="module")
def on_gitlab(start: Start, gitlab_runner: Runner) -> list[Any]:
    clone, before = start.begin("gitlab")
    # The forge serves the origin over ssh, to the components' git and to the journal's.
    (gitlab_runner.forge / "octo-org").symlink_to(clone.parent)
    git(clone, "remote", "set-url", "origin", "git@gitlab.test:octo-org/flights.git")
    git(clone, "update-ref", "refs/remotes/origin/main", "HEAD")
    git(clone, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")

    def run(source: str, name: str, inputs: str = "", **variables: str) -> None:
        settings = {
            "source": gitlab_runner.source,
            "revision": gitlab_runner.revision,
            "inputs": inputs,
        }
        (clone / ".gitlab-ci.yml").write_text(COMPONENT.format(name=name, **settings))
        given = {
            **gitlab.environment,
            "CI_PIPELINE_ID": "100",
            "CI_PIPELINE_SOURCE": source,
            "CDML_GITLAB_TOKEN": gitlab.token,
            "CDML_PYTHON": sys.executable,
            "MLFLOW_TRACKING_URI": f"folder:{start.registry}",
            **variables,
        }
        done = gitlab_runner.run(clone, given)
        assert f"PASS  cdml-{name}" in done.stdout, done.stdout + done.stderr

    with GitLabServer() as gitlab:
        head = start.propose(clone)
        gitlab.add_request(NUMBER, head)
        request = {
            "CI_MERGE_REQUEST_IID": str(NUMBER),
            "CI_MERGE_REQUEST_PROJECT_ID": "42",
            "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "42",
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
            "CI_COMMIT_SHA": head,
        }
        run("merge_request_event", "gate", "model: model, register: flights, ", **request)
        merge = commit(clone, "Merge")
        gitlab.commits |= {before: (), merge: (before,)}
        gitlab.merged[merge] = [NUMBER]
        gitlab.requests[NUMBER]["state"] = "merged"
        branch = {"CI_COMMIT_BRANCH": "main", "CI_COMMIT_SHA": merge}
        run("push", "deploy", CI_COMMIT_BEFORE_SHA=before, **branch)
        run("web", "rollback", CDML_ROLLBACK_REASON=REASON, **branch)
    return journal(clone)


@pytest.fixture(scope="module")
def on_jenkins(
    start: Start, jenkins_engine: Path, tmp_path_factory: pytest.TempPathFactory
) -> list[Any]:
    clone, before = start.begin("jenkins")
    home = tmp_path_factory.mktemp("agent")
    header = f"Basic {b64encode(b'journal:hidden').decode()}"
    with (
        GitHubServer(token=TOKEN, prefix="/api/v3") as github,
        git_server(clone.parent, read={header}, write={header}) as (address, _),
    ):
        git(clone, "remote", "set-url", "origin", f"{address}/flights.git")
        site = github.url.removesuffix("/api/v3")
        here = Jenkins(
            jars=jenkins_engine,
            home=home,
            workspace=clone,
            credentials={
                "mlflow-uri": f"folder:{start.registry}",
                "cdml-comment": TOKEN,
                "cdml-deliver": TOKEN,
                "git-deliver": "journal:hidden",
            },
            environment={"CDML_PYTHON": sys.executable, "CDML_GITHUB_URL": site},
        )
        facts = {"GIT_URL": f"{site}/octo-org/flights.git"}
        project, roll_back, resume, monitor = map(with_git, jenkinsfiles())
        head = start.propose(clone)
        github.add_pull(NUMBER, head)
        change = {"CHANGE_ID": "7", "CHANGE_URL": f"{site}/octo-org/flights/pull/7"}
        here.checkout = {**facts, "GIT_COMMIT": head}
        judged = here.build(project, CHANGE_TARGET="main", BRANCH_NAME="PR-7", **change)
        assert "SUCCESS" == judged.result, judged.console
        merge = commit(clone, "Merge")
        github.add_pull(NUMBER, head, merged_as=merge)
        github.add_commits(before, merge)
        here.checkout |= {"GIT_COMMIT": merge, "GIT_PREVIOUS_SUCCESSFUL_COMMIT": before}
        deployed = here.build(project, BRANCH_NAME="main")
        assert "SUCCESS" == deployed.result, deployed.console
        assert ["lock", "cdml-deploy-configured"] in deployed.given("begin")
        asked = {"ENVIRONMENT": "production", "VERSION": "", "REASON": REASON}
        here.plugins = ("junit",)
        rolled_back = here.build(roll_back, asked)
        assert "SUCCESS" == rolled_back.result, rolled_back.console
        resumed = here.build(resume)
        assert "SUCCESS" == resumed.result, resumed.console
        monitored = here.build(monitor)
        assert "cdml monitor ended with exit code 2" in monitored.error
        assert "monitoring" in monitored.console, "cdml.yaml does not say what to watch"
    return journal(clone)


def jenkinsfiles() -> list[str]:
    """The pipelines of docs/jenkins.md, for a model in a folder, without the declarative one."""
    page = pipelines(ROOT / "docs/jenkins.md")
    model = "model: 'models:/my-model@challenger', register: 'my-model'"
    assert model in page[0]
    scripted = [one for one in page if "pipeline {" not in one]
    return [one.replace(model, "model: 'model', register: 'flights'") for one in scripted]


def with_git(pipeline: str) -> str:
    """Deliver with git's credentials, as the page says below *Who may deliver*."""
    return re.sub(
        r"cdml(?:Deploy|Rollback|Monitor) .*?'mlflow-uri'\]",
        lambda step: (
            f"withCredentials([gitUsernamePassword(credentialsId: 'git-deliver')]) {{ {step[0]} }}"
        ),
        pipeline,
        flags=re.DOTALL,
    )


def commit(clone: Path, subject: str) -> str:
    """Commit everything, and give the commit."""
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--allow-empty", "--message", subject)
    return git(clone, "rev-parse", "HEAD")


def journal(clone: Path) -> list[Any]:
    """The subject and the document of each entry, without times, runs, commits and random ids."""
    origin = ["--git-dir", str(clone.with_name("flights.git"))]
    log = git(clone, *origin, "log", "--reverse", "--format=%H %s", BRANCH).splitlines()
    ids: dict[str, str] = {}
    entries = []
    for commit_, _, subject in (line.partition(" ") for line in log):
        text = git(clone, *origin, "show", f"{commit_}:journal.json")
        entries.append((subject, comparable(json.loads(text), ids)))
    return entries


def comparable(value: Any, ids: dict[str, str], key: str = "") -> Any:
    """A part of a journal, in which ids are numbered in the order that they appear in."""
    if isinstance(value, dict):
        kept = {name: one for name, one in value.items() if name not in {"run", "commit"}}
        return {name: comparable(one, ids, name) for name, one in kept.items()}
    if isinstance(value, list):
        return [comparable(one, ids) for one in value]
    if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\dT", value):
        return "a time"
    return ids.setdefault(value, str(len(ids))) if key in IDS and value else value


IDS = {"id", "operation", "request"}


def test_every_system_leaves_the_same_journal(
    start: Start, on_github: list[Any], on_gitlab: list[Any], on_jenkins: list[Any]
) -> None:
    for github, gitlab, jenkins in zip(on_github, on_gitlab, on_jenkins, strict=True):
        assert github == gitlab
        assert github == jenkins
    subjects = [subject for subject, _ in on_github]
    assert subjects[-1].startswith("rollback: v1 is verified")
    assert REASON == on_github[-1][1]["current"]["reason"]
    assert not list(start.folder.rglob("*pwned*")), "no reason reaches a shell"
