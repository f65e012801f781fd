"""Rows and three small models, and a champion that was there before cdml came.

    python make_models.py FOLDER            write the rows and the models
    python make_models.py FOLDER URI NAME   make FOLDER/champion the champion of a registry

champion: sees the better of two features. challenger: sees both. worse: sees the other.
A program of its own, because the tests import nothing heavy.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from mlflow import MlflowClient

from support.models import classifier, rows

MODELS = {"champion": ("x",), "challenger": ("x", "y"), "worse": ("y",)}
COLUMNS = ["id", "origin", "x", "y", "late"]


def make(folder: Path) -> None:
    """Write data/ and one folder per model."""
    (folder / "data").mkdir(parents=True)
    earlier = rows(1200, seed=7)[COLUMNS].assign(id=lambda frame: frame["id"] - 1200)
    earlier.to_parquet(folder / "data" / "reference.parquet")
    rows(1200, seed=8)[COLUMNS].to_parquet(folder / "data" / "evaluation.parquet")
    for name, features in MODELS.items():
        classifier(folder / name, features)


def crown(folder: Path, uri: str, name: str) -> None:
    """Register the champion as people do without cdml, and give it the alias."""
    client = MlflowClient(uri)
    client.create_registered_model(name)
    run = client.create_run(client.create_experiment(name))
    client.log_artifacts(run.info.run_id, str(folder / "champion"), "model")
    source = f"{run.info.artifact_uri}/model"
    version = client.create_model_version(name, source, run.info.run_id)
    client.set_registered_model_alias(name, "champion", version.version)


if __name__ == "__main__":
    if len(sys.argv) == 2:
        make(Path(sys.argv[1]))
    else:
        crown(Path(sys.argv[1]), *sys.argv[2:])
