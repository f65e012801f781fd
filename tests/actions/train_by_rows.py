"""A user's training: fits weights to data/training.csv, and writes them as a model of MLflow.

It needs no library. The weight of a column is the difference of its means between the classes.
"""

import csv
import json
import os
import sys
from pathlib import Path

COLUMNS = ("x", "y")
SIGNATURE = [{"type": "double", "name": name, "required": True} for name in COLUMNS]
LOADER = """\
import json
import math


class Model:
    def __init__(self, weights):
        self.weights = weights

    def predict(self, frame, params=None):
        total = sum(weight * frame[name] for name, weight in self.weights.items())
        return total.map(lambda value: 1 / (1 + math.exp(-value)))


def _load_pyfunc(path):
    with open(path) as file:
        return Model(json.load(file))
"""
MLMODEL = """\
flavors:
  python_function:
    loader_module: linear
    code: code
    data: weights.json
    python_version: {python}
signature: {{inputs: '{inputs}'}}
mlflow_version: 3.17.2
"""


def fit(rows: Path) -> dict[str, float]:
    """The weights for these rows."""
    with rows.open() as file:
        table = list(csv.DictReader(file))
    classes = {late: [row for row in table if row["late"] == late] for late in ("True", "False")}
    means = {
        (late, name): sum(float(row[name]) for row in some) / len(some)
        for late, some in classes.items()
        for name in COLUMNS
    }
    return {name: means["True", name] - means["False", name] for name in COLUMNS}


def save(folder: Path, weights: dict[str, float]) -> None:
    """Write the model."""
    (folder / "code").mkdir(parents=True)
    (folder / "code/linear.py").write_text(LOADER)
    (folder / "weights.json").write_text(json.dumps(weights))
    python = ".".join(map(str, sys.version_info[:3]))
    inputs = json.dumps(SIGNATURE)
    (folder / "MLmodel").write_text(MLMODEL.format(python=python, inputs=inputs))


if __name__ == "__main__":
    sys.stdout.write(f"training, token {os.environ.get('GITHUB_TOKEN', 'none')}\n")
    save(Path("model"), fit(Path("data/training.csv")))
