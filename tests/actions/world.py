"""A user's repository with everything around it."""

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

import yaml
from act_runner import Outcome, Repository, pull_request

from cdml.scaffold.init import init
from fakes.github_server import GitHubServer
from fakes.github_state import Comment

PYTHON = sys.executable
EVERYBODYS = "https://mlflow.example.org"
CONFIGURATION = """\
version: 1
model: {name}
registry: {{uri: "${{MLFLOW_TRACKING_URI}}"}}
data:
  evaluation: data/evaluation.parquet
  reference: data/reference.parquet
  key: [id]
  label: late
  positive: true
  slices: [origin]
  drift: {{ignore: [id]}}
gates:
  - {{metric: roc_auc, at_least: 0.6, max_regression: 0.01}}
scoring: {{environment: current, timeout: 2m}}
"""


@dataclass(frozen=True)
class World:
    """Where a user works.

    Attributes:
        name: the model's name in the registry.
        repository: the user's clone.
        github: what GitHub remembers.
        uri: the registry.
        models: champion, challenger, worse; data.
    """

    name: str
    repository: Repository
    github: GitHubServer
    uri: str
    models: Path

    def begin(self) -> None:
        """Write what `cdml init` writes, and fill it in as a user does."""
        init(self.repository.folder)
        self.repository.write("cdml.yaml", CONFIGURATION.format(name=self.name))
        self.repository.write(".gitignore", ".cdml/\n")
        shutil.copytree(self.models / "data", self.repository.folder / "data")
        self.fill_in(python=PYTHON)

    def fill_in(self, *, python: str | None) -> None:
        """Name the model in the workflows; without an interpreter, cdml installs itself."""
        for path in sorted((self.repository.folder / ".github/workflows").iterdir()):
            document = yaml.safe_load(path.read_text())
            # For YAML 1.1, and so for this library, `on` is a truth value.
            document = {"on" if key is True else key: value for key, value in document.items()}
            for job in document["jobs"].values():
                if "environment" in job:
                    job["environment"].pop("deployment", None)  # act does not know this key,
                job.get("concurrency", {}).pop("queue", None)  # nor this one
                for step in job["steps"]:
                    if step["uses"].startswith("org/"):
                        given = step.setdefault("with", {})
                        given["python"] = python or ""
                        brought = "challenger" in given.get("model", "")
                        given |= {"model": "model"} if brought else {}
            text = yaml.safe_dump(document, sort_keys=False, width=1000)
            for template, own in (
                ("my-model", self.name),
                ("https://mlflow.example.org", self.uri),
            ):
                text = text.replace(template, own)
            path.write_text(text)

    def propose(self, model: str) -> str:
        """Commit one of the models as the repository's model, and give the commit."""
        folder = self.repository.folder / "model"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.models / model, folder)
        return self.repository.commit(f"Propose the {model} model")

    def gate(self, number: int, head: str, workflow: str = "cdml-gate.yml") -> Outcome:
        """Push a commit to a pull request."""
        self.github.add_pull(number, head)
        return self.repository.run(workflow, "pull_request", pull_request(number, head))

    def comments(self, number: int) -> list[Comment]:
        """The comments that the token has written."""
        found = self.github.comments(number)
        return [comment for comment in found if comment.author == self.github.author]

    def versions(self) -> dict[str, dict[str, str]]:
        """The tags of every version in the registry."""
        wanted = quote(f"name='{self.name}'")
        found = self._ask(f"model-versions/search?filter={wanted}")
        return {
            version["version"]: {tag["key"]: tag["value"] for tag in version.get("tags", [])}
            for version in found.get("model_versions", [])
        }

    def champion(self) -> str:
        """The version that the alias names."""
        found = self._ask(f"registered-models/alias?name={quote(self.name)}&alias=champion")
        version: str = found["model_version"]["version"]
        return version

    def _ask(self, path: str) -> Any:
        with urlopen(f"{self.uri}/api/2.0/mlflow/{path}", timeout=30) as answer:  # noqa: S310 - ours
            return json.load(answer)
