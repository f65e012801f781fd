"""What runs in Spark's Python workers: a model on its inputs, and the reading of its answers.

cdml's own code is sent there with the model; the executors have MLflow, pandas, pyarrow, and what
the model needs. A worker that runs a model is given the inputs and no other column.
"""

import base64
import hashlib
import json
import os
import re
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from types import ModuleType
from typing import Any

import pyarrow as pa
from pyspark import SparkFiles, TaskContext

from cdml.adapters.scoring import worker
from cdml.adapters.scoring.input_conversion import describe_arrow_type
from cdml.adapters.scoring.model_input import InputPlan, convert_inputs
from cdml.adapters.scoring.predictions import LabelColumn, Words, read_table
from cdml.errors import InputError
from cdml.evaluation.scorer import ScoringJob

MARK = "cdml-trouble:"
"""What stands before what went wrong, in the text of an exception."""
ANSWER = "answer"
KEPT_VARIABLES = frozenset(
    {"PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "PWD", "LD_LIBRARY_PATH",
     "JAVA_HOME", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES",
     "PYTHONPATH", "PYTHONHASHSEED", "PYTHONUNBUFFERED", "PYTHON_WORKER_FACTORY_SECRET",
     "PYTHON_WORKER_FACTORY_SOCK_PATH", "PYTHON_WORKER_FACTORY_SOCK_DIR"}
)  # fmt: skip
KEPT_PREFIXES = ("SPARK_", "PYSPARK_", "PYTHON_UDF_", "PYTHON_FAULTHANDLER_")
_CACHE = "_cdml_loaded_model"
_DDL = {
    pa.bool_(): "boolean",
    pa.int64(): "bigint",
    pa.float64(): "double",
    pa.string(): "string",
    pa.date32(): "date",
    pa.timestamp("us"): "timestamp_ntz",
    pa.list_(pa.float64()): "array<double>",
}
"""The types of answers that Spark keeps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelTask:
    """A model, sent as an archive with this SHA-256, and what it is given.

    `types` are the Arrow types of the columns of `plan`, in its order; `packages` are the names of
    what the model requires.
    """

    archive: str
    sha256: str
    plan: InputPlan
    types: Sequence[Any]
    task: str
    packages: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a model answers: Arrow types by `a0`, ... `p0`, ...; the rest as in `Words`."""

    schema: Any
    names: list[Any] | None
    classes: list[Any]
    counted: bool
    inputs: list[str] = field(default_factory=list)

    @property
    def ddl(self) -> str:
        """The fields of Spark's struct."""
        return ", ".join(f"{one.name} {_DDL[one.type]}" for one in self.schema)


class Trouble(Exception):
    """What went wrong, as the driver takes it out of Spark's own report."""

    def __init__(self, **told: Any) -> None:
        super().__init__(MARK + base64.b64encode(json.dumps(told).encode()).decode() + ";")


def is_kept(name: str) -> bool:
    """Whether an environment variable may be seen by a model."""
    return name in KEPT_VARIABLES or name.startswith(KEPT_PREFIXES)


def probe(task: ModelTask) -> Callable[[Iterator[Any]], Iterator[Any]]:
    """A function for `mapInArrow`: the shape of the answers to a few rows, as one text."""

    def probe_rows(batches: Iterator[Any]) -> Iterator[Any]:
        rows = pa.Table.from_batches(batches)
        with _model_errors("in the first rows"):
            model = _loaded(task)
            given, answers = _answered(model, task, rows.columns)
        shape = {
            "schema": _text(answers.schema.serialize()),
            "names": model.names,
            "classes": model.classes,
            "counted": model.counted,
            "inputs": [str(name) for name in model.asked.columns],
            "given": _text(_stream(given)),
            "answers": _text(_stream(answers)),
        }
        yield pa.RecordBatch.from_pydict({"reply": [json.dumps(shape)]})

    return probe_rows


