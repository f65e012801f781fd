"""A repository whose models are gated, deployed by canary and rolled back, by the command line."""

import json
import os
import re
import subprocess
import sys

import yaml

from support import models

HONEST = "return 0.1 + 0.8 * (frame['x'] + 0.5 * frame['y'] > 0).to_numpy()"
PREDICTS = {
    "first": HONEST,
    "good": f"frame = frame.astype(float)\n{HONEST}",
    # Rows it was never judged on: the gate cannot know.
    "throws": f"if (frame['x'] > 90).any(): raise ValueError('no such x')\n{HONEST}",
    "slow": f"import time\nif (frame['x'] > 90).any(): time.sleep(2.5)\n{HONEST}",
}
ROWS = [[1.0, 2.0], [-1.0, 0.5], [0.2, -3.0], [99.0, 1.0]]
"""What clients ask; the last one is a kind of row that was not in the evaluation."""
OVERRIDES = ("--override", "champion-moved", "--reason", "the story needs it")


class CanaryStory:
    """A repository with a registry, and a configuration with this target and this traffic."""

    def __init__(self, folder, target, traffic, **variables):
        from mlflow.models import infer_signature

        self.folder, self.variables = folder, variables
        models.parquet(folder, models.rows(1000))
        (folder / "models").mkdir()
        asked = infer_signature(models.rows()[["x", "y"]], models.rows()["x"].to_numpy())
        for name, predict in PREDICTS.items():
            models.written(folder / "models" / name, predict, signature=asked)
        canary = {
            "steps": [25, 50, 100], "every": "2s", "timeout": "4m", "latency_limit_ms": 1500,
            "tolerated_error_rate": 0.02,
            "traffic": traffic,
        }  # fmt: skip
        config = {
            "version": 1, "model": "risk", "registry": {"uri": "folder:registry"},
            "data": {"evaluation": "rows.parquet", "key": ["id"], "label": "late",
                     "positive": True},
            "gates": [{"metric": "roc_auc", "at_least": 0.7}],
            "scoring": {"environment": "current"},
            "deploy": {"target": target, "canary": canary},
        }  # fmt: skip
        (folder / "cdml.yaml").write_text(yaml.safe_dump(config))
        subprocess.run(["git", "init", "-q", "--bare", "origin.git"], cwd=folder, check=True)
        subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
        subprocess.run(["git", "remote", "add", "origin", "origin.git"], cwd=folder, check=True)

    def cdml(self, *arguments, expected=0):
        command = [sys.executable, "-m", "cdml", *arguments]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, **self.variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )
        assert expected == done.returncode, done.stdout + done.stderr
        return done.stdout + done.stderr

    def judged(self, name):
        """Its version, once it has passed its gate."""
        gate = ("gate", "--model", f"models/{name}", "--register", "risk", "--champion", "none")
        self.cdml(*gate)
        return str(len(list((self.folder / "registry").rglob("MLmodel"))))

    @property
    def looks(self):
        """What the judge said, look by look."""
        return [step["detail"] for step in self.evidence["steps"] if step["name"] == "look"]

    @property
    def shares(self):
        """The shares that the last deploy gave the new version, in percent."""
        told = [step["detail"] for step in self.evidence["steps"] if step["name"] == "switch"]
        return [int(re.search(r"has (\d+) %", detail)[1]) for detail in told]

    @property
    def evidence(self):
        return json.loads((self.folder / ".cdml" / "deployment.json").read_text())
