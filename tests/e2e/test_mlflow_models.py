"""Models that MLflow's own client logged, on a real server and in a SQLite file."""

import warnings

import pytest

from cdml.adapters.registries.mlflow import MlflowRegistry
from cdml.adapters.scoring.sandbox_choice import Enclosure
from cdml.adapters.scoring.scorer import ProcessScorer
from cdml.ci.run import RunTrust
from cdml.evaluation.scorer import ScoringJob
from cdml.models.digest import model_digest
from fakes.progress import FakeProgress
from support import models


@pytest.fixture(params=["server", "sqlite"])
def registry(request, tmp_path):
    if request.param == "server":
        return MlflowRegistry(request.getfixturevalue("mlflow_address"), tmp_path)
    return MlflowRegistry("sqlite:///mlflow.db", tmp_path)


@pytest.fixture
def logged(registry, request, tmp_path, monkeypatch):
    """A model logged and registered as MLflow's tutorials do it."""
    monkeypatch.chdir(tmp_path)
    name = f"logged-{request.node.callspec.id}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow
        from sklearn.linear_model import LogisticRegression

        before = mlflow.get_tracking_uri()
        mlflow.set_tracking_uri(registry._at.uri)
        try:
            mlflow.set_experiment(name)
            rows = models.rows()
            with mlflow.start_run():
                return name, mlflow.sklearn.log_model(
                    LogisticRegression().fit(rows[["x", "y"]], rows["late"]),
                    name="model",
                    registered_model_name=name,
                    pip_requirements=["scikit-learn", "mlflow"],
                )
        finally:
            mlflow.set_tracking_uri(before)


def test_all_addresses_of_a_logged_model_give_the_same_bytes_and_it_is_scored(
    registry, logged, tmp_path
):
    name, info = logged
    addresses = [f"models:/{name}/1", info.model_uri, f"runs:/{info.run_id}/model"]

    folders = [registry.fetch(uri, tmp_path / str(i)) for i, uri in enumerate(addresses)]

    (digest,) = {model_digest(folder) for folder in folders}
    version = registry.register(name, folders[0], tags={}, source=addresses[0])
    assert ("1", digest) == (version.version, version.digest)
    anew = registry.register(f"{name}-copy", folders[1], tags={}, source=addresses[1])
    copied = registry.fetch(f"models:/{name}-copy/{anew.version}", tmp_path / "copy")
    assert digest == model_digest(copied)
    job = ScoringJob(
        folder=tmp_path,
        model=copied,
        data=models.parquet(tmp_path),
        key=("id",),
        label="late",
        carried=(),
        task="binary",
        positive=True,
        environment="current",
        timeout=120,
        output=tmp_path / "predictions.parquet",
    )
    assert 400 == ProcessScorer(Enclosure(RunTrust(strangers=""))).score(job, FakeProgress()).rows
