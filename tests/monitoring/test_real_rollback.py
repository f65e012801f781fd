"""A rollback that monitoring proves, with MLflow's registry and models in own processes."""

import pandas as pd
import pytest

from cdml.adapters.registries.mlflow import MlflowRegistry
from cdml.adapters.scoring.sandbox_choice import Enclosure
from cdml.adapters.scoring.scorer import ProcessScorer
from cdml.ci.run import RunTrust
from support import models
from support.monitoring_scenarios import MONITORING, MonitoredWorld

pytestmark = pytest.mark.long


class RealWorld(MonitoredWorld):
    """Models that MLflow saved, registered in a SQLite file, and an alias of it as target."""

    def __init__(self, folder):
        super().__init__(
            folder,
            monitoring=f"{MONITORING}  on_degradation: [rollback]\n",
            inputs={"good": 0.9, "bad": None},
        )
        self.registry = MlflowRegistry("sqlite:///mlflow.db", folder)
        self.scorer = ProcessScorer(Enclosure(RunTrust(strangers="")))

    def register(self, name, **words):
        from mlflow.models import infer_signature

        signature = infer_signature(pd.DataFrame({name: [0.2, 0.8]}))
        answer = f"return frame[{name!r}]"
        models.written(self.folder / f"model-{name}", answer, signature=signature)
        return super(MonitoredWorld, self).register(name, **words)

    def configure(self, text):
        super().configure(f"{text}scoring: {{environment: current}}\n")

    @property
    def serving(self):
        champion = self.registry.champion("flights", "champion")
        return champion and champion.version


def test_the_alias_is_moved_back_to_a_model_that_is_proven_better(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    world = RealWorld(tmp_path)
    world.ship("good", "bad")
    assert "2" == world.serving
    world.serve(16, accuracy=0.6, rows=100)

    seen = world.monitor()

    [done] = seen.reactions
    assert ("rollback", "done") == (done.kind, done.state), done.detail
    assert "v1 is proven better than v2. Accuracy rose from 0.5" in done.detail
    assert "1" == world.serving
    world.monitor()
    assert ["rollback", "deploy", "deploy"] == [one.kind for one in world.ledger.entries]
