"""What `cdml init --llm` writes, under a real runner: both versions evaluated, and compared."""

import sys
from pathlib import Path

import pytest
import yaml
from act_runner import TOKEN, Outcome, Repository, pull_request
from world import PYTHON

from cdml.scaffold.init_llm import init_llm
from fakes.github_server import GitHubServer

pytestmark = pytest.mark.xdist_group("runner")

NUMBER = 7
EVALUATE = """\
import json, random

draw = random.Random(open("seed").read())
with open("results.jsonl", "w") as file:
    for case in range(200):
        passed = draw.random() < float(open("prompt").read())
        file.write(json.dumps({"case_id": f"q{case}", "passed": passed}) + "\\n")
"""


def evaluate(repository: Repository, github: GitHubServer, base: str, **files: str) -> Outcome:
    """Push a version to a pull request."""
    for name, text in files.items():
        repository.write(name, text)
    head = repository.commit("Change the prompt")
    github.add_pull(NUMBER, head)
    event = pull_request(NUMBER, head)
    event["pull_request"]["base"]["sha"] = base
    return repository.run("cdml-gate.yml", "pull_request", event)


def test_a_pull_request_is_evaluated_with_its_base(tmp_path: Path, action: Path) -> None:
    with GitHubServer(token=TOKEN) as github:
        repository = Repository(
            folder=tmp_path / "bot",
            action=action,
            cache=tmp_path / "cache",
            environment=dict(github.environment),
            secrets={"GITHUB_TOKEN": TOKEN, "OPENAI_API_KEY": "made-up-key"},
        ).create()
        init_llm(repository.folder)
        workflow = repository.folder / ".github/workflows/cdml-gate.yml"
        text = workflow.read_text().replace("python evaluate.py", f"{sys.executable} evaluate.py")
        workflow.write_text(
            text.replace("config: cdml.yaml", f"config: cdml.yaml\n          python: {PYTHON}")
        )
        for name, content in {"evaluate.py": EVALUATE, "prompt": "0.6", "seed": "old"}.items():
            repository.write(name, content)
        base = repository.commit("Begin")

        better = evaluate(repository, github, base, prompt="0.8", seed="new")
        assert better.succeeded, better.log
        (comment,) = github.comments(NUMBER)
        assert "Passed" in comment.body
        worse = evaluate(repository, github, base, prompt="0.3", seed="newer")

    assert 1 == worse.codes["gate/gate"], worse.log
    assert "rate(passed)" in comment.body.lower()
    assert "Passed" not in comment.body.splitlines()[0]


def test_only_the_evaluations_get_a_secret_and_no_job_that_runs_code_may_write(
    tmp_path: Path,
) -> None:
    init_llm(tmp_path)
    text = (tmp_path / ".github/workflows/cdml-gate.yml").read_text()
    jobs = yaml.safe_load(text)["jobs"]

    steps = [step for job in jobs.values() for step in job["steps"]]
    secret = [step["name"] for step in steps if "secrets." in str(step)]
    assert ["Evaluate the new version", "Evaluate the old version"] == secret
    running = [job for job in jobs.values() if any("run" in step for step in job["steps"])]
    assert [{"contents": "read"}] == [job["permissions"] for job in running]
    assert not any("${{" in step.get("run", "") for step in steps)
