"""Score rows with a model for real, behind walls of one's choice."""

import pytest

from cdml.adapters.scoring.sandbox import Walls
from cdml.adapters.scoring.sandbox_choice import Enclosure
from cdml.adapters.scoring.scorer import ProcessScorer
from cdml.ci.run import RunTrust
from cdml.evaluation.scorer import ScoringJob
from fakes.progress import FakeProgress
from support import models

BUILT = (Walls.NAMESPACES, Walls.SUDO)


def each(*which):
    """A parameter: each of these walls, where the machine lets us build them."""
    return pytest.mark.parametrize("walls", which, ids=str, indirect=True)


def score(folder, model, **options):
    """The predictions."""
    import pandas as pd

    return pd.read_parquet(scored_with(folder, model, **options).predictions)


def scored_with(folder, model, *, walls=None, timeout=120.0, hidden=()):
    """What the scoring process left."""
    job = ScoringJob(
        folder=folder,
        model=model,
        data=models.parquet(folder),
        key=("id",),
        label="minutes",
        carried=(),
        task="regression",
        positive=None,
        environment="current",
        timeout=timeout,
        output=folder / "predictions.parquet",
        hidden=hidden,
    )
    return ProcessScorer(Enclosure(RunTrust(strangers=""), walls)).score(job, FakeProgress())
