"""From the rows and the answers of a model to a predictions file; answers are foreign input."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cdml.adapters.scoring.input_conversion import describe_arrow_type
from cdml.adapters.scoring.model_output import (
    ModelAnswer,
    Question,
    Understood,
    count_pairs,
    fitting_order,
    require_finite,
)
from cdml.adapters.scoring.output_reader import understand
from cdml.adapters.scoring.untrusted_files import read_answers
from cdml.config.class_labels import Class, find_class, is_same_class, list_classes, yaml_scalar
from cdml.errors import InputError
from cdml.evaluation.scorer import ScoringJob
from cdml.models.mlmodel import MlModel

_MANY_CLASSES = 1000


def read_columns(job: ScoringJob) -> list[str]:
    """The columns of the evaluation rows, which must be readable and have all the job names."""
    try:
        there = list(pq.read_schema(job.data).names)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{job.data} cannot be read as Parquet.") from error
    require_columns([*job.key, job.label, *job.carried], there)
    return there


def require_columns(columns: Sequence[str], there: Sequence[str]) -> None:
    """Refuse (InputError) data that lacks a column."""
    missing = [name for name in dict.fromkeys(columns) if name not in there]
    if missing:
        raise InputError(
            f"the evaluation data has no column {', '.join(missing)}.",
            f"It has: {', '.join(there[:50])}.",
        )


def read_rows(path: Path, columns: Sequence[str]) -> Any:
    """Columns of the rows in a Parquet file; an InputError if it cannot be read."""
    try:
        return pq.read_table(path, columns=list(dict.fromkeys(columns)))
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path} cannot be read as Parquet.") from error


def labels(job: ScoringJob) -> list[Any]:
    """The label's values as `order_labels` puts them."""
    if job.task == "regression":
        return []
    return order_labels(job, pc.unique(read_rows(job.data, [job.label])[job.label]).to_pylist())


