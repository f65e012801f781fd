"""The shell lines of the Jenkinsfile in docs/jenkins.md, as Jenkins would run them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fakes.gitlab_server import GitLabServer
from support.result_files import write_lines

ROOT = Path(__file__).parents[2]
CONFIG = """\
version: 1
model: bot
data: {evaluation: new.jsonl, key: [id]}
gates:
  - {metric: rate(passed), max_regression: 0.05}
"""


def shell_lines():
    """The scripts of the page, in order."""
    page = (ROOT / "docs/jenkins.md").read_text("utf-8")
    [pipeline] = re.findall(r"```groovy\n(.*?)```", page, re.DOTALL)
    return re.findall(r"sh '''(.*?)'''|script: '([^']*)'", pipeline, re.DOTALL)


@pytest.mark.parametrize(("passed", "code", "words"), [(290, 0, "Passed"), (150, 1, "Rejected")])
def test_gate_and_report_end_with_the_verdict_and_one_comment(tmp_path, passed, code, words):
    workspace, forge, scratch = (tmp_path / name for name in ("work", "cdml", "scratch"))
    workspace.mkdir()
    for name, good in (("old", 240), ("new", passed)):
        lines = [{"id": f"q{case}", "passed": case < good} for case in range(300)]
        write_lines(workspace / f"{name}.jsonl", lines)
    (workspace / "cdml.yaml").write_text(CONFIG)
    forge.mkdir()
    revision = commit_of_this_checkout(forge)
    (clone, _), (_, gate), (_, report) = shell_lines()
    clone = clone.replace("https://github.com/org/cdml-action", str(forge))
    clone = re.sub(r"\b[0-9a-f]{40}\b", revision, clone)

    with GitLabServer(path="octo/flights") as gitlab:
        gitlab.add_request(7, "a" * 40)
        environment = {
            "HOME": str(tmp_path),
            "PATH": os.environ["PATH"],
            "JENKINS_URL": "https://ci.test/",
            "BUILD_URL": "https://ci.test/job/flights/job/MR-7/1/",
            "BUILD_NUMBER": "1",
            "CHANGE_ID": "7",
            "CHANGE_URL": f"{gitlab.site}/octo/flights/-/merge_requests/7",
            "CHANGE_TITLE": "$(touch pwned)`touch pwned`",
            "CDML_GITLAB_URL": gitlab.site,
            "GIT_COMMIT": "a" * 40,
            "WORKSPACE": str(workspace),
            "WORKSPACE_TMP": str(scratch),
            "CDML_PYTHON": sys.executable,
            "CDML_GATE_PREDICTIONS": "new.jsonl",
            "CDML_GATE_CHAMPION": "old.jsonl",
        }
        assert 0 == shell(clone, workspace, environment).returncode
        judged = shell(gate, workspace, environment)
        environment["CDML_GITLAB_TOKEN"] = gitlab.token
        reported = shell(report, workspace, environment)

        assert code == judged.returncode, judged.stderr
        assert code == reported.returncode, reported.stderr
        assert [words] == [re.search(r"Passed|Rejected", one.body)[0] for one in gitlab.notes(7)]
        assert not list(tmp_path.rglob("pwned"))
        assert (workspace / ".cdml/gates.junit.xml").is_file()


def shell(script, workspace, environment):
    return subprocess.run(
        ["sh", "-xe", "-c", script],
        cwd=workspace,
        env=environment,
        text=True,
        capture_output=True,
        timeout=120,
        check=False,
    )


def commit_of_this_checkout(folder):
    """A repository of what an action needs of this checkout, and its commit."""
    for name in ("src", "actions", "requirements"):
        subprocess.run(["cp", "-r", "--parents", name, str(folder)], cwd=ROOT, check=True)
    identity = ["-c", "user.name=dev", "-c", "user.email=dev@flights.test"]
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "x"]):
        subprocess.run(["git", *identity, *words], cwd=folder, check=True)
    shown = ["git", "rev-parse", "HEAD"]
    return subprocess.run(
        shown, cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()
