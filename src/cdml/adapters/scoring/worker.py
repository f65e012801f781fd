"""Score rows with a model. Run by the model's own interpreter, alone.

    python worker.py JOB.json STATUS_FD

This file imports nothing of cdml and keeps to Python 3.9: the environment is the model's. What it
finds it says in JSON lines on the descriptor STATUS_FD; standard output is the model's to litter.
The rows come without their label. The answer is a Parquet file with one row per row asked, in the
same order: `prediction`, and for classifiers `p0` ... `pN` in the order of `classes`.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from collections.abc import Callable  # noqa: TC003 - no block for one name
from typing import Any

CHUNK = 20_000
WARM_UP = 5
SINGLE_ROWS = 400  # 300 are the least that can tell of a p99
SINGLE_SECONDS = 2.0
ENOUGH_ROWS = 60  # the least that can tell of a p95: a slow model is given longer for them
LONGEST_SECONDS = 10.0
STRIDE = 153  # has no factor in common with SINGLE_ROWS: any prefix is spread over the data


class Unusable(Exception):
    """The model answered something that cannot be used; the text says what."""


def main(job_path: str, status_fd: str) -> None:
    """Score what the job names, and say how it went."""
    with open(job_path, encoding="utf-8") as file:  # noqa: PTH123 - no more imports than needed
        job = json.load(file)
    status = os.fdopen(int(status_fd), "w", encoding="utf-8")

    def tell(event: str, **fields: Any) -> None:
        status.write(json.dumps({"event": event, **fields}) + "\n")
        status.flush()

    stage = "load"
    try:
        model = Model(job)
        stage = "predict"
        rows = write(model, job, tell)
        tell("latency", ms=latencies(model, job))
        tell("done", rows=rows, classes=model.told_classes())
    except Unusable as error:
        tell("error", stage=stage, kind="", message=str(error)[:2000])
    except MemoryError:
        tell("error", stage=stage, kind="MemoryError", message="out of memory")
    except BaseException as error:  # noqa: BLE001 - a model may raise anything, SystemExit too
        tell("error", stage=stage, kind=type(error).__name__, message=str(error)[:2000])


class Model:
    """A loaded model, asked in data frames."""

    def __init__(self, job: dict[str, Any]) -> None:
        import mlflow.pyfunc

        warnings.simplefilter("ignore")
        self.task: str = job["task"]
        self.labels: list[Any] = job["labels"]
        self.pyfunc: Any = mlflow.pyfunc.load_model(job["model"])
        self.types = input_types(self.pyfunc)
        self.raw = raw_model(self.pyfunc)
        self.features = listed(getattr(self.raw, "feature_names_in_", None))
        self.classes: list[Any] = listed(getattr(self.raw, "classes_", None))
        self.proba = getattr(self.raw, "predict_proba", None) if self.classes else None

    def told_classes(self) -> list[Any]:
        """The classes in the order of the probabilities."""
        return [plain(value) for value in self.classes]

    def frame(self, batch: Any) -> Any:
        """The rows as the signature wants them, where that loses nothing.

        Without a signature: the columns an estimator was fitted on, if it remembers them.
        """
        frame = batch.to_pandas()
        if not self.types and self.features and set(self.features) <= set(frame.columns):
            frame = frame[self.features]
        for name in frame.columns:
            wanted = self.types.get(name)
            if wanted and not frame[name].isna().any() and str(frame[name].dtype) != wanted:
                try:
                    cast = frame[name].astype(wanted)
                except (TypeError, ValueError):
                    continue
                if (cast == frame[name]).all():
                    frame[name] = cast
        return frame

    def answer(self, frame: Any) -> tuple[Any, Any]:
        """The predictions, and the probabilities (rows x classes) or None."""
        if self.task == "regression":
            return column(self.pyfunc.predict(frame), len(frame)), None
        said = self.pyfunc.predict(frame)
        matrix = table(said, len(frame))
        if matrix is not None:  # the model answers probabilities itself
            self.name_columns(said, matrix.shape[1])
            return self.from_probabilities(matrix)
        said = column(said, len(frame))
        if self.proba is None and self.task == "binary" and self.is_probability(said):
            import numpy as np

            self.classes = self.classes or self.labels
            positive = said.astype(float)
            return self.from_probabilities(np.column_stack([1 - positive, positive]))
        return said, self.probabilities(frame)

    def probabilities(self, frame: Any) -> Any:
        """What predict_proba says, where there is one."""
        if self.proba is None:
            return None
        asked = frame[self.features] if self.features else frame
        matrix = table(self.proba(asked), len(frame))
        if matrix is None or matrix.shape[1] != len(self.classes):
            raise Unusable("predict_proba does not answer one probability for each class")
        return matrix

    def from_probabilities(self, matrix: Any) -> tuple[Any, Any]:
        """The likeliest class of each row, beside the probabilities."""
        import numpy as np

        best = matrix.argmax(axis=1) if not np.isnan(matrix).any() else [0] * len(matrix)
        return [self.classes[index] for index in best], matrix

    def name_columns(self, said: Any, width: int) -> None:
        """Which class each column of probabilities is of."""
        if self.classes and len(self.classes) == width:
            return
        named = listed(getattr(said, "columns", None))
        known = {str(label) for label in self.labels}
        if named and known <= {str(name) for name in named}:
            self.classes = named
        elif width == len(self.labels):
            self.classes = self.labels
        else:
            raise Unusable(
                f"the model answers {width} columns and the label has {len(self.labels)} values"
            )

    def is_probability(self, said: Any) -> bool:
        """Whether numbers are shares and not class labels."""
        import numpy as np

        known = {str(label) for label in self.labels}
        if said.dtype.kind == "f" and (bad := int((~np.isfinite(said)).sum())):
            raise Unusable(f"{bad:,} of {len(said):,} predictions are missing or not finite")
        if said.dtype.kind != "f" or {str(value) for value in np.unique(said)[:50]} <= known:
            return False
        if bool(((said >= 0) & (said <= 1)).all()):
            return not set(np.unique(said)[:50].tolist()) <= {0.0, 1.0}
        raise Unusable("the model answers numbers that are neither classes nor probabilities")


def write(model: Model, job: dict[str, Any], tell: Callable[..., None]) -> int:
    """Score all rows in chunks and give their number."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    source = pq.ParquetFile(job["data"])
    tell("loaded", rows=source.metadata.num_rows)
    writer, rows = None, 0
    try:
        for batch in source.iter_batches(batch_size=CHUNK):
            said, matrix = model.answer(model.frame(batch))
            answer = {"prediction": pa.array(np.asarray(said), from_pandas=True)}
            for index in range(0 if matrix is None else matrix.shape[1]):
                answer[f"p{index}"] = pa.array(matrix[:, index].astype(float))
            answered = pa.table(answer)
            if writer is None:
                writer = pq.ParquetWriter(job["output"], answered.schema)
            writer.write_table(answered.cast(writer.schema))
            rows += batch.num_rows
            tell("rows", rows=batch.num_rows)
    finally:
        if writer is not None:
            writer.close()
    return rows


