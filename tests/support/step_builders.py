"""A step of a workflow that reports, on the stand-in for GitHub."""

import json
import os
import re

from cdml.cli import run
from fakes.github_runner import TOKEN
from support.evidence_builders import BY, SITE
from support.scenarios import CONFIG, SCENARIOS, written

HEAD = BY.commit
FLAGS = re.MULTILINE | re.DOTALL


class Step:
    """A step of a workflow, on a pull request from a fork."""

    def __init__(self, server, folder, monkeypatch):
        self.server, self.folder, self.setenv = server, folder, monkeypatch.setenv
        self.summary, self.output = folder / "summary.md", folder / "output"
        (folder / "cdml.yaml").write_text(CONFIG)
        pull = {"number": 7, "head": {"sha": HEAD, "repo": {"fork": True}}}
        (folder / "event.json").write_text(json.dumps({"pull_request": pull}))
        for name in os.environ:
            if name.startswith(("GITHUB_", "CDML_")):
                monkeypatch.delenv(name)
        for name, value in {
            **server.environment,
            "GITHUB_SERVER_URL": SITE,
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_PATH": str(folder / "event.json"),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "GITHUB_OUTPUT": str(self.output),
            "GITHUB_RUN_ID": "100",
            "GITHUB_WORKSPACE": str(folder),
            "GITHUB_RUN_ATTEMPT": "1",
            "CDML_GITHUB_TOKEN": TOKEN,
        }.items():
            monkeypatch.setenv(name, value)

    def report(self, name, *options):
        written(self.folder / ".cdml", *SCENARIOS[name]())
        return self.run(*options)

    def run(self, *options):
        return run(["report", "--config", str(self.folder / "cdml.yaml"), *options])

    def event(self, name, **told):
        self.setenv("GITHUB_EVENT_NAME", name)
        self.setenv("GITHUB_SHA", HEAD)
        self.setenv("GITHUB_REF", "refs/heads/main")
        (self.folder / "event.json").write_text(json.dumps(told))

    @property
    def outputs(self):
        found = re.findall(r"^(\S+)<<(\S+)\n(.*?)\n?\2$", self.output.read_text(), FLAGS)
        return {name: value for name, _, value in found}
