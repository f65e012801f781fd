"""A user's repository, and `act` to run its workflows as a runner does."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SCRIPTS = Path(sys.executable).parent
TOKEN = "made-up-token"
# What would tell act or git about the machine the tests run on rather than the user's.
FOREIGN = ("GITHUB_", "ACTIONS_", "RUNNER_", "CDML_", "MLFLOW_", "GIT_CONFIG", "GIT_DIR")


def published(folder: Path) -> Path:
    """What `uses: org/cdml-action@v1` downloads."""
    for name in ("actions", "requirements", "src"):
        shutil.copytree(
            ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules")
        )
    shutil.copy(ROOT / "action.yml", folder)
    return folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run left behind.

    Attributes:
        succeeded: whether every job did.
        steps: result of each step by its id, inner steps as `outer/inner`.
        codes: exit code of each step that failed, by the same id.
        outputs: outputs by step id.
        log: everything the steps printed.
    """

    succeeded: bool
    steps: Mapping[str, str]
    codes: Mapping[str, int]
    outputs: Mapping[str, Mapping[str, str]]
    log: str


@dataclass(slots=True)
class Repository:
    """A repository with its origin, on a GitHub of its own.

    Attributes:
        folder: the clone.
        action: what the action's name stands for.
        cache: act's own folder.
        environment: variables of the runner.
        secrets: secrets of the repository.
        runs: how many there have been.
    """

    folder: Path
    action: Path
    cache: Path
    environment: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    runs: int = 0

    @property
    def origin(self) -> Path:
        """The bare repository it is pushed to."""
        return self.folder.with_name(f"{self.folder.name}.git")

    @property
    def artifacts(self) -> Path:
        """What the last run uploaded, a folder for each artifact."""
        return self.folder.with_name(f"{self.folder.name}-artifacts")

    def create(self) -> "Repository":
        """An empty repository whose origin is there."""
        self.folder.mkdir(parents=True)
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", self.origin], check=True)
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.name", "A user")
        self.git("config", "user.email", "user@example.org")
        self.git("remote", "add", "origin", str(self.origin))
        return self

    def git(self, *arguments: str) -> str:
        """Run git in the clone."""
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env=_environment(),
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def write(self, path: str, text: str) -> None:
        """Put a file into the clone."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def commit(self, subject: str) -> str:
        """Commit everything, push it, and give the commit."""
        self.git("add", "--all")
        self.git("commit", "-q", "--allow-empty", "-m", subject)
        self.git("push", "-q", "origin", "HEAD:main")
        return self.git("rev-parse", "HEAD")

    def in_origin(self, *arguments: str) -> list[str]:
        """Run git in the origin and give the lines it prints."""
        return self.git("--git-dir", str(self.origin), *arguments).splitlines()

    def run(self, workflow: str, event: str, payload: Mapping[str, Any]) -> Outcome:
        """Run one workflow for one event.

        Args:
            workflow: name of the file in .github/workflows.
            event: GitHub's name of the event.
            payload: the event's JSON.
        """
        self.runs += 1
        self.environment["GITHUB_RUN_ID"] = str(1000 + self.runs)
        self.environment["ARTIFACTS"] = str(self.artifacts)
        shutil.rmtree(self.artifacts, ignore_errors=True)
        self.artifacts.mkdir()
        self.cache.mkdir(parents=True, exist_ok=True)
        file = self.cache / "event.json"
        file.write_text(json.dumps(payload))
        command = [SCRIPTS / "act", event, "--json", "--eventpath", file, "--no-cache-server"]
        command += ["--workflows", f".github/workflows/{workflow}"]
        command += ["--platform", "ubuntu-latest=-self-hosted"]
        command += ["--local-repository", f"org/cdml-action@v1={self.action}"]
        text = (self.folder / ".github/workflows" / workflow).read_text()
        for used, name in re.findall(r"uses: (actions/((?:up|down)load-artifact)@\S+)", text):
            command += ["--local-repository", f"{used}={HERE / name}"]
        for name, value in self.environment.items():
            command += ["--env", f"{name}={value}"]
        for name in self.secrets:  # act takes their values from its own environment
            command += ["--secret", name]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=_environment() | self.secrets | {"XDG_CACHE_HOME": self.cache},
            check=False,
            capture_output=True,
            text=True,
            timeout=900,
        )
        return _outcome(done.returncode, done.stdout + done.stderr)


def _environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)}


def _outcome(code: int, printed: str) -> Outcome:
    steps: dict[str, str] = {}
    codes: dict[str, int] = {}
    outputs: dict[str, dict[str, str]] = {}
    log = []
    for line in printed.splitlines():
        entry = json.loads(line) if line.startswith("{") else {"msg": line, "raw_output": True}
        message = str(entry.get("msg", ""))
        name = "/".join(entry.get("stepID", []))
        if entry.get("raw_output") or entry.get("level") == "error":
            log.append(message.rstrip("\n"))
        if entry.get("stage") == "Main" and "stepResult" in entry:
            steps[name] = entry["stepResult"]
        if message.startswith(("exit status ", "exitcode ")):
            codes.setdefault(name, int(message.rsplit(maxsplit=1)[-1]))
        if entry.get("command") == "set-output":
            outputs.setdefault(name, {})[entry["name"]] = entry["arg"]
    return Outcome(
        succeeded=code == 0, steps=steps, codes=codes, outputs=outputs, log="\n".join(log)
    )


def pull_request(number: int, head: str, owner: str = "octo-org") -> dict[str, Any]:
    """The event of a push to a pull request, from a fork where the owner is another."""
    base = {"full_name": "octo-org/flights", "name": "flights", "fork": False}
    repository = {**base, "full_name": f"{owner}/flights", "fork": owner != "octo-org"}
    return {
        "action": "synchronize",
        "number": number,
        "repository": base,
        "pull_request": {
            "number": number,
            "state": "open",
            "head": {"sha": head, "ref": "feature", "repo": repository},
            "base": {"sha": "0" * 40, "ref": "main", "repo": base},
            "user": {"login": "somebody"},
        },
    }


def workflow_run(run: int, head: str, owner: str, conclusion: str) -> dict[str, Any]:
    """The event of a run that is done, of a pull request from this owner's fork."""
    return {
        "action": "completed",
        "repository": {"full_name": "octo-org/flights", "default_branch": "main"},
        "workflow_run": {
            "id": run,
            "run_attempt": 1,
            "event": "pull_request",
            "conclusion": conclusion,
            "head_sha": head,
            "head_branch": "feature",
            "head_repository": {"full_name": f"{owner}/flights", "owner": {"login": owner}},
            "pull_requests": [],  # as it is for forks
        },
    }


def push(commit: str) -> dict[str, Any]:
    """The event of a push to the main branch."""
    return {
        "ref": "refs/heads/main",
        "after": commit,
        "head_commit": {"id": commit},
        "repository": {"full_name": "octo-org/flights", "default_branch": "main"},
    }


def dispatch(**inputs: str) -> dict[str, Any]:
    """The event of somebody pressing the button."""
    return {
        "ref": "refs/heads/main",
        "inputs": inputs,
        "repository": {"full_name": "octo-org/flights", "default_branch": "main"},
    }
