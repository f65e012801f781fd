"""The gate on all flights of half a year, beside `mlflow.models.evaluate` of both models.

The gate also validates the data, finds an interval for every metric on every slice and compares
in pairs; the other prints averages of one model at a time. Both are whole processes, on the same
166,668 rows and the same two models, trained here.
"""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from measure import ROOT, Row, seconds

GOAL = 2.0
EXAMPLE = ROOT / "examples" / "flights"
EVALUATE = """
import sys
import mlflow, pandas as pd
folder = sys.argv[1]
pd.set_option("future.infer_string", False)  # its evaluator knows object columns only
mlflow.set_tracking_uri(f"sqlite:///{folder}/bench.db")
rows = pd.read_parquet(f"{folder}/data/2013-h2.parquet")
for name in ("champion", "challenger"):
    model = mlflow.pyfunc.load_model(f"{folder}/models/{name}")
    data = rows[[*model.metadata.get_input_schema().input_names(), "late"]]
    mlflow.models.evaluate(model, data, targets="late", model_type="classifier",
                           evaluator_config={"pos_label": True, "log_explainer": False})
"""


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="cdml-bench-") as name:
        folder = Path(name)
        shutil.copytree(EXAMPLE / "contracts", folder / "contracts")
        shutil.copy(EXAMPLE / "cdml.yaml", folder)
        seconds([sys.executable, str(EXAMPLE / "prepare.py"), str(folder / "data")])
        seconds([sys.executable, str(EXAMPLE / "train.py"), str(folder)])
        gate = [sys.executable, "-m", "cdml", "gate", "--config", str(folder / "cdml.yaml")]
        gate += ["--model", "models/challenger", "--champion", "models/champion"]
        seconds(gate)  # builds the models' environment, which later runs find in the cache
        ours = seconds(gate)
        theirs = seconds([sys.executable, "-c", EVALUATE, name])
    ratio = theirs / ours
    yield Row(
        "`mlflow.models.evaluate` of both / `cdml gate`",
        f"{ratio:.1f} × ({theirs:.0f} s / {ours:.0f} s)",
        f"≥ {GOAL:g} ×",
        ratio >= GOAL,
    )
