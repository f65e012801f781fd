"""Scores with a model in Spark, where the rows are; the predictions stay there.

A model runs in the Python workers of Spark's executors, without isolation: whoever runs Spark
decides what they can reach. It gets no variable of the job's, and no column but its inputs.
"""

import atexit
import base64
import hashlib
import json
import os
import re
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from threading import Timer
from typing import Any, cast
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from packaging.markers import Marker
from pyspark.sql import functions as F  # noqa: N812 - as everywhere

import cdml
from cdml.adapters.scoring import spark_functions, spark_witness, worker
from cdml.adapters.scoring.model_input import InputPlan, plan_inputs, refuse_label
from cdml.adapters.scoring.model_requirements import parse_requirements
from cdml.adapters.scoring.predictions import (
    LabelColumn,
    Words,
    order_labels,
    read_table,
    refuse_another_order,
)
from cdml.adapters.scoring.reference_rows import write_reference_rows
from cdml.adapters.scoring.sandbox_choice import Enclosure
from cdml.adapters.scoring.scorer import advise, clean_line, describe_failure
from cdml.adapters.scoring.subprocesses import private_folder
from cdml.adapters.tables.dialects import translate
from cdml.adapters.tables.export import arrow_type, has_changed
from cdml.adapters.tables.spark import ERRORS, SparkView
from cdml.adapters.tables.sql_table import SqlTable
from cdml.common.progress import Progress
from cdml.config.class_labels import closed_values
from cdml.data.rules.signature import INTEGER_RANGES
from cdml.errors import ConfigurationError, InputError
from cdml.evaluation.scorer import Scored, ScoringJob
from cdml.evidence.reference_rows import SUFFIX
from cdml.evidence.store import write_atomically
from cdml.models.digest import model_files
from cdml.models.mlmodel import MlModel, read_mlmodel
from cdml.tables.query import Missing

ISOLATION = "spark"
_PROBED = 100
"""Rows that are scored first, to know what the model answers."""
_MANY_CLASSES = 1000
PREDICTION = "prediction"
_TROUBLE = re.compile(re.escape(spark_functions.MARK) + r"([A-Za-z0-9+/=]+);")
_VERSION = r"\(?(\d+)[.,] ?(\d+)"
_OTHER_PYTHON = re.compile(rf"version:? {_VERSION}\)? than that in driver:? {_VERSION}")
_NO_MODULE = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")
_SHAPES = "docs/answers.md describes what a model may return."


class SparkScorer:
    """Runs each model in the Spark session that has its rows; writes to a folder of `output`."""

    def __init__(self, enclosure: Enclosure, output: str) -> None:
        self._enclosure = enclosure
        self._output = output
        self._written: dict[str, Callable[[], None]] = {}
        atexit.register(self._discard)

    @property
    def at_once(self) -> int:
        """One model after another: each has all of Spark."""
        return 1

    @property
    def isolations(self) -> frozenset[str]:
        """Whoever runs Spark decides; cdml isolates nothing."""
        return frozenset({ISOLATION})

    @property
    def times_rows(self) -> bool:
        """No row is sent alone: a time in Spark says nothing about one in production."""
        return False

    def score(self, job: ScoringJob, progress: Progress) -> Scored:
        """Score all rows and write the predictions as a folder of Parquet files.

        Raises:
            InputError: the model cannot be loaded, throws, answers NaN or too few rows, or is
                not done in time.
            ConfigurationError: the rows are not in Spark, or models must be isolated.
        """
        self._enclosure.require_no_isolation("scoring.engine: spark")
        place = _place_of(job)
        run = _Run(job=job, place=place, folder=f"{self._output.rstrip('/')}/{_name(job)}")
        progress.note(f"The model runs in Spark without isolation (isolation: {ISOLATION}).")
        with run.prepared(), progress.step(f"scoring {run.rows:,} rows", run.rows) as step:
            try:
                notes = run.score()
            except BaseException:
                run.delete(run.folder)
                raise
            step.advance(run.rows)
        for note in notes:
            progress.note(note)
        self._written[run.folder] = lambda: run.delete(run.folder)
        address = f"{place.address}#{run.folder}"
        return Scored(
            predictions=Path(run.folder),
            rows=run.rows,
            latency_ms=(),
            isolation=ISOLATION,
            table=address,
        )

    def keep(self, scored: str) -> None:
        """Leave these predictions where they are after the command."""
        self._written.pop(scored.partition("#")[2], None)

    def _discard(self) -> None:
        for delete in self._written.values():
            delete()


def _name(job: ScoringJob) -> str:
    """A name that no other run has: nobody reads what another is writing."""
    return f"{job.output.stem}-{uuid4().hex[:12]}.parquet"


