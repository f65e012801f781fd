"""Builds of the pipelines in docs/jenkins.md, run by Jenkins' own engine with the real cdml."""

import re
import sys

import pytest

from fakes.github_server import GitHubServer
from support.gitlab_pipelines import git
from support.jenkins import ROOT, Jenkins, pipelines
from support.result_files import write_lines

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("runner")]

PAGE = pipelines(ROOT / "docs/jenkins.md")
MODEL = "model: 'models:/my-model@challenger', register: 'my-model'"
RESULTS = "predictions: 'new.jsonl', champion: 'old.jsonl'"
CONFIG = """\
version: 1
model: bot
data: {evaluation: new.jsonl, key: [id]}
gates:
  - {metric: rate(passed), max_regression: 0.05}
"""
HOSTILE = "x$(touch pwned)`touch pwned`;touch pwned '\";touch pwned #${env}"


@pytest.fixture(scope="module")
def agent(tmp_path_factory):
    """The home of an agent, which builds share."""
    return tmp_path_factory.mktemp("agent")


@pytest.fixture
def github():
    with GitHubServer(token="made-up", prefix="/api/v3") as server:
        yield server


@pytest.fixture
def jenkins(tmp_path, jenkins_engine, agent, github):
    """A multibranch project, and the change request 7 of a repository on GitHub."""
    site = github.url.removesuffix("/api/v3")
    old = [{"id": f"q{case}", "passed": case < 240} for case in range(300)]
    write_lines(tmp_path / "old.jsonl", old)
    (tmp_path / "cdml.yaml").write_text(CONFIG)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "--message", "work")
    head = git(tmp_path, "rev-parse", "HEAD")
    github.add_pull(7, head)
    return Jenkins(
        jars=jenkins_engine,
        home=agent,
        workspace=tmp_path,
        checkout={"GIT_COMMIT": head, "GIT_URL": f"{site}/octo-org/flights.git"},
        credentials={"mlflow-uri": "folder:registry", "cdml-comment": "made-up"},
        environment={
            "BRANCH_NAME": "PR-7",
            "CHANGE_ID": "7",
            "CHANGE_URL": f"{site}/octo-org/flights/pull/7",
            "CHANGE_TARGET": "main",
            "CHANGE_BRANCH": HOSTILE,
            "CHANGE_TITLE": HOSTILE,
            "CHANGE_AUTHOR": HOSTILE,
            "CDML_PYTHON": sys.executable,
        },
    )


def pipeline(**options):
    """The page's first pipeline, with results of cases instead of a model."""
    assert MODEL in PAGE[0]
    given = "".join(f", {name}: {value!r}" for name, value in options.items())
    return PAGE[0].replace(MODEL, RESULTS + given)


def propose(jenkins, passed, first=0):
    """Put in place the results of a version that passes these of the 300 cases."""
    lines = [{"id": f"q{case}", "passed": first <= case < first + passed} for case in range(300)]
    write_lines(jenkins.workspace / "new.jsonl", lines)


def comment(github):
    (found,) = github.comments(7)
    return found.body


class TestChangeRequest:
    def test_passes_and_is_rejected_in_one_comment(self, jenkins, github):
        propose(jenkins, 290)
        passed = jenkins.build(pipeline())
        assert ("SUCCESS", "") == (passed.result, passed.error), passed.console
        assert "Passed" in comment(github)

        propose(jenkins, 150)
        rejected = jenkins.build(pipeline())

        assert "FAILURE" == rejected.result, rejected.console
        assert "Rejected" in comment(github)
        (published,) = rejected.given("junit")
        patterns = published[0]["testResults"].split(",")
        assert [one for pattern in patterns for one in jenkins.workspace.glob(pattern)]
        assert [".cdml"] == [one[0]["reportDir"] for one in rejected.given("publishHTML")]
        assert not list(jenkins.workspace.rglob("*pwned*"))
        assert HOSTILE not in comment(github)

    def test_that_is_held_makes_the_build_unstable(self, jenkins, github):
        jenkins.plugins = ["junit"]
        propose(jenkins, 240, first=60)

        installed_first = pipeline().replace("checkout scm", "checkout scm; cdmlInstall()")
        held = jenkins.build(installed_first)

        assert ("UNSTABLE", "") == (held.result, held.error), held.console
        assert "Passed" not in comment(github)
        assert "HTML Publisher" in held.console
        assert 3 == len(held.given("sh"))

    def test_goes_on_where_the_controller_was_killed(self, jenkins, github):
        propose(jenkins, 290)
        killed = jenkins.build_until("archiveArtifacts", pipeline())
        assert "" == killed.result, killed.console
        assert "Passed" in comment(github)

        resumed = jenkins.resume(pipeline())

        assert ("SUCCESS", "") == (resumed.result, resumed.error), resumed.console
        assert 2 == len(resumed.given("sh")), "what was done is not done again"
        assert len(killed.steps) < len(resumed.steps)

    def test_takes_nothing_that_a_commit_or_an_earlier_build_brings_for_its_own(
        self, jenkins, github
    ):
        own = jenkins.workspace / ".cdml"
        propose(jenkins, 290)
        assert "SUCCESS" == jenkins.build(pipeline()).result
        gone = pipeline(comentMode="off")  # the gate does not run

        left = jenkins.build(gone)
        assert "FAILURE" == left.result, left.console
        assert "Not judged" in comment(github)

        for file in own.glob("*.json"):  # the number of the next build is easy to guess
            file.write_text(re.sub(r"/job/flights/\d+/", "/job/flights/3/", file.read_text()))
        (own / "gates.junit.xml").write_text("<forged/>")
        (own / "key").symlink_to(jenkins.home)
        git(jenkins.workspace, "commit", "--quiet", "--allow-empty", "--message", "forged")
        jenkins.checkout["GIT_COMMIT"] = git(jenkins.workspace, "rev-parse", "HEAD")
        github.add_pull(7, jenkins.checkout["GIT_COMMIT"])
        forged = jenkins.build(gone)

        assert "FAILURE" == forged.result, forged.console
        assert "Passed" not in comment(github)
        assert "Not judged" in comment(github)
        assert not (own / "key").is_symlink()
        assert "forged" not in (own / "gates.junit.xml").read_text()
        (archived,) = forged.given("archiveArtifacts")
        assert archived[0]["followSymlinks"] is False

    def test_with_an_option_that_is_misspelt_is_not_judged(self, jenkins):
        propose(jenkins, 290)

        misspelt = jenkins.build(pipeline(comentMode="off"))

        assert "FAILURE" == misspelt.result
        assert "has no option comentMode" in misspelt.console
        assert not (jenkins.workspace / ".cdml/comparison.json").exists()


def test_no_script_of_the_library_holds_a_value():
    steps = (ROOT / "jenkins/vars").glob("*.groovy")
    calls = [
        call
        for step in steps
        for call in re.findall(r"^ *(?:\w+ = )?sh\b.*", step.read_text("utf-8"), re.MULTILINE)
    ]

    assert calls
    assert all("script: '''" in call for call in calls), calls
