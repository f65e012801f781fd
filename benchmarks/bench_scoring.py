"""Processor time of a model's predictions: by the runner's own scoring, and in Spark (local[2]).

The model is that of examples/flights (gradient boosting), on rows like its own. Between the two
sizes lies what a row takes, without what starts Spark, loads the model and plans.

    CDML_BENCH_SCORING=0.1 python benchmarks/run.py scoring      a tenth of the rows
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from measure import ROOT, Row, Usage, tree_usage

sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "examples/flights")]

ROWS = (100_000, 1_000_000)
RUNNER, SPARK = "runner", "Spark"
_TRAINED = 50_000
_CATEGORIES = {"carrier": 16, "origin": 3, "dest": 100}


def rows() -> Iterator[Row]:
    """Both engines at both sizes, and what a row takes."""
    factor = float(os.environ.get("CDML_BENCH_SCORING", "1"))
    few, many = (int(count * factor) for count in ROWS)
    a_row = {}
    with tempfile.TemporaryDirectory(prefix="cdml-bench-") as name:
        folder = Path(name)
        _train(folder / "model")
        for engine in (RUNNER, SPARK):
            used = [_scored(folder, engine, count) for count in (few, many)]
            for count, one in zip((few, many), used, strict=True):
                yield Row(
                    f"{engine}: scoring {count:,} rows",
                    f"{one.processor:.1f} s of a processor, {one.mebibytes:,.0f} MiB",
                    "none",
                    reached=True,
                )
            a_row[engine] = (used[1].processor - used[0].processor) / (many - few)
            yield Row(
                f"{engine}: a row more",
                f"{a_row[engine] * 1e6:.0f} µs of a processor: {1 / a_row[engine]:,.0f} rows a"
                " second and core",
                "none",
                reached=True,
            )
    yield Row(
        "a row more in Spark / on the runner",
        f"{a_row[SPARK] / a_row[RUNNER]:.2f} ×",
        "none",
        reached=True,
    )


def _frame(count: int):
    """Rows like those of examples/flights."""
    import numpy as np
    import pandas as pd
    import train

    draw = np.random.default_rng(count)
    columns = {"flight_id": np.arange(count)}
    for name in train.PUSHBACK:
        if name in _CATEGORIES:
            codes = draw.integers(0, _CATEGORIES[name], count)
            columns[name] = np.array([f"{name[0]}{code:02d}" for code in range(100)])[codes]
        elif name in train.SCHEDULE:
            columns[name] = draw.integers(1, 1440, count)
        else:
            columns[name] = draw.normal(size=count)
    late = columns["dep_delay"] + columns["precip"] / 2 + draw.normal(size=count) > 1
    return pd.DataFrame(columns | {"late": late})


def _train(folder: Path) -> None:
    import train

    from support import models

    frame = _frame(_TRAINED)
    numbers = [name for name in train.PUSHBACK if name not in train.CATEGORIES]
    fitted = train.boosting(numbers).fit(frame[train.PUSHBACK], frame["late"])
    with models.quietly():
        from mlflow.models import infer_signature

        example = frame[train.PUSHBACK].head(5)
        signature = infer_signature(example, fitted.predict_proba(example))
    models.save_sklearn(folder, fitted, signature=signature, pyfunc_predict_fn="predict_proba")


def _scored(folder: Path, engine: str, count: int) -> Usage:
    data = folder / f"rows-{count}.parquet"
    if not data.exists():
        _frame(count).to_parquet(data, index=False)
    return tree_usage([sys.executable, __file__, engine, str(folder), str(data)], every=0.5)


def _score(engine: str, folder: Path, data: Path) -> None:
    """In a process apart: score all rows once."""
    from cdml.adapters.scoring.sandbox_choice import Enclosure
    from cdml.ci.run import RunTrust
    from cdml.evaluation.scorer import ScoringJob
    from fakes.progress import FakeProgress

    own = Enclosure(RunTrust(strangers=""))
    if engine == SPARK:
        from cdml.adapters.scoring.spark_scorer import SparkScorer
        from cdml.adapters.tables.spark import SparkTables

        scorer = SparkScorer(own, str(folder / "spark"))
        table = SparkTables().open(f"spark://local[2]#{data}")
    else:
        from cdml.adapters.scoring.scorer import ProcessScorer

        scorer, table = ProcessScorer(own), None
    job = ScoringJob(
        folder=folder, model=folder / "model", data=data, key=("flight_id",), label="late",
        carried=("carrier",), task="binary", positive=True, environment="current", timeout=7200,
        output=folder / "out" / "predictions.parquet", table=table,
    )  # fmt: skip
    scorer.score(job, FakeProgress())


if __name__ == "__main__":
    _score(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