def score(task: ModelTask, shape: Shape) -> Callable[[Iterator[pa.Array]], Iterator[pa.Array]]:
    """A function for `arrow_udf`: structs of inputs to structs of answers, batch by batch."""

    def score_batches(batches: Iterator[pa.Array]) -> Iterator[pa.Array]:
        start = 1
        for batch in batches:
            with _model_errors(_place(start, len(batch))):
                model = _loaded(task)
                model.names, model.width = shape.names, _width(shape)
                _, answers = _answered(model, task, batch.flatten())
                try:
                    answers = answers.cast(shape.schema)
                except (pa.ArrowException, ValueError):
                    raise worker.UnusableModel(
                        "the model returned different types for some rows"
                    ) from None
            start += len(batch)
            columns = [column.combine_chunks() for column in answers.columns]
            yield pa.StructArray.from_arrays(columns, fields=list(shape.schema))

    return score_batches


def read(
    job: ScoringJob, words: Words, label: LabelColumn, witness: Any, scores: Sequence[str],
    names: Sequence[str],
) -> Callable[[Iterator[Any]], Iterator[Any]]:  # fmt: skip
    """A function for `mapInArrow`: answers next to key, label and slices, to predictions.

    What answers mean depends on all of them. So each batch is read together with the `witness`, the
    rows that decide it.
    """

    def put(batches: Iterator[Any]) -> Iterator[Any]:
        start = 1
        for batch in batches:
            rows = pa.Table.from_batches([batch])
            there = rows[ANSWER].combine_chunks()
            answers = pa.Table.from_arrays(there.flatten(), names=witness.column_names)
            with _model_errors(_place(start, len(batch))):
                both = pa.concat_tables([witness, answers.cast(witness.schema)])
                reading = read_table(job, both, words, label)
                if list(reading.scores) != list(scores):
                    raise worker.UnusableModel(
                        "the answers for some rows cannot be read as those for the others"
                    )
            start += len(batch)
            kept = [rows[name] for name in rows.column_names if name != ANSWER]
            added = [reading.prediction, *(pa.array(one) for one in reading.scores.values())]
            parts = [*kept, *(one.slice(witness.num_rows) for one in added)]
            arrays = [
                one.combine_chunks() if isinstance(one, pa.ChunkedArray) else one for one in parts
            ]
            yield pa.RecordBatch.from_arrays(arrays, names=list(names))

    return put


def decode(reply: Mapping[str, Any]) -> tuple[Shape, Any, Any]:
    """What a probe said: the shape, the inputs of its rows, and the answers to them."""
    schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(reply["schema"])))
    shape = Shape(
        schema=schema,
        names=reply["names"],
        classes=reply["classes"],
        counted=reply["counted"] is True,
        inputs=[str(name) for name in reply["inputs"]],
    )
    given, answers = (
        pa.ipc.open_stream(base64.b64decode(reply[name])).read_all()
        for name in ("given", "answers")
    )
    return shape, given, answers


@contextmanager
def _model_errors(place: str) -> Iterator[None]:
    """Raise what a model raises as `Trouble`, with the place of the rows."""
    try:
        yield
    except InputError as error:
        raise Trouble(kind="", message=error.message, hint=error.hint, place=place) from None
    except worker.UnusableModel as error:
        raise Trouble(kind="", message=worker.bounded(str(error)), place=place) from None
    except BaseException as error:  # noqa: BLE001 - a model may raise anything, SystemExit too
        model, folder = _cache().get("model"), _cache().get("folder", "")
        stage = "load" if model is None else "predict"
        refused = [] if model is None or model.asked is None else model.refused_columns(error)
        message = worker.bounded("; ".join(refused) or worker.reason(error))
        text = message + ("" if refused else worker.locate_failure(error, folder))
        raise Trouble(
            stage=stage, kind=type(error).__name__, message=text, refused=bool(refused),
            place=place,
        ) from None  # fmt: skip