def _place_of(job: ScoringJob) -> SparkView:
    place = job.table.place if isinstance(job.table, SqlTable) else None
    if not isinstance(place, SparkView):
        raise ConfigurationError(
            f"scoring.engine is spark, but {job.data} is not in Spark.",
            "Give the evaluation rows as spark://#catalog.table, or set scoring.engine to local.",
        )
    return place


@dataclass(kw_only=True)
class _Run:
    """One model on one table."""

    job: ScoringJob
    place: SparkView
    folder: str
    deadline: list[Timer] = field(default_factory=list)
    late: bool = False
    inputs: tuple[str, ...] = ()
    sample: list[Any] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return self._table.ref.rows

    @property
    def _table(self) -> SqlTable:
        return cast("SqlTable", self.job.table)

    @property
    def _context(self) -> Any:
        return self.place.session.sparkContext

    @cached_property
    def _mlmodel(self) -> MlModel:
        return read_mlmodel(self.job.model)

    @cached_property
    def plan(self) -> InputPlan:
        """What the model is given; see `plan_inputs`."""
        refuse_label(self.job, self._mlmodel)
        schema = pa.schema([(one.name, arrow_type(one)) for one in self._table.fields])
        return plan_inputs(self.job, self._mlmodel, schema.names, schema)

    @cached_property
    def _kept(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.job.key, self.job.label, *self.job.carried)))

    @property
    def _given(self) -> tuple[str, ...]:
        return (*self.plan.columns, *self.plan.others)

    @contextmanager
    def prepared(self) -> Iterator[None]:
        """Within it what Spark runs ends in time, and says nothing on the terminal."""
        context, python = self._context, self._context.pythonExec
        if context.master.startswith("local") and "PYSPARK_PYTHON" not in os.environ:
            context.pythonExec = sys.executable
        group = f"cdml-score-{uuid4().hex}"
        context.setJobGroup(group, "a model's predictions", interruptOnCancel=True)
        timer = Timer(self.job.timeout, self._end, [group])
        timer.daemon = True
        timer.start()
        context.setLogLevel("OFF")  # what went wrong is a sentence of ours
        try:
            yield
        finally:
            timer.cancel()
            context.pythonExec = python
            context.setLogLevel("ERROR")
            context.setLocalProperty("spark.jobGroup.id", None)

    def _end(self, group: str) -> None:
        self.late = True
        self._context.cancelJobGroup(group)

    def score(self) -> Sequence[str]:
        """Write the predictions; gives sentences about what was not read."""
        self._refuse_missing()
        label = self._label()
        staged = f"{self.folder.removesuffix('.parquet')}-answers.parquet"
        with private_folder("cdml-spark-") as scratch:
            task = self._send(scratch)
            try:
                shape = self._staged(task, staged)
                notes = self._read(staged, shape, label)
            finally:
                self.delete(staged)
        self._refuse_changed()
        return notes

    def _refuse_missing(self) -> None:
        """Refuse missing values where the signature has none, as `convert` does of all rows."""
        named = [name for name, kind in self.plan.types.items() if kind in INTEGER_RANGES]
        counted = self._table.count([Missing(name) for name in named])
        for name, missing in zip(named, counted, strict=True):
            if isinstance(missing, int) and 0 < missing < self.rows:
                raise InputError(
                    f"these rows do not fit the model's inputs: column {name}: {missing:,} of"
                    f" {self.rows:,} values are missing, but the signature's type"
                    f" {self.plan.types[name]} has no missing values (double has).",
                    "Log the model with a signature inferred from rows like these.",
                )

    def _label(self) -> LabelColumn:
        name = self.job.label
        column = self._table.columns[name].field
        values: list[Any] = []
        if self.job.task != "regression":
            listed = self._table.frequencies(name, _MANY_CLASSES + 1)
            values = order_labels(self.job, [value for value, _ in listed])
        return LabelColumn(type=arrow_type(column), values=values)

    def _send(self, scratch: Path) -> spark_functions.ModelTask:
        """Send cdml's code and the model's files, as the digest has them, to the executors."""
        code = scratch / f"cdml-{uuid4().hex[:12]}.zip"
        with zipfile.ZipFile(code, "w", zipfile.ZIP_DEFLATED) as archive:
            source = Path(cdml.__file__).parent
            for path in source.rglob("*.py"):
                archive.write(path, Path("cdml") / path.relative_to(source))
        self._context.addPyFile(str(code))
        packed = scratch / f"model-{uuid4().hex[:12]}.tar"
        with tarfile.open(packed, "w") as archive:
            for relative in model_files(self.job.model):
                archive.add((self.job.model / relative).resolve(), f"model/{relative}")
        self._context.addFile(str(packed))
        return spark_functions.ModelTask(
            archive=packed.name,
            sha256=_sha256(packed),
            plan=self.plan,
            types=[arrow_type(self._table.columns[name].field) for name in self._given],
            task=self.job.task,
            packages=_packages(self.job.model),
        )

    def _select(self, names: Sequence[str]) -> Any:
        """Columns of the rows as cdml reads them, under numbers that no engine changes."""
        columns = (self._table.columns[name] for name in names)
        values = ", ".join(f'{column.value} AS "c{at}"' for at, column in enumerate(columns))
        question = f"SELECT {values} FROM {self.place.relation}"  # noqa: S608 - names are quoted
        return self.place.session.sql(translate(question, "spark"))

    def _staged(self, task: spark_functions.ModelTask, staged: str) -> spark_functions.Shape:
        """Write what the model answers next to key, label and slices."""
        with self._spark_errors(), self._no_variables():
            first = self._select(self._given).limit(_PROBED).coalesce(1)
            [row] = first.mapInArrow(spark_functions.probe(task), "reply string").collect()
            shape, *self.sample = spark_functions.decode(json.loads(row.reply))
            self.inputs = tuple(shape.inputs)
            rows = self._select((*self._kept, *self._given))
            cores = self._context.defaultParallelism
            if self.rows > worker.CHUNK and rows.rdd.getNumPartitions() < cores:
                rows = rows.repartition(cores)
            ask = F.arrow_udf(spark_functions.score(task, shape), f"struct<{shape.ddl}>")
            names = rows.columns
            given = F.struct(*(rows[name] for name in names[len(self._kept) :]))
            kept = (rows[name] for name in names[: len(self._kept)])
            answered = rows.select(*kept, ask(given).alias(spark_functions.ANSWER))
            answered.write.parquet(staged)
        return shape

    def _read(self, staged: str, shape: spark_functions.Shape, label: LabelColumn) -> Sequence[str]:
        """Write the predictions that the answers are."""
        job = self.job
        words = _words(shape, self._mlmodel)
        with self._spark_errors():
            rows = self.place.session.read.parquet(staged)
            if rows.count() != self.rows:
                raise InputError(
                    f"Spark returned answers for {rows.count():,} rows of {self.rows:,}.",
                    "Score again when nothing writes the table.",
                )
            with closed_values(job.classified, label=job.label):
                witness = spark_witness.find(rows, shape, binary=job.task == "binary")
                reading = spark_witness.understand(job, witness, words, label, rows)
            names = [*self._kept, PREDICTION, *reading.scores]
            if job.recorded_rows:
                self._record(witness, words, label)
            bare = replace(job, table=None)  # which cannot be sent
            put = spark_functions.read(bare, words, label, witness, list(reading.scores), names)
            fields = [rows.schema[name] for name in rows.columns[: len(self._kept)]]
            put_rows = rows.mapInArrow(put, spark_witness.schema(names, fields, reading))
            put_rows.write.parquet(self.folder)
            if reading.placed:
                self._refuse_another_order(len(reading.scores))
        return reading.notes

    def _record(self, witness: Any, words: Words, label: LabelColumn) -> None:
        """Keep the first rows that the model was given, with its answers, as smoke cases."""
        given, answers = (table.slice(0, self.job.recorded_rows) for table in self.sample)
        both = pa.concat_tables([witness, answers])
        reading = read_table(self.job, both, words, label)
        columns = {PREDICTION: reading.prediction, **reading.scores}
        with private_folder("cdml-spark-") as scratch:
            job = replace(self.job, output=scratch / "first.parquet")
            pq.write_table(pa.table(columns).slice(witness.num_rows), job.output)
            pq.write_table(given, scratch / "given.parquet")
            pq.write_table(answers, scratch / "answers.parquet")
            write_reference_rows(
                job, scratch / "given.parquet", self._inputs_given, scratch / "answers.parquet",
                words.names,
            )  # fmt: skip
            written = job.output.with_suffix(SUFFIX)
            if written.exists():
                write_atomically(self.job.output.with_suffix(SUFFIX), written.read_bytes())

    @property
    def _inputs_given(self) -> list[str]:
        """Of the columns that the model had, those that are the data's."""
        return [name for name in self.inputs if name in self._given]

    def _refuse_another_order(self, width: int) -> None:
        pairs = (
            self.place.session.read.parquet(self.folder)
            .where(F.col(f"`{self.job.label}`").isNotNull())
            .groupBy(PREDICTION, f"`{self.job.label}`").count().collect()
        )  # fmt: skip
        counts = spark_witness.matrix([tuple(row) for row in pairs], width)
        refuse_another_order(self.job, counts)

    def _refuse_changed(self) -> None:
        ref = self._table.ref
        if has_changed(self.place, ref):
            raise InputError(
                f"{ref.uri} changed while the model was scored.",
                "Score again when nothing writes it.",
            )

    @contextmanager
    def _spark_errors(self) -> Iterator[None]:
        """Errors of Spark as ours."""
        try:
            yield
        except ERRORS as error:
            if self.late:
                raise InputError(
                    f"the model did not finish within {self.job.timeout:g} seconds.",
                    "Raise scoring.timeout, or score elsewhere and use --predictions.",
                ) from error
            if match := _TROUBLE.search(str(error)):
                raise self._of_model(json.loads(base64.b64decode(match[1]))) from error
            raise explain(str(error), hidden=bool(self.job.classified)) from error

    def _of_model(self, reply: Mapping[str, Any]) -> InputError:
        """What a worker says, in foreign words."""
        closed = {name.casefold() for name in self.job.classified}
        hidden = [name for name in self._given if name.casefold() in closed]
        message = describe_failure({"stage": "predict", **reply}, hidden).rstrip(".")
        hint = clean_line(str(reply.get("hint") or _SHAPES))
        if reply["kind"]:
            hint = advise(self.inputs or self._given, named=self.plan.named)
        return InputError(f"{message} ({clean_line(str(reply['place']))}).", hint)

    @contextmanager
    def _no_variables(self) -> Iterator[None]:
        """Empty what the environment holds for the Python workers that run the model.

        Spark starts other workers where variables differ: none that has run a model reads its
        answers.
        """
        variables = self._context.environment
        before = dict(variables)
        variables |= {name: "" for name in os.environ if not spark_functions.is_kept(name)}
        try:
            yield
        finally:
            variables.clear()
            variables |= before

    def delete(self, folder: str) -> None:
        """Remove what Spark wrote; nothing, where there is nothing, or Spark has ended."""
        java, hadoop = self._context._jvm, self._context._jsc  # noqa: SLF001 - no other way
        if hadoop is None:
            return
        try:
            path = java.org.apache.hadoop.fs.Path(folder)
            path.getFileSystem(hadoop.hadoopConfiguration()).delete(path, True)  # noqa: FBT003
        except ERRORS:  # Spark ends just now, or may not delete there
            return


