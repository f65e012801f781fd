"""A model's answer as it stands, what is to be read from it, and the order of its classes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cdml.config.class_labels import Class, find_class, is_same_class, list_classes
from cdml.config.output_columns import PREDICTION, AnswerColumns, ColumnId, find_named
from cdml.errors import InputError

ScoreArray = NDArray[np.float64]

_NUMBERED = re.compile(r"LABEL_(\d{1,6})")
_MOST_DISTINCT = 1_000
_SURE = 3.0
"""Standard deviations by which another order of the columns must fit better, to be reported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAnswer:
    """What a model answered, as it stands: columns of one value a row; an array has no names.

    `probabilities` of its `predict_proba` are (rows, classes); `classes` those the model says it
    has, in its order; `counted`: its library has no classes other than 0, 1, 2, ...
    """

    columns: Sequence[Any]
    names: Sequence[ColumnId] | None = None
    probabilities: ScoreArray | None = None
    classes: Sequence[Class] = ()
    counted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be read from it; `labels` are the values that occur in the label.

    `classes` (in the model's order) and `columns` are as cdml.yaml says; empty and None where it
    does not.
    """

    task: str
    label: str
    labels: Sequence[Class]
    positive: Class | None = None
    classes: Sequence[Class] = ()
    columns: AnswerColumns | None = None

    @property
    def binary(self) -> bool:
        """Whether there is a positive class and one other."""
        return self.task == "binary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """What it means: predicted classes as the model writes them, or numbers; scores by class.

    A binary task may have the scores of one class. `placed`: only their place says which class the
    columns are of, so that `fitting_order` has to be asked. `notes` are sentences about what was
    not read.
    """

    prediction: Any
    scores: Mapping[Class, ScoreArray] = field(default_factory=dict)
    placed: bool = False
    order: Sequence[Class] = ()
    notes: tuple[str, ...] = ()


def class_order(answer: ModelAnswer, question: Question) -> Sequence[Class]:
    """All classes in the model's order; an InputError if cdml.yaml contradicts or shortens it."""
    configured, own = list(question.classes), list(answer.classes)
    if not configured:
        if own and not any(find_class(label, own) is not None for label in question.labels):
            raise InputError(
                f"the model's classes are {list_classes(own)}, but the label {question.label}"
                f" has {list_classes(question.labels)}.",
                "If its class numbers stand for values of the label, list them under data:"
                f" `classes: [{list_classes(question.labels)}]`, in the model's order.",
            )
        return own
    missing = [label for label in question.labels if find_class(label, configured) is None]
    if missing:
        raise InputError(
            f"data.classes, {list_classes(configured)}, lacks {list_classes(missing)}, a value"
            f" of the label {question.label}.",
            "List every class of the model, in the order of its probabilities;"
            ' words such as yes and no need quotes: `["no", "yes"]`.',
        )
    renamed = all(is_same_class(one, at) for at, one in enumerate(own)) and not any(
        find_class(one, configured) is not None for one in own
    )
    agree = len(own) == len(configured) and (renamed or all(map(is_same_class, own, configured)))
    if own and not agree:
        raise InputError(
            f"data.classes is {list_classes(configured)}, but the model's classes are"
            f" {list_classes(own)}.",
            "Remove data.classes, or write the classes of the model.",
        )
    return configured


def by_number(column: Any, class_values: Sequence[Class], configured: Sequence[Class]) -> Any:
    """A column of predictions with the classes themselves, where it holds their numbers.

    Numbers are read as that only where no value is a class itself: `LABEL_1` is what transformers
    call class 1; what other numbers mean, cdml.yaml says. `told` are the classes in the model's
    order, as cdml.yaml says; empty where it does not.
    """
    try:
        encoded = pc.dictionary_encode(column).combine_chunks()
    except pa.ArrowException:
        return column  # of lists or mappings: refused as no class of anything
    values = encoded.dictionary.to_pylist()
    if len(values) > _MOST_DISTINCT or any(
        find_class(value, class_values) is not None for value in values
    ):
        return column
    places = range(len(configured)) if configured else class_values
    classes = [find_class(_class_number(value), places) for value in values]
    if not values or None in classes:
        return column
    named = [configured[int(one)] if configured else one for one in classes if one is not None]
    return pa.chunked_array([pa.array(named).take(encoded.indices)])


def _class_number(value: object) -> int | None:
    """The number of a class, where a value is one: 1, 1.0 or `LABEL_1`."""
    if isinstance(value, str):
        match = _NUMBERED.fullmatch(value)
        return int(match[1]) if match else None
    is_integer = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return int(value) if is_integer and isinstance(value, int | float) else None


def number_column(answer: ModelAnswer, question: Question) -> int:
    """The column with the prediction of a regression."""
    requested = question.columns
    if requested is not None and requested.prediction is not None:
        return find_column(answer, requested.prediction)
    if len(answer.columns) == 1:
        return 0
    index = find_named(answer.names or (), PREDICTION)
    if len(index) != 1:
        raise InputError(
            f"the model returns {describe_columns(answer)}, and cdml cannot decide which one is"
            " the prediction.",
            "Name it under data: `answer: {prediction: COLUMN}`.",
        )
    return index[0]


def find_column(answer: ModelAnswer, written: str | int) -> int:
    """The one column that cdml.yaml names, or counts from 0, or an InputError."""
    if answer.names is not None:
        matches = [at for at, name in enumerate(answer.names) if str(name) == str(written)]
    else:
        matches = [at for at in range(len(answer.columns)) if str(at) == str(written)]
    if len(matches) != 1:
        raise InputError(
            f"data.answer names the column {written}, but the model returns"
            f" {describe_columns(answer)}.",
            "Name a column that the model returns; columns without names are counted from 0.",
        )
    return matches[0]


def describe_columns(answer: ModelAnswer) -> str:
    """The columns of an answer, for a sentence."""
    count = len(answer.columns)
    if answer.names is None:
        return f"{count:,} columns without names" if count > 1 else "one column without a name"
    return f"the column{'s' if count > 1 else ''} {list_classes(answer.names)}"


def count_pairs(predicted: Sequence[int], labels: Sequence[int], width: int) -> ScoreArray:
    """Rows by prediction and label, shape (width, width); both are 0 to `width` - 1."""
    counts = np.zeros((width, width))
    np.add.at(counts, (np.asarray(predicted), np.asarray(labels)), 1)
    return counts


def fitting_order(counts: ScoreArray) -> bool:
    """Whether no other order of the columns fits the labels surely better than their places.

    It only ever refuses: an order that is chosen by the labels would flatter the model. Compared is
    what is right beyond chance, so that a model which always answers one class is none that has its
    classes in another order.
    """
    from scipy.optimize import linear_sum_assignment

    by_chance = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / max(1.0, counts.sum())
    beyond = counts - by_chance
    best = linear_sum_assignment(-beyond)
    surely = _SURE * np.sqrt(counts[best].sum() + np.trace(counts))
    return bool(beyond[best].sum() - np.trace(beyond) <= surely)


def require_finite(column: Any, subject: str) -> None:
    """Refuse (InputError) values that are missing or not finite, with their number."""
    good = pc.is_finite(column) if pa.types.is_floating(column.type) else column.is_valid()
    bad = len(column) - (pc.sum(good).as_py() or 0)
    if bad > 0:
        raise InputError(
            f"{bad:,} of {len(column):,} {subject} are missing or not finite.",
            "A model must return a value for every row: handle missing values inside it.",
        )


def is_class(column: Any, one: Class) -> NDArray[np.bool_]:
    """Which values of a column are a class."""
    require_finite(column, "predictions")
    encoded = pc.dictionary_encode(column).combine_chunks()
    matches = np.array(
        [is_same_class(value, one) for value in encoded.dictionary.to_pylist()], dtype=bool
    )
    return np.asarray(matches[np.asarray(encoded.indices)])


def floats(column: Any) -> ScoreArray:
    """A column of numbers, shape (rows,)."""
    return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)


def is_number(column: Any) -> bool:
    """Whether a column holds numbers."""
    return _is_number(column.type)


def is_vector(column: Any) -> bool:
    """Whether a column holds a list of numbers in each row."""
    kind = column.type
    lists = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(test(kind) for test in lists) and _is_number(kind.value_type)


def _is_number(kind: Any) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))
