"""Builds of Jenkins: its own pipeline engine runs a Jenkinsfile with the steps of `jenkins/vars`.

Real are the engine, which serialises and resumes the program at each step, and the shell. The steps
that Jenkins and its plugins bring are stood in for by `groovy_cps/Controller.groovy`.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from support.gitlab_pipelines import git

ROOT = Path(__file__).parents[2]
TOOLS = Path(__file__).with_name("groovy_cps")
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
PLUGINS = ("junit", "publishHTML", "lock")
"""The steps of plugins that a Jenkins may lack."""


def fetch_engine(folder: Path) -> Path:
    """Jenkins' pipeline engine from Maven Central, with the digests that are recorded here."""
    jars = folder / "jars"
    maven = ["mvn", "--batch-mode", "--quiet", COPY, "--file", str(TOOLS / "pom.xml")]
    subprocess.run(
        [*maven, f"-DoutputDirectory={jars}", f"-Dmaven.repo.local={folder / 'repository'}"],
        check=True,
    )
    digests = dict(line.split()[::-1] for line in (TOOLS / "jars.sha256").read_text().splitlines())
    fetched = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in jars.iterdir()}
    assert digests == fetched
    return jars


@dataclass(frozen=True, kw_only=True)
class Build:
    """How a build ended: SUCCESS, UNSTABLE, FAILURE, or nothing where it was killed."""

    result: str
    error: str
    console: str
    steps: tuple[Mapping[str, Any], ...]

    def given(self, step: str) -> list[Any]:
        """The arguments of each call of a step."""
        return [one["given"] for one in self.steps if one["step"] == step]


@dataclass(kw_only=True)
class Jenkins:
    """One project of a Jenkins, whose builds run in `workspace` of an agent with this `home`."""

    jars: Path
    home: Path
    workspace: Path
    environment: dict[str, str] = field(default_factory=dict)
    credentials: dict[str, str] = field(default_factory=dict)
    checkout: dict[str, str] = field(default_factory=dict)
    plugins: Iterable[str] = PLUGINS
    number: int = 0

    @cached_property
    def revision(self) -> str:
        """This checkout as a commit of a repository that builds fetch cdml from."""
        source = self.home / "cdml"
        if source.exists():
            return git(source, "rev-parse", "HEAD")
        listed = git(ROOT, "ls-files", "src", "actions", "requirements").splitlines()
        for name in listed:
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
        git(source, "init", "--quiet")
        git(source, "add", "--all")
        git(source, "commit", "--quiet", "--message", "cdml")
        git(source, "config", "uploadpack.allowAnySHA1InWant", "true")
        return git(source, "rev-parse", "HEAD")

    def build(
        self, pipeline: str, params: Mapping[str, Any] | None = None, **variables: str
    ) -> Build:
        """Run a build; `variables` are those of its kind."""
        self.number += 1
        return self._go(pipeline, params or {}, variables, "")

    def build_until(self, step: str, pipeline: str, **variables: str) -> Build:
        """Run a build, and kill the controller before it carries out the first such step."""
        self.number += 1
        return self._go(pipeline, {}, variables, step)

    def resume(self, pipeline: str, **variables: str) -> Build:
        """Start the controller again: the build goes on where it was."""
        return self._go(pipeline, {}, variables, "")

    def _go(
        self, pipeline: str, params: Mapping[str, Any], variables: Mapping[str, str], until: str
    ) -> Build:
        folder = self.workspace.with_name(f"{self.workspace.name}@builds") / str(self.number)
        folder.mkdir(parents=True, exist_ok=True)
        setup = {
            "pipeline": pipeline,
            "library": str(ROOT / "jenkins/vars"),
            "workspace": str(self.workspace),
            "state": str(folder / "program.dat"),
            "log": str(folder / "steps.jsonl"),
            "outcome": str(folder / "outcome.json"),
            "params": params,
            "checkout": self.checkout,
            "plugins": list(self.plugins),
            "credentials": self.credentials,
            "killedBefore": until,
            "environment": {
                "PATH": os.environ["PATH"],
                "HOME": str(self.home),
                "JENKINS_URL": "https://ci.test/",
                "BUILD_URL": f"https://ci.test/job/flights/{self.number}/",
                "BUILD_NUMBER": str(self.number),
                "WORKSPACE": str(self.workspace),
                "CDML_SOURCE": str(self.home / "cdml"),
                "CDML_REVISION": self.revision,
                **self.environment,
                **variables,
            },
        }
        (folder / "setup.json").write_text(json.dumps(setup))
        java = ["java", "-XX:TieredStopAtLevel=1", "-Dfile.encoding=UTF-8", "-cp", f"{self.jars}/*"]
        done = subprocess.run(
            [
                *java,
                "groovy.ui.GroovyMain",
                str(TOOLS / "Controller.groovy"),
                folder / "setup.json",
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )
        outcome = folder / "outcome.json"
        ended = json.loads(outcome.read_text()) if outcome.exists() else {"result": "", "error": ""}
        log = folder / "steps.jsonl"
        steps = log.read_text().splitlines() if log.exists() else ()
        return Build(
            result=ended["result"],
            error=ended["error"],
            console=done.stdout,
            steps=tuple(map(json.loads, steps)),
        )


def pipelines(page: Path) -> list[str]:
    """The Jenkinsfiles of a page of the documentation."""
    return re.findall(r"```groovy\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