def order_labels(job: ScoringJob, present: Sequence[Any]) -> list[Any]:
    """The label's values in order, a binary task's positive class last.

    Raises:
        InputError: the label is missing, or a binary label has not two values.
    """
    values = [value for value in present if value is not None]
    if len(values) > _MANY_CLASSES:
        raise InputError(
            f"the label {job.label} has {len(values):,} values.",
            "Set data.task to regression if it is a number.",
        )
    ordered = sorted(values, key=lambda value: (str(type(value)), value))
    if job.task != "binary" or job.positive is None:
        return ordered
    positive = find_class(job.positive, ordered)
    if positive is None and len(ordered) > 1:
        raise InputError(
            f"data.positive, {yaml_scalar(job.positive)}, is not a value of the label"
            f" {job.label}, which has {list_classes(ordered)}.",
            'Write it as it is in the data; quote words such as yes and no: `"yes"`.',
        )
    others = [value for value in ordered if not is_same_class(value, job.positive)]
    return [*others, job.positive if positive is None else positive]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelColumn:
    """The Arrow type of the label, and its values as `order_labels` puts them."""

    type: Any
    values: Sequence[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a scoring process says of its answers; foreign words. As in `ModelAnswer`."""

    names: Sequence[Any] | None = None
    classes: Sequence[Any] = ()
    counted: bool = False


def join(
    job: ScoringJob, answers: Path, words: Words, described: MlModel | None = None
) -> tuple[int, Sequence[str]]:
    """Put the answers next to key, label and slices, and write the predictions file.

    `answers` has columns `a0`, ... that the model answered, and `p0`, ... of its predict_proba;
    `described` is what the model says of itself, names and classes among it.

    Returns:
        The number of rows, and sentences about what was not read.

    Raises:
        InputError: the answers do not fit the rows, are not finite, or are not certain.
    """
    rows = read_rows(job.data, [*job.key, job.label, *job.carried])
    table = read_answers(answers, rows.num_rows)
    label = LabelColumn(type=rows[job.label].type, values=labels(job))
    reading = read_table(job, table, words, label, described)
    joined = rows.append_column("prediction", reading.prediction)
    if reading.placed:
        there = pc.is_valid(rows[job.label])
        pair = (reading.prediction, rows[job.label])
        ours, theirs = (one.filter(there).cast(pa.int64()).to_numpy() for one in pair)
        refuse_another_order(job, count_pairs(ours, theirs, len(reading.scores)))
    for name, column in reading.scores.items():
        joined = joined.append_column(name, pa.array(column))
    partial = job.output.with_name(f".{job.output.name}.partial")
    try:
        partial.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(joined, partial)
        partial.replace(job.output)
    except OSError as error:
        raise InputError(f"{job.output} cannot be written: {error}.") from error
    return int(joined.num_rows), reading.notes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The columns of a predictions file that come from answers; the rest as in `Understood`."""

    prediction: Any
    scores: Mapping[str, Any]
    placed: bool
    notes: tuple[str, ...]


def read_table(
    job: ScoringJob, table: Any, words: Words, label: LabelColumn, described: MlModel | None = None
) -> Reading:
    """Read answers, as in `join`, without the rows they are for; raises as `join`."""
    question = Question(
        task=job.task,
        label=job.label,
        labels=label.values,
        positive=job.positive,
        classes=job.classes,
        columns=job.answer,
    )
    understood = understand(_answer(table, words, described), question)
    return Reading(
        prediction=_prediction(job, label, understood),
        scores=_scores(job, understood, label.values),
        placed=understood.placed,
        notes=tuple(understood.notes),
    )


def _answer(table: Any, words: Words, described: MlModel | None) -> ModelAnswer:
    """The answer as it stands, with what the model's files say of it."""
    columns = [name for name in table.column_names if name.startswith("a")]
    shares = table.column_names[len(columns) :]
    expected = [f"a{at}" for at in range(len(columns))] + [f"p{at}" for at in range(len(shares))]
    names = words.names
    if (
        not columns
        or table.column_names != expected
        or (names is not None and len(names) != len(columns))
        or len(shares) not in (0, len(words.classes))
    ):
        raise InputError("the scoring process wrote unexpected columns.")
    for name in shares:
        require_finite(table[name], "scores")
    outputs = described.outputs if described else ()
    if names is None and len(outputs) == len(columns):
        names = outputs
    return ModelAnswer(
        columns=[table[name] for name in columns],
        names=names,
        probabilities=np.column_stack([table[name] for name in shares]) if shares else None,
        classes=words.classes or (described.classes if described else ()),
        counted=words.counted,
    )


def _prediction(job: ScoringJob, label: LabelColumn, understood: Understood) -> Any:
    column = understood.prediction
    require_finite(column, "predictions")
    if job.task == "regression":
        try:
            return column.cast(pa.float64())
        except pa.ArrowException as error:
            raise InputError(
                f"a regression model must return numbers, not {describe_arrow_type(column.type)}."
            ) from error
    try:
        encoded = pc.dictionary_encode(column).combine_chunks()
    except pa.ArrowException as error:
        raise InputError(
            f"the model returned {describe_arrow_type(column.type)}, not one value for each row.",
            "The model must return values of the label's column.",
        ) from error
    values = encoded.dictionary.to_pylist()
    if len(values) > _MANY_CLASSES:
        raise InputError(
            f"the model returned {len(values):,} different values, but the task is {job.task}.",
            "Set data.task to regression if the label is a number.",
        )
    named = _in_the_labels_values(job, values, understood.order, label.values)
    if pa.types.is_string(label.type) or pa.types.is_large_string(label.type):
        named = [_text(value) for value in named]
    try:
        return pa.array(named, label.type).take(encoded.indices)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise _no_label(job, values, label.values) from error


def _in_the_labels_values(
    job: ScoringJob, values: Sequence[Any], order: Sequence[Class], labelled: Sequence[Any]
) -> list[Any]:
    """Each value as the label writes it; refuses what is certainly no class, and two of one."""
    class_values = [*labelled, *order]
    classes = [find_class(value, class_values) for value in values]
    lost = [value for value, one in zip(values, classes, strict=True) if one is None]
    matched = [one for one in classes if one is not None]
    closed = bool(order) or (job.task == "binary" and len(class_values) > 1)
    if lost and (closed or not matched or len(lost) + len(class_values) > _MANY_CLASSES):
        raise _no_label(job, lost if matched else values, class_values)
    if len(set(map(str, matched))) < len(matched):
        raise InputError(
            f"the model returned {list_classes(values)}, and several of them match one value of"
            f" the label {job.label}, which has {list_classes(class_values)}.",
            "The model must return values of the label's column.",
        )
    return [value if one is None else one for value, one in zip(values, classes, strict=True)]


def _no_label(job: ScoringJob, values: Sequence[Any], class_values: Sequence[Any]) -> InputError:
    return InputError(
        f"the model returned {list_classes(sorted(values, key=str))}, but the classes of"
        f" {job.label} are {list_classes(dict.fromkeys(class_values))}.",
        "The model must return values of the label's column. If it returns class numbers, list"
        " the classes in its order under data: `classes: [CLASS, …]`.",
    )


def _text(value: Any) -> str:
    is_integer = isinstance(value, float) and value.is_integer()
    return str(int(value)) if is_integer else str(value)


def refuse_another_order(job: ScoringJob, counts: Any) -> None:
    """Refuse columns without names that fit the label surely better in another order.

    `counts` are rows by prediction and label, shape (classes, classes).
    """
    if not fitting_order(counts):
        width = len(counts)
        raise InputError(
            f"the model returned {width} columns without names, which fit the label {job.label}"
            f" better in an order other than 0 to {width - 1}.",
            "List the classes in the order of the columns, under data in cdml.yaml: `classes:"
            f" [{list_classes(range(width))}]`, or in the model's order if it differs.",
        )


def _scores(job: ScoringJob, understood: Understood, class_values: Sequence[Any]) -> dict[str, Any]:
    if job.task == "regression" or not understood.scores:
        return {}
    if job.task == "binary":
        return {"score": next(iter(understood.scores.values()))}
    named = {one: find_class(one, class_values) for one in understood.scores}
    return {
        f"score_{one if named[one] is None else named[one]}": column
        for one, column in understood.scores.items()
    }
