"""Score rows with a model. Run by the model's own interpreter, alone.

    python worker.py JOB.json STATUS_FD

This file imports nothing of cdml and keeps to Python 3.9: the environment is the model's. What it
finds it says in JSON lines on the descriptor STATUS_FD; standard output is the model's to litter.
The rows come without their label. The answer is a Parquet file with one row per row asked, in the
same order: `a0` ... `aN`, the columns that the model answered, as they are; their names, where
they have any, are said on the descriptor. Where a classifier answers one column and has
`predict_proba`, `p0` ... `pN` are its probabilities in the order of `classes`. What all this means
is not decided here.
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
SINGLE_ROWS = 400  # 300 are the least that can settle a p99
SINGLE_SECONDS = 2.0
ENOUGH_ROWS = 60  # the least that can settle a p95: a slow model is given longer for them
LONGEST_SECONDS = 10.0
MOST_COLUMNS = 5_000
MOST_REFUSED = 5
LONGEST = 400  # characters of what an exception says
BOOSTERS = ("xgboost", "lightgbm")
"""Libraries whose own boosters have the classes 0, 1, 2, ... and no others."""
STRIDE = 153  # has no factor in common with SINGLE_ROWS: any prefix is spread over the data


class UnusableModel(Exception):
    """The model answered something that cannot be used; the text says what."""


def main(job_path: str, status_fd: str) -> None:
    """Score what the job names, and say how it went."""
    with open(job_path, encoding="utf-8") as file:  # noqa: PTH123 - no more imports than needed
        job = json.load(file)
    status = os.fdopen(int(status_fd), "w", encoding="utf-8")

    def send_event(event: str, **fields: Any) -> None:
        status.write(json.dumps({"event": event, **fields}) + "\n")
        status.flush()

    stage, model = "load", None
    try:
        model = Model(job)
        stage = "predict"
        rows = write(model, job, send_event)
        time_single_rows(model, job, send_event)
        send_event(
            "done", rows=rows, names=model.names, classes=model.classes, counted=model.counted
        )
    except UnusableModel as error:
        send_event("error", stage=stage, kind="", message=bounded(str(error)))
    except MemoryError:
        send_event("error", stage=stage, kind="MemoryError", message="out of memory")
    except BaseException as error:  # noqa: BLE001 - a model may raise anything, SystemExit too
        refused = [] if model is None else model.refused_columns(error)
        message = "; ".join(refused) or reason(error)
        text = bounded(message) + ("" if refused else locate_failure(error, job["model"]))
        kind = type(error).__name__
        send_event("error", stage=stage, kind=kind, message=text, refused=bool(refused))


class Model:
    """A loaded model, asked in data frames."""

    def __init__(self, job: dict[str, Any]) -> None:
        import mlflow.pyfunc

        warnings.simplefilter("ignore")
        self.task: str = job["task"]
        self.pyfunc: Any = mlflow.pyfunc.load_model(job["model"])
        self.named = input_names(self.pyfunc)
        self.others: list[str] = job["others"]
        self.asked: Any = None
        self.raw = raw_model(self.pyfunc)
        self.features = listed(getattr(self.raw, "feature_names_in_", None))
        self.classes = class_list(self.raw) or class_list(python_model(self.pyfunc))
        self.counted = not self.classes and type(self.raw).__module__.startswith(BOOSTERS)
        has_classes = self.classes and self.raw is not None
        self.proba: Any = getattr(self.raw, "predict_proba", None) if has_classes else None
        self.names: list[Any] | None = None
        self.width = 0

    def frame(self, batch: Any) -> Any:
        """The inputs as the model has them.

        They come in the types of its signature. Where that names none, an estimator that
        remembers the columns it was fitted on is given those, in its order.
        """
        frame = batch.to_pandas()
        fitted = self.features
        if self.named:
            frame.columns = [self.named.get(name, name) for name in frame.columns]
        elif fitted and set(fitted) <= set(frame.columns):
            frame = frame[fitted]
        else:
            frame = frame.drop(columns=self.others)
        if not len(frame.columns):
            raise UnusableModel("no column is left as an input of the model")
        self.asked = frame
        return frame

    def refused_columns(self, error: BaseException) -> list[str]:
        """`column x: …` for each column that MLflow refuses alone, where it refused the rows."""
        if "Failed to enforce schema of data" not in str(error):
            return []
        try:
            from mlflow.models import validate_schema
            from mlflow.types.schema import Schema

            schema = self.pyfunc.metadata.get_input_schema()
            specs = [one for one in schema.inputs if one.name in self.asked.columns]
        except Exception:  # noqa: BLE001 - an older MLflow, or no columns with names
            return []
        refused = []
        for spec in specs:
            try:
                validate_schema(self.asked[[spec.name]], Schema([spec]))
            except Exception as trouble:  # noqa: BLE001 - each type has its own refusal
                prefix = f"Incompatible input types for column {spec.name}. "
                detail = str(trouble).replace(prefix, "")
                refused.append(f"column {spec.name}: {detail}")
        return refused[:MOST_REFUSED]

    def answer(self, frame: Any) -> dict[str, Any]:
        """The columns of the answer, and the probabilities if it has only one."""
        names, columns = read_answer(self.pyfunc.predict(frame), frame)
        if not 0 < len(columns) <= MOST_COLUMNS:
            raise UnusableModel(f"the model returned {len(columns):,} columns")
        if self.width and (names, len(columns)) != (self.names, self.width):
            raise UnusableModel("the model returned different columns for some rows")
        self.names, self.width = names, len(columns)
        arrays = {f"a{at}": arrow(values) for at, values in enumerate(columns)}
        if len(columns) == 1 and self.task != "regression" and self.proba is not None:
            matrix = self.probabilities(frame)
            arrays.update({f"p{at}": arrow(matrix[:, at]) for at in range(matrix.shape[1])})
        return arrays

    def probabilities(self, frame: Any) -> Any:
        """What predict_proba says, shape (rows, classes)."""
        import numpy as np

        inputs = frame[self.features] if self.features else frame
        matrix: Any = np.asarray(self.proba(inputs), dtype=np.float64)
        if matrix.shape != (len(frame), len(self.classes)):
            raise UnusableModel("predict_proba does not return one probability for each class")
        return matrix


def write(model: Model, job: dict[str, Any], send_event: Callable[..., None]) -> int:
    """Score all rows in chunks and give their number."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    source = pq.ParquetFile(job["data"])
    send_event("loaded", rows=source.metadata.num_rows)
    writer, rows = None, 0
    try:
        for batch in source.iter_batches(batch_size=CHUNK):
            answered = pa.table(model.answer(model.frame(batch)))
            if writer is None:
                send_event("inputs", names=[str(name) for name in model.asked.columns])
                writer = pq.ParquetWriter(job["output"], answered.schema)
            try:
                writer.write_table(answered.cast(writer.schema))
            except pa.ArrowException:
                raise UnusableModel("the model returned different types for some rows") from None
            rows += batch.num_rows
            send_event("rows", rows=batch.num_rows)
    finally:
        if writer is not None:
            writer.close()
    return rows


