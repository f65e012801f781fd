"""Pipelines of GitLab CI, run by gitlab-ci-local with real shells and cdml's components.

Its own exit code takes a job with `allow_failure: exit_codes` for one that may always fail, so the
table that it prints at the end is what counts.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from support.node_packages import install_packages

ROOT = Path(__file__).parents[2]
TOOLS = Path(__file__).with_name("gitlab_ci_local")
# The last word of the command line is what git wants to run on the other side.
SSH = """#!/bin/sh
for word; do :; done
cd "$FORGE" && eval "$(echo "$word" | sed "s#'/*#'./#")"
"""


@dataclass(frozen=True, kw_only=True)
class Runner:
    """A runner of GitLab, and a forge that serves this checkout as `octo/cdml`."""

    node: Path
    script: Path
    forge: Path
    revision: str

    @property
    def source(self) -> Path:
        """The repository of cdml on the forge."""
        return self.forge / "octo" / "cdml.git"

    def run(
        self, folder: Path, variables: Mapping[str, str], *jobs: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the pipeline of a repository with these predefined variables; or only these jobs."""
        words = [
            word for name, value in variables.items() for word in ("--variable", f"{name}={value}")
        ]
        options = ["--force-shell-executor", "--shell-isolation", "--no-artifacts-to-source"]
        ignored = ["--ignore-predefined-vars", ",".join(variables)]
        ssh = folder.parent / "ssh"
        ssh.write_text(SSH)
        ssh.chmod(0o755)
        environment = {
            "HOME": str(folder.parent),
            "PATH": f"{self.node.parent}:{os.environ['PATH']}",
            "FORGE": str(self.forge),
            "GIT_SSH_COMMAND": str(ssh),
            "GIT_SSH_VARIANT": "ssh",
        }
        return subprocess.run(
            [str(self.node), str(self.script), *options, *ignored, *words, *jobs],
            cwd=folder,
            env=environment,
            text=True,
            capture_output=True,
            timeout=300,
            check=False,
        )


def install_runner(place: Path) -> Runner:
    """Node and gitlab-ci-local, as their locks name them, and the forge."""
    node = install_packages(TOOLS, place)
    script = place / "node_modules" / "gitlab-ci-local" / "dist" / "index.js"

    work, bare = place / "work", place / "octo" / "cdml.git"
    for name in git(ROOT, "ls-files", "src", "actions", "templates", "requirements").splitlines():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, work / name)
    commit_all(work)
    git(place, "clone", "--quiet", "--bare", "work", str(bare))
    git(bare, "config", "uploadpack.allowAnySHA1InWant", "true")
    return Runner(node=node, script=script, forge=place, revision=git(bare, "rev-parse", "HEAD"))


def call_origin(folder: Path) -> None:
    """Let a repository have the origin and the default branch that gitlab-ci-local looks for."""
    git(folder, "remote", "add", "origin", "git@gitlab.test:octo/flights.git")
    git(folder, "update-ref", "refs/remotes/origin/main", "HEAD")
    git(folder, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")


def git(folder: Path, *words: str) -> str:
    """Run git as somebody."""
    identity = ["-c", "user.name=dev", "-c", "user.email=dev@flights.test"]
    done = subprocess.run(
        ["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def commit_all(folder: Path) -> None:
    """Commit everything, into a new repository where there is none."""
    if not (folder / ".git").exists():
        git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "work")