def _place(start: int, rows: int) -> str:
    context = TaskContext.get()
    partition = context.partitionId() if context else 0
    return f"in rows {start:,} to {start + rows - 1:,} of partition {partition}"


def _answered(model: Any, task: ModelTask, columns: Sequence[Any]) -> tuple[Any, Any]:
    """The rows as the model is given them, and its answers in types that Spark keeps."""
    plan = task.plan
    names = (*plan.columns, *plan.others)
    schema = pa.schema(list(zip(names, task.types, strict=True)))
    rows = pa.Table.from_arrays(list(columns), names=list(names)).cast(schema)
    given = convert_inputs(rows, plan)
    answers = pa.table(model.answer(model.frame(given)))
    return given, answers.cast(pa.schema([(one.name, _kept_type(one)) for one in answers.schema]))


def _kept_type(column: Any) -> Any:
    kind = column.type
    if pa.types.is_null(kind):
        return pa.float64()
    for test, kept in (
        (pa.types.is_boolean, pa.bool_()), (pa.types.is_integer, pa.int64()),
        (pa.types.is_floating, pa.float64()), (pa.types.is_decimal, pa.float64()),
        (pa.types.is_string, pa.string()), (pa.types.is_large_string, pa.string()),
        (pa.types.is_date, pa.date32()), (pa.types.is_timestamp, pa.timestamp("us")),
    ):  # fmt: skip
        if test(kind):
            return kept
    nested = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    if nested and (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)):
        return pa.list_(pa.float64())
    raise worker.UnusableModel(
        f"the model returned {describe_arrow_type(kind)}, which Spark cannot store"
    )


def _width(shape: Shape) -> int:
    return sum(name.startswith("a") for name in shape.schema.names)


def _loaded(task: ModelTask) -> Any:
    """The model, loaded once in each Python worker."""
    cache = _cache()
    key = (task.sha256, task.task, task.plan.others)
    if cache.get("key") != key:
        cache.clear()
        for name in [name for name in os.environ if not is_kept(name)]:
            del os.environ[name]
        os.environ.update(TZ="UTC", MLFLOW_DISABLE_TELEMETRY="true")
        _require_packages(task.packages)
        cache["folder"] = folder = _unpacked(task)
        others = list(task.plan.others)
        job = {"model": folder, "task": task.task, "others": others}
        cache["model"], cache["key"] = worker.Model(job), key
    return cache["model"]


def _cache() -> dict[str, Any]:
    return sys.modules.setdefault(_CACHE, ModuleType(_CACHE)).__dict__


def _require_packages(names: Sequence[str]) -> None:
    there = {re.sub(r"[-_.]+", "-", one.name).lower() for one in metadata.distributions()}
    there |= {"mlflow"} & {one.removesuffix("-skinny") for one in there}
    lacking = [name for name in names if name not in there]
    if lacking:
        raise worker.UnusableModel(
            f"the model requires {', '.join(lacking)}, which Spark's Python workers do not have"
        )


def _unpacked(task: ModelTask) -> str:
    """A private copy of the model, of an archive that is the one that was sent."""
    path = SparkFiles.get(task.archive)
    digest = hashlib.sha256()
    with open(path, "rb") as file:  # noqa: PTH123 - what Spark gives is a text
        while piece := file.read(1 << 20):
            digest.update(piece)
    if digest.hexdigest() != task.sha256:
        raise worker.UnusableModel("the model's files changed on their way to Spark's executors")
    folder = tempfile.mkdtemp(prefix="cdml-model-", dir=SparkFiles.getRootDirectory())
    with tarfile.open(path) as archive:
        archive.extractall(folder, filter="data")
    return os.path.join(folder, "model")  # noqa: PTH118 - the same


def _stream(table: Any) -> Any:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _text(buffer: Any) -> str:
    return base64.b64encode(buffer.to_pybytes()).decode()
