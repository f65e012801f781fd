"""The residuals of a regression, by what was predicted."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from cdml.adapters.predictions.pairing import describe, require
from cdml.adapters.predictions.row_sql import PREDICTION
from cdml.adapters.tables.duckdb_engine import Engine
from cdml.adapters.tables.sql_engine import quote
from cdml.errors import InputError
from cdml.evaluation.prediction_store import RESIDUAL_BINS, RESIDUALS, Layout


def residuals(
    engine: Engine, predictions: Path, layout: Layout
) -> Mapping[str, tuple[Sequence[float], Sequence[float]]]:
    """See the port."""
    file = describe(engine, predictions)
    require(file, (PREDICTION, layout.label))
    for name in (PREDICTION, layout.label):
        if not file.fields[name].type.numeric:
            raise InputError(f"{predictions}: the column {name!r} holds no numbers.")
    label, predicted = (f"CAST({quote(name)} AS DOUBLE)" for name in (layout.label, PREDICTION))
    rows = f"SELECT {predicted} AS p, {predicted} - {label} AS e FROM {file.relation}"
    placed = (
        "SELECT p, e, row_number() OVER (ORDER BY p, e) - 1 AS place, count(*) OVER () AS n"
        f" FROM ({rows}) WHERE isfinite(p) AND isfinite(e)"
    )
    quantiles = ", ".join(map(str, RESIDUALS.values()))
    found = engine.ask(
        f"SELECT avg(p), quantile_cont(e, [{quantiles}]) FROM ({placed})"
        f" GROUP BY place * least({RESIDUAL_BINS}, n) // n ORDER BY 1",
        predictions,
    )
    means = [mean for mean, _ in found]
    return {name: (means, [at[place] for _, at in found]) for place, name in enumerate(RESIDUALS)}
