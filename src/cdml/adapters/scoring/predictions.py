"""From the rows and the answers of a model to a predictions file; answers are foreign input."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cdml.errors import InputError
from cdml.evidence.mlmodel import MlModel
from cdml.ports import ScoringJob

_MANY_CLASSES = 1000


def read_columns(job: ScoringJob) -> list[str]:
    """The columns of the evaluation rows, all that the job names among them.

    Raises:
        InputError: the file cannot be read, or a column is not there.
    """
    try:
        there = list(pq.read_schema(job.data).names)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{job.data} cannot be read as Parquet.") from error
    _need([*job.key, job.label, *job.carried], there)
    return there


def _need(columns: Sequence[str], there: Sequence[str]) -> None:
    missing = [name for name in dict.fromkeys(columns) if name not in there]
    if missing:
        raise InputError(
            f"the evaluation data has no column {', '.join(missing)}.",
            f"It has: {', '.join(there[:50])}.",
        )


def _read(job: ScoringJob, columns: Sequence[str]) -> Any:
    try:
        return pq.read_table(job.data, columns=list(dict.fromkeys(columns)))
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{job.data} cannot be read as Parquet.") from error


def write_features(job: ScoringJob, model: MlModel, path: Path) -> int:
    """Write what the model may see: its inputs, and never the label. Gives the number of rows.

    Raises:
        InputError: the model asks for the label, or for columns that are not there.
    """
    if model.inputs is not None and job.label in model.inputs:
        raise InputError(
            f"the model's signature asks for the label {job.label} as an input.",
            "Train it without the label, and log it with the signature of its inputs only.",
        )
    there = read_columns(job)
    _need(model.required, there)
    if model.inputs is None:
        columns = [name for name in there if name not in (*job.key, job.label)]
    else:
        columns = [name for name in model.inputs if name in there]
    rows = _read(job, columns)
    if rows.num_rows == 0:
        raise InputError(f"{job.data} holds no rows.")
    pq.write_table(_plain_numbers(rows), path)
    return int(rows.num_rows)


def labels(job: ScoringJob) -> list[Any]:
    """The label's values in order, a binary task's positive class last; none for a regression.

    Raises:
        InputError: the label is missing, or a binary label has not two values.
    """
    column = _read(job, [job.label])[job.label]
    if job.task == "regression":
        return []
    found = [value for value in pc.unique(column).to_pylist() if value is not None]
    if len(found) > _MANY_CLASSES:
        raise InputError(
            f"the label {job.label} has {len(found):,} values.",
            "Set data.task to regression if it is a number.",
        )
    ordered = sorted(found, key=lambda value: (str(type(value)), value))
    if job.task != "binary" or job.positive is None:
        return ordered
    positive = next((value for value in ordered if same(value, job.positive)), job.positive)
    others = [value for value in ordered if not same(value, job.positive)]
    return [*others, positive]


def same(one: object, other: object) -> bool:
    """Whether two values are one class: True and 1, 1 and 1.0, "1" and 1."""
    return one == other or str(one) == str(other)


def join(job: ScoringJob, answers: Path, classes: list[Any]) -> int:
    """Put the answers beside key, label and slices, and write the predictions file.

    Raises:
        InputError: the answers do not fit the rows, are not finite, or are of no known class.
    """
    rows = _read(job, [*job.key, job.label, *job.carried])
    try:
        found = pq.read_table(answers)
    except (OSError, pa.ArrowException) as error:
        raise InputError("the scoring process left no readable answers.") from error
    scores = [name for name in found.column_names if name != "prediction"]
    if found.column_names != ["prediction", *(f"p{index}" for index in range(len(scores)))]:
        raise InputError("the scoring process left columns that nobody asked for.")
    if found.num_rows != rows.num_rows:
        raise InputError(
            f"the model answered {found.num_rows:,} rows for {rows.num_rows:,}.",
            "A model must answer every row, in the order it was asked.",
        )
    for name in found.column_names:
        _finite(found[name], "predictions" if name == "prediction" else "scores")
    joined = rows.append_column("prediction", _prediction(job, rows[job.label], found))
    for name, column in _scores(job, rows[job.label], found, classes).items():
        joined = joined.append_column(name, column)
    partial = job.output.with_name(f".{job.output.name}.partial")
    try:
        partial.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(joined, partial)
        partial.replace(job.output)
    except OSError as error:
        raise InputError(f"{job.output} cannot be written: {error}.") from error
    return int(joined.num_rows)


def _finite(column: Any, what: str) -> None:
    good = pc.is_finite(column) if pa.types.is_floating(column.type) else column.is_valid()
    bad = len(column) - (pc.sum(good).as_py() or 0)
    if bad > 0:
        raise InputError(
            f"{bad:,} of {len(column):,} {what} are missing or not finite.",
            "A model must answer every row: handle missing values inside it.",
        )


def _prediction(job: ScoringJob, label: Any, found: Any) -> Any:
    """The predictions in the label's own values and type."""
    column = found["prediction"]
    if job.task == "regression":
        try:
            return column.cast(pa.float64())
        except pa.ArrowException as error:
            raise InputError(f"a regression answers numbers, not {column.type}.") from error
    known = [value for value in pc.unique(label).to_pylist() if value is not None]
    try:
        encoded = pc.dictionary_encode(column).combine_chunks()
    except pa.ArrowException as error:
        raise InputError(
            f"the model answers {column.type}, and not one value for each row.",
            "Let the model answer the values that stand in the label's column.",
        ) from error
    values = encoded.dictionary.to_pylist()
    if len(values) > _MANY_CLASSES:
        raise InputError(
            f"the model answers {len(values):,} different values, and the task is {job.task}.",
            "Set data.task to regression if the label is a number.",
        )
    named = [next((k for k in known if same(k, value)), value) for value in values]
    try:
        return pa.array(named, label.type).take(encoded.indices)
    except (pa.ArrowException, TypeError, ValueError) as error:
        told = ", ".join(sorted(str(value)[:40] for value in values)[:5])
        raise InputError(
            f"the model answers {told}, and the label {job.label} is {label.type}.",
            "Let the model answer the values that stand in the label's column.",
        ) from error


def _scores(job: ScoringJob, label: Any, found: Any, classes: list[Any]) -> dict[str, Any]:
    """`score` of the positive class, or `score_<class>` of each."""
    scores = found.column_names[1:]
    if not scores or job.task == "regression":
        return {}
    if len(classes) != len(scores):
        raise InputError(f"the model has {len(classes)} classes and {len(scores)} scores.")
    if job.task == "binary":
        positive = classes[-1] if job.positive is None else job.positive
        for name, value in zip(scores, classes, strict=True):
            if same(value, positive):
                return {"score": found[name]}
        raise InputError(
            f"the model knows {', '.join(map(str, classes[:10]))}; none is data.positive,"
            f" {job.positive}.",
            "Set data.positive to the class the model was trained on.",
        )
    known = [value for value in pc.unique(label).to_pylist() if value is not None]
    return {
        f"score_{next((k for k in known if same(k, value)), value)}": found[name]
        for name, value in zip(scores, classes, strict=True)
    }


def _plain_numbers(rows: Any) -> Any:
    """Decimals as floats: pandas would hand them on as objects."""
    fields = [
        pa.field(field.name, pa.float64() if pa.types.is_decimal(field.type) else field.type)
        for field in rows.schema
    ]
    return rows.cast(pa.schema(fields))