def explain(text: str, *, hidden: bool = False) -> ConfigurationError | InputError:
    """What kept Spark from running a model, in a sentence.

    `text` is that of Spark's error. Its own words are `hidden` where they may quote a value.
    """
    if match := _OTHER_PYTHON.search(text):
        theirs, ours = f"{match[1]}.{match[2]}", f"{match[3]}.{match[4]}"
        return ConfigurationError(
            f"Spark's executors run Python {theirs}, and cdml runs {ours}.",
            "Use the same minor version: set PYSPARK_PYTHON, or spark.pyspark.python.",
        )
    if match := _NO_MODULE.search(text):
        return ConfigurationError(
            f"Spark's Python workers have no package {match[1]}.",
            "Their Python needs pyarrow, pandas, mlflow and what the model requires: set"
            " PYSPARK_PYTHON, or spark.archives with a packed environment.",
        )
    if "exited unexpectedly" in text or "crashed" in text:
        return InputError(
            "Spark's Python worker ended while the model ran.",
            "The model may have ended it, or the executor may be out of memory.",
        )
    lines = [line for line in text.splitlines() if "Error: " in line and line[:1].isalpha()]
    first = next(iter(text.strip().splitlines()), "no reason given")
    reason = "" if hidden else f": {clean_line((lines or [first])[-1]).rstrip('.')}"
    return InputError(
        f"Spark could not score the rows{reason}.", "The log of Spark's executors says more."
    )


def _words(shape: spark_functions.Shape, described: MlModel) -> Words:
    columns = sum(name.startswith("a") for name in shape.schema.names)
    names: Sequence[Any] | None = shape.names
    if names is None and len(described.outputs) == columns:
        names = described.outputs
    classes = tuple(shape.classes) or tuple(described.classes)
    return Words(names=names, classes=classes, counted=shape.counted)


def _packages(model: Path) -> tuple[str, ...]:
    """Names of what the model requires here; none where it lists nothing."""
    try:
        required = [one for one in parse_requirements(model) if one.file is None]
    except InputError:
        return ()
    markers = {one.name: one.text.partition(";")[2].strip() for one in required}
    return tuple(name for name, text in markers.items() if not text or Marker(text).evaluate())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