def latencies(model: Model, job: dict[str, Any]) -> list[float]:
    """Milliseconds for single rows, asked as a server asks.

    Which rows, and in which order, depends on the data alone: two models are asked the same ones,
    the slower perhaps fewer.
    """
    import pyarrow.parquet as pq

    batch = next(pq.ParquetFile(job["data"]).iter_batches(batch_size=CHUNK))
    frame = model.frame(batch)
    count = min(SINGLE_ROWS, len(frame))
    chosen = [at * len(frame) // count for at in range(count)]
    order = sorted(range(count), key=lambda at: at * STRIDE % SINGLE_ROWS)
    singles = [frame.iloc[[chosen[at]]] for at in order]
    for row in singles[:WARM_UP]:
        model.pyfunc.predict(row)
    found, started = [], time.perf_counter()
    for row in singles:
        begun = time.perf_counter()
        model.pyfunc.predict(row)
        found.append((time.perf_counter() - begun) * 1000)
        given = SINGLE_SECONDS if len(found) >= ENOUGH_ROWS else LONGEST_SECONDS
        if time.perf_counter() - started > given:
            break
    return found


def input_types(pyfunc: Any) -> dict[str, str]:
    """The pandas types of the signature's columns."""
    schema = pyfunc.metadata.get_input_schema()
    if schema is None or schema.is_tensor_spec():
        return {}
    wanted = {
        "long": "int64",
        "integer": "int32",
        "double": "float64",
        "float": "float32",
        "boolean": "bool",
    }
    return {
        spec.name: wanted[spec.type.name]
        for spec in schema.inputs
        if getattr(spec.type, "name", None) in wanted
    }


def raw_model(pyfunc: Any) -> Any:
    """What the flavour wraps; None where it will not tell."""
    try:
        return pyfunc.get_raw_model()
    except Exception:  # noqa: BLE001 - each flavour has a refusal of its own
        return None


def table(said: Any, rows: int) -> Any:
    """Answers as a matrix of two columns or more, or None."""
    import numpy as np

    array = np.asarray(said)
    if array.ndim != 2 or array.shape[1] < 2:  # noqa: PLR2004 - a matrix
        return None
    if len(array) != rows:
        raise Unusable(f"the model answered {len(array)} rows for {rows}")
    try:
        return array.astype(float)
    except (TypeError, ValueError):
        raise Unusable("the model answers several columns that are not numbers") from None


def column(said: Any, rows: int) -> Any:
    """Answers as one value per row."""
    import numpy as np

    if isinstance(said, dict):
        raise Unusable("the model answers a mapping; one value per row is needed")
    array = np.asarray(said)
    if array.ndim == 2 and array.shape[1] == 1:  # noqa: PLR2004 - a single column
        array = array[:, 0]
    if array.ndim != 1:
        raise Unusable(f"the model answers an array of shape {array.shape}")
    if len(array) != rows:
        raise Unusable(f"the model answered {len(array)} rows for {rows}")
    return array


def listed(values: Any) -> list[Any]:
    """A plain list; empty for None."""
    return [] if values is None else [plain(value) for value in values]


def plain(value: Any) -> Any:
    """A value as Python's own type."""
    return value.item() if hasattr(value, "item") else value


if __name__ == "__main__":
    main(*sys.argv[1:])