def time_single_rows(model: Model, job: dict[str, Any], send_event: Callable[..., None]) -> None:
    """Single rows, as a server sends them. The caller measures the time.

    Which rows, and in which order, depends on the data alone: two models get the same ones,
    the slower perhaps fewer.
    """
    import pyarrow.parquet as pq

    batch = next(pq.ParquetFile(job["data"]).iter_batches(batch_size=CHUNK))
    frame = model.frame(batch)
    count = min(SINGLE_ROWS, len(frame))
    chosen = [at * len(frame) // count for at in range(count)]
    order = sorted(range(count), key=lambda at: at * STRIDE % SINGLE_ROWS)
    # MLflow looks for the row 0 of what it makes a tensor of.
    singles = [frame.iloc[[chosen[at]]].reset_index(drop=True) for at in order]
    for row in singles[:WARM_UP]:
        model.pyfunc.predict(row)
    started = time.perf_counter()
    for at, row in enumerate(singles, 1):
        send_event("asked")
        model.pyfunc.predict(row)
        send_event("answered")
        given = SINGLE_SECONDS if at >= ENOUGH_ROWS else LONGEST_SECONDS
        if time.perf_counter() - started > given:
            break


def input_names(pyfunc: Any) -> dict[str, Any]:
    """The names of the signature's inputs by their text: they may be numbers."""
    schema = pyfunc.metadata.get_input_schema()
    if schema is None or not schema.has_input_names():
        return {}
    return {str(name): name for name in schema.input_names()}


def locate_failure(error: BaseException, folder: str) -> str:
    """Where in the model's own files an exception came from; nothing where it did not."""
    location, step = "", error.__traceback__
    while step is not None:
        path = step.tb_frame.f_code.co_filename
        if path.startswith(folder + os.sep):
            location = f" ({os.path.relpath(path, folder)}, line {step.tb_lineno})"
        step = step.tb_next
    return location


def reason(error: BaseException) -> str:
    """What an exception says; of MLflow's the end, which follows a print of all the rows."""
    return str(error).rpartition("'. Error: ")[2]


def bounded(text: str) -> str:
    """Text on one line, short; of a long one the end too, where the reason often stands."""
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} … {text[-LONGEST // 2 :]}"


def raw_model(pyfunc: Any) -> Any:
    """What the flavour wraps; None where it does not say."""
    try:
        return pyfunc.get_raw_model()
    except Exception:  # noqa: BLE001 - each flavour has its own refusal
        return None


def python_model(pyfunc: Any) -> Any:
    """The user's Python model that a pyfunc wraps; None where it wraps another."""
    try:
        return pyfunc.unwrap_python_model()
    except Exception:  # noqa: BLE001 - older versions of MLflow have other refusals
        return None


def class_list(raw: Any) -> list[Any]:
    """The classes that an estimator says it knows, in its order; empty where it says none."""
    try:
        classes = listed(getattr(raw, "classes_", None))
    except Exception:  # noqa: BLE001 - a property of somebody else's
        return []
    return classes if all(isinstance(one, (bool, int, float, str)) for one in classes) else []


def read_answer(answer: Any, frame: Any) -> tuple[list[Any] | None, list[Any]]:
    """The names of the answered columns, None where they have none, and their values."""
    import pandas as pd

    for method in ("to_pandas", "toPandas", "toarray", "detach"):
        if hasattr(answer, method):
            answer = getattr(answer, method)()
            break
    if (
        isinstance(answer, (list, tuple))
        and answer
        and all(isinstance(row, dict) for row in answer)
    ):
        if any(row.keys() != answer[0].keys() for row in answer):
            raise UnusableModel("the model returned mappings with different keys for some rows")
        answer = {key: [row[key] for row in answer] for key in answer[0]}
    if isinstance(answer, dict):
        return read_mapping(answer, frame)
    if isinstance(answer, (pd.DataFrame, pd.Series)):
        return read_pandas(answer, frame)
    return read_array(answer, frame)


def read_mapping(answer: dict[Any, Any], frame: Any) -> tuple[list[Any], list[Any]]:
    """A column for each key."""
    import numpy as np

    columns = []
    for value in answer.values():
        column = list(value) if isinstance(value, (list, tuple)) or np.ndim(value) else [value]
        require_rows(len(column), frame)
        columns.append(column)
    return name_list(answer), columns


def read_pandas(answer: Any, frame: Any) -> tuple[list[Any] | None, list[Any]]:
    """The columns of a frame, or a series; numbers that pandas counts with are no names."""
    import pandas as pd

    require_order(answer.index, frame)
    if isinstance(answer, pd.Series):
        return (None if answer.name is None else name_list([answer.name])), [answer]
    counted = isinstance(answer.columns, pd.RangeIndex)
    columns = [answer.iloc[:, at] for at in range(answer.shape[1])]
    return (None if counted else name_list(answer.columns)), columns


def read_array(answer: Any, frame: Any) -> tuple[list[Any] | None, list[Any]]:
    """The columns of an array of one or two dimensions, or the fields of its records."""
    import numpy as np

    try:
        array = np.asarray(answer)
    except ValueError:
        raise UnusableModel("the model returned rows of different lengths") from None
    if array.ndim == 0 and len(frame) == 1:
        array = array.reshape(1)
    if array.ndim not in (1, 2):
        raise UnusableModel(f"the model returned {type(answer).__name__} of shape {array.shape}")
    require_rows(len(array), frame)
    if array.dtype.names and array.ndim == 1:
        return name_list(array.dtype.names), [array[name] for name in array.dtype.names]
    if array.ndim == 1:
        return None, [array]
    return None, [array[:, at] for at in range(array.shape[1])]


def require_rows(answered: int, frame: Any) -> None:
    """Refuse another number of rows."""
    if answered != len(frame):
        raise UnusableModel(f"the model returned {answered} rows for {len(frame)}")


def require_order(index: Any, frame: Any) -> None:
    """Refuse an answer whose own index puts the rows in another order than the input."""
    require_rows(len(index), frame)
    if not index.equals(frame.index) and set(index) == set(frame.index):
        raise UnusableModel("the model returned the rows in a different order")


def name_list(names: Any) -> list[Any]:
    """Names of columns as JSON has them."""
    labels = [plain(name) for name in names]
    return [one if isinstance(one, (bool, int, float, str)) else str(one) for one in labels]


def arrow(values: Any) -> Any:
    """A column for the file."""
    import numpy as np
    import pyarrow as pa

    try:
        if getattr(getattr(values, "dtype", None), "kind", "") == "f":
            values = np.asarray(values, dtype=float)
        array = pa.array(values, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        raise UnusableModel("the model returned values of different types in one column") from None
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def listed(values: Any) -> list[Any]:
    """A plain list; empty for None."""
    return [] if values is None else [plain(value) for value in values]


def plain(value: Any) -> Any:
    """A value as Python's own type."""
    return value.item() if hasattr(value, "item") else value


if __name__ == "__main__":
    main(*sys.argv[1:])
