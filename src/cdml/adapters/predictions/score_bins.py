"""Scores counted by bin and label, where nothing needs them one by one."""

from pathlib import Path

import numpy as np

from cdml.adapters.predictions.pairing import Pair, describe_file, require_columns
from cdml.adapters.predictions.row_sql import SCORE, Row
from cdml.adapters.tables.duckdb_engine import Engine
from cdml.adapters.tables.sql_engine import literal
from cdml.evaluation.prediction_store import Layout
from cdml.statistics.curves import BINS, ScoreBins
from cdml.statistics.metrics import Task

# Square roots make bins narrow towards 0 and 1, where the scores of rare classes lie.
_BIN = (
    f"CAST({BINS / 2**0.5!r} * CASE WHEN score < 0.5 THEN sqrt(score)"
    f" ELSE {2**0.5!r} - sqrt(1 - score) END AS INTEGER)"
)
_UNIT = 2**30
"""Sums of whole numbers of these parts do not depend on who adds them up in which order."""


def score_bins(
    engine: Engine, predictions: Path, layout: Layout, classes: tuple[str, ...]
) -> ScoreBins:
    """See `PredictionStore`."""
    file = describe_file(engine, predictions)
    require_columns(file, (layout.required_label,))
    alone = Pair(challenger=file, champion=None, relation=f"{file.relation} c", positional=False)
    row = Row(pair=alone, layout=layout, classes=classes)
    if layout.task is Task.BINARY:
        require_columns(file, (SCORE,))
        scored = [(row.label(), row.score("c"))]
    else:
        scored = [(f"{row.label()} = {literal(name)}", row.score_of("c", name)) for name in classes]
    rows = " UNION ALL ".join(
        f"SELECT {label} AS label, {score} AS score FROM {alone.relation}"
        for label, score in scored
    )
    bins = engine.arrays(
        "SELECT count_if(label) AS positive, count(*) AS rows, min(score) AS low,"
        f" max(score) AS high, CAST(sum(CAST({_UNIT} * score AS BIGINT)) AS DOUBLE) AS total"
        f" FROM ({rows}) GROUP BY {_BIN} ORDER BY low",
        predictions,
    )
    numbers = {name: np.asarray(column, dtype=np.float64) for name, column in bins.items()}
    return ScoreBins(
        positive=numbers["positive"],
        other=numbers["rows"] - numbers["positive"],
        low=numbers["low"],
        high=numbers["high"],
        total=numbers["total"] / _UNIT,
    )
