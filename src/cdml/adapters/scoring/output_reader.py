"""What a model answered, read as classes and probabilities; never by a guess.

The rules are those of docs/answers.md: the names of the columns by the table of
`config.output_columns`, the order of the classes by the model or by cdml.yaml. What neither says
must be configured.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cdml.adapters.scoring.model_output import (
    ModelAnswer,
    Question,
    ScoreArray,
    Understood,
    by_number,
    class_order,
    describe_columns,
    find_column,
    is_class,
    is_number,
    is_vector,
    number_column,
    require_finite,
)
from cdml.adapters.scoring.probability_columns import ROUNDING, ProbabilityColumns
from cdml.config import output_columns as names_of
from cdml.config.class_labels import Class, find_class, is_same_class, list_classes, yaml_scalar
from cdml.config.output_columns import (
    PREDICTION,
    PROBABILITY,
    AnswerColumns,
    ColumnId,
    find_named,
    normal_name,
)
from cdml.errors import InputError

_MOST_DISTINCT = 1_000
_LEAST_COUNTED = 3
"""Columns from which on their numbers are the classes; two may as well be positive and negative."""


def understand(answer: ModelAnswer, question: Question) -> Understood:
    """Read an answer.

    Raises:
        InputError: it cannot be used, or what it means is not certain; says what to write.
    """
    if question.task == "regression":
        at = number_column(answer, question)
        return Understood(prediction=answer.columns[at])
    return _Reader(answer, question, class_order(answer, question)).read()


class _Reader(ProbabilityColumns):
    """One answer of a classifier."""

    def __init__(self, answer: ModelAnswer, question: Question, order: Sequence[Class]) -> None:
        super().__init__(answer, question)
        self.order = order
        self.notes: list[str] = []

    @property
    def possible_classes(self) -> Sequence[Class]:
        """The model's classes, or the values of the label where it names none."""
        candidates = [*self.question.labels, *self.order]
        if self.question.binary and self.question.positive is not None:
            candidates.append(self.question.positive)
        classes: list[Class] = []
        for one in candidates:
            if find_class(one, classes) is None:
                classes.append(one)
        return classes

    def read(self) -> Understood:
        """Classes and probabilities."""
        if self.question.columns is not None:
            return self._as_configured(self.question.columns)
        if len(self.answer.columns) == 1:
            return self._one_column()
        if self.answer.names is None:
            return self._of_matrix(range(len(self.answer.columns)))
        return self._by_name(self.answer.names)

    # What cdml.yaml says

    def _as_configured(self, configured: AnswerColumns) -> Understood:
        prediction = None
        if configured.prediction is not None:
            prediction = self._predicted(find_column(self.answer, configured.prediction))
        if configured.score is not None:
            at = find_column(self.answer, configured.score)
            if is_vector(self.answer.columns[at]):
                return self._of_vector(at, prediction)
            if not self.question.binary:
                raise InputError(
                    f"data.answer.score names one column, {configured.score}, for all classes of a"
                    " multiclass task.",
                    "Name one for each class: `score: {CLASS: COLUMN, CLASS: COLUMN}`.",
                )
            return self._given(prediction, {self._positive: self.share(at)})
        if configured.scores is not None:
            columns = {
                self._class_of(one): find_column(self.answer, at)
                for one, at in configured.scores.items()
            }
            return self._of_classes(columns, prediction)
        return self._given(prediction, self._class_probabilities())

    def _class_of(self, written: Class) -> Class:
        match = find_class(written, self.possible_classes)
        if match is None:
            raise InputError(
                f"data.answer.score names the class {yaml_scalar(written)}; the classes are"
                f" {list_classes(self.possible_classes)}.",
            )
        return match

    # One column

    def _one_column(self) -> Understood:
        column = self.answer.columns[0]
        name = self.answer.names[0] if self.answer.names else None
        if is_vector(column):
            return self._of_vector(0, None)
        if self.question.binary and name is not None and pa.types.is_floating(column.type):
            if columns := self._class_columns([name]):
                return self._of_classes(columns, None)
            if normal_name(name) in PROBABILITY:
                return self._given(None, self._scores({self._single_class(): self.share(0)}))
        if not pa.types.is_floating(column.type):
            return self._given(self._predicted(0), self._class_probabilities())
        return self._of_floats(column)

    def _of_floats(self, column: Any) -> Understood:
        """Classes, where all are; else shares of a binary task."""
        require_finite(column, "predictions")
        values = pc.unique(column).to_pylist()
        few = len(values) <= _MOST_DISTINCT
        if few and all(find_class(value, self.possible_classes) is not None for value in values):
            return self._given(column, self._class_probabilities())
        low, high = min(values), max(values)
        if not self.question.binary or low < -ROUNDING or high > 1 + ROUNDING:
            if all(value == int(value) for value in values[:_MOST_DISTINCT]):
                return self._given(self._predicted(0), self._class_probabilities())
            raise InputError(
                f"the model returns numbers from {low:.6g} to {high:.6g}, which are neither"
                " classes nor probabilities; the classes are"
                f" {list_classes(self.possible_classes)}.",
                "It must return classes, or probabilities between 0 and 1.",
            )
        return self._given(None, self._scores({self._single_class(): self.share(0)}))

    def _single_class(self) -> Class:
        """The class that one probability a row is of.

        Raises:
            InputError: it may be that of the other class.
        """
        positive = self._positive
        if self.answer.counted:
            return self._class_of(1)
        last = self.order[-1] if self.order else positive
        if is_same_class(last, positive) and not (is_same_class(positive, 0) and not self.order):
            return positive
        column = self.answer.names[0] if self.answer.names else 0
        other = next((one for one in self.possible_classes if not is_same_class(one, positive)), 1)
        raise InputError(
            "the model returns one probability a row, and cdml cannot decide whether it is that"
            f" of {yaml_scalar(positive)} or of {list_classes([other])}.",
            "State it under data: "
            + " or ".join(
                f"`answer: {{score: {{{one}: {yaml_scalar(column)}}}}}`"
                for one in (yaml_scalar(positive), list_classes([other]))
            )
            + ".",
        )

    @property
    def _positive(self) -> Class:
        if self.question.positive is None:
            raise InputError("a binary task needs data.positive.")
        return self.question.positive

    def _class_probabilities(self) -> dict[Class, ScoreArray]:
        """What predict_proba says."""
        listed, own = self.answer.probabilities, self.answer.classes
        if listed is None:
            return {}
        if len(own) != listed.shape[1]:
            raise InputError(f"the model has {len(own)} classes and {listed.shape[1]} scores.")
        return self._scores(dict(zip(self.order, listed.T, strict=True)))

    # Several columns

    def _by_name(self, names: Sequence[ColumnId]) -> Understood:
        self._refuse_repeated(names)
        predictions = find_named(names, PREDICTION)
        shares = find_named(names, PROBABILITY)
        columns = self._class_columns(names)
        predictions = [at for at in predictions if at not in columns.values()]
        if len(predictions) > 1 or (len(shares) > 1 and not columns):
            raise self.ambiguous()
        prediction = self._predicted(predictions[0]) if predictions else None
        if columns:
            return self._of_classes(columns, prediction)
        if shares and is_vector(self.answer.columns[shares[0]]):
            return self._of_vector(shares[0], prediction)
        if prediction is not None and shares:
            return self._pair(predictions[0], shares[0])
        if prediction is not None:
            return self._given(prediction, self._class_probabilities())
        if shares and self.question.binary:
            return self._given(None, {self._positive: self.share(shares[0])})
        return self._of_matrix(range(len(names)))

    def _refuse_repeated(self, names: Sequence[ColumnId]) -> None:
        texts = [str(name) for name in names]
        twice = next((text for text in texts if texts.count(text) > 1), None)
        if twice is not None:
            raise InputError(f"the model returns two columns with the name {twice}.")

    def _class_columns(self, names: Sequence[ColumnId]) -> dict[Class, int]:
        """The columns that are named by the classes; empty where they are not.

        Raises:
            InputError: two columns name one class.
        """
        best: tuple[str, dict[Class, int]] = ("", {})
        for prefix in ("", *names_of.PREFIXES):
            columns = self._after(prefix, names)
            if len(columns) > len(best[1]):
                best = (prefix, columns)
        prefix, columns = best
        if len(columns) < (1 if self.question.binary else 2):
            return {}
        return self._with_unseen(columns, names, prefix)

    def _after(self, prefix: str, names: Sequence[ColumnId]) -> dict[Class, int]:
        """The columns of numbers whose names are a class after a prefix."""
        columns: dict[Class, int] = {}
        for at, name in enumerate(names):
            text = str(name)
            if not text.casefold().startswith(prefix) or not is_number(self.answer.columns[at]):
                continue
            one = find_class(text[len(prefix) :] if prefix else name, self.possible_classes)
            if one is None:
                continue
            if one in columns:
                raise InputError(
                    "the model returns the columns"
                    f" {list_classes((names[columns[one]], name))}, and both name the class"
                    f" {list_classes([one])}.",
                    "Choose one: `answer: {score: {CLASS: COLUMN}}` under data.",
                )
            columns[one] = at
        return columns

    def _with_unseen(
        self, columns: dict[Class, int], names: Sequence[ColumnId], prefix: str
    ) -> dict[Class, int]:
        """And those of classes that no row has, where only with them the rows add up to 1."""
        if self.add_up(columns.values()) or len(columns) == 1:
            return columns
        more: dict[Class, int] = {
            str(name)[len(prefix) :]: at
            for at, name in enumerate(names)
            if at not in columns.values()
            and str(name).casefold().startswith(prefix)
            and normal_name(name) not in (*PREDICTION, *PROBABILITY)
            and is_number(self.answer.columns[at])
        }
        complete = bool(more) and self.add_up([*columns.values(), *more.values()])
        return {**columns, **more} if complete else columns

    def _of_classes(self, columns: Mapping[Class, int], prediction: Any) -> Understood:
        if len(columns) > 1 and not self.add_up(columns.values()):
            listing = list_classes(self.name(at) for at in columns.values())
            raise InputError(
                f"the columns {listing} that the model returns are not probabilities of the"
                " classes: they do not add up to 1 in every row"
                f" ({self.sums(columns.values())}).",
                self.how(),
            )
        if len(columns) == 1 and not self.question.binary:
            raise self.ambiguous()
        scores = {one: self.share(at) for one, at in columns.items()}
        return self._given(prediction, self._scores(scores))

    def _of_vector(self, at: int, prediction: Any) -> Understood:
        """A column whose every value is a list of probabilities."""
        lengths = pc.unique(pc.list_value_length(self.answer.columns[at])).to_pylist()
        if len(lengths) != 1 or lengths[0] is None or lengths[0] > _MOST_DISTINCT:
            raise InputError("the model returns lists of different lengths.")
        columns = tuple(pc.list_element(self.answer.columns[at], one) for one in range(lengths[0]))
        inner = ModelAnswer(
            columns=columns, classes=self.answer.classes, counted=self.answer.counted
        )
        reader = _Reader(inner, self.question, self.order)
        understood = reader._of_matrix(range(len(columns)))
        self.notes += reader.notes
        return understood if prediction is None else self._given(prediction, understood.scores)

    def _of_matrix(self, columns: Sequence[int]) -> Understood:
        """Columns whose names say nothing: probabilities, if rows add up to 1 in a known order."""
        if not all(is_number(self.answer.columns[at]) for at in columns):
            raise self.ambiguous()
        width = len(columns)
        if not self.add_up(columns):
            raise InputError(
                f"the model returns {describe_columns(self.answer)}, which are not"
                " probabilities of the classes: they do not add up to 1 in every row"
                f" ({self.sums(columns)}).",
                self.how(),
            )
        order = self.order or (list(range(width)) if self.answer.counted else ())
        if not order and self._places_are_classes(width):
            return self._counted(width)
        if not order:
            raise InputError(
                f"the model returns {describe_columns(self.answer)}, and cdml cannot decide"
                " which class each belongs to.",
                "List the classes in the order of the columns, under data in cdml.yaml:"
                f" `classes: [{list_classes(self.possible_classes)}]`, or in the model's order"
                " if it differs.",
            )
        if len(order) != width:
            raise InputError(
                f"the model returns {width} columns and has {len(order)} classes:"
                f" {list_classes(order)}.",
                "List all classes under data.classes, in the order of the columns.",
            )
        scores = {one: self.share(at) for one, at in zip(order, columns, strict=True)}
        return self._given(None, self._scores(scores))

    def _places_are_classes(self, width: int) -> bool:
        """Whether each label is the number of a column, so that the order needs no more saying."""
        labels = self.question.labels
        all_places = all(
            not isinstance(one, bool | str) and one == int(one) and 0 <= one < width
            for one in labels
        )
        return not self.question.binary and width >= _LEAST_COUNTED and all_places

    def _counted(self, width: int) -> Understood:
        scores: dict[Class, ScoreArray] = {one: self.share(one) for one in range(width)}
        self.order = tuple(scores)
        self.notes.append(
            f"The {width} columns that the model returns are read as the classes 0 to"
            f" {width - 1}, by their position. Set data.classes to be certain."
        )
        return self._given(None, scores, placed=True)

    # A prediction and one probability

    def _pair(self, prediction: int, share: int) -> Understood:
        """The probability of the positive class, or of the class that is predicted."""
        names = self.answer.names or ()
        column = self._predicted(prediction)
        if not is_number(self.answer.columns[share]):
            raise self.ambiguous()
        if not self.question.binary:
            self.notes.append(
                f"The column {self.name(share)} that the model returns holds the probability of"
                " only one class: no metric that needs the probability of every class is"
                " measured."
            )
            return self._given(column, {})
        scores = self.share(share)
        positive = is_class(column, self._positive)
        of_prediction = names_of.OF_PREDICTION.get(normal_name(names[prediction])) == normal_name(
            names[share]
        )
        likelier = bool((scores >= 0.5 - ROUNDING).all())
        if of_prediction and likelier:
            own = np.where(positive, scores, 1 - scores)
            return self._given(column, {self._positive: own})
        highest_other = scores[~positive].max(initial=-np.inf)
        separated = bool(scores[positive].min(initial=np.inf) >= highest_other)
        if of_prediction or not separated or (likelier and not positive.all()):
            raise InputError(
                f"the model returns {self.name(prediction)} and {self.name(share)}, and cdml"
                " cannot decide whether the latter is the probability of"
                f" {yaml_scalar(self._positive)} or of the predicted class.",
                f"Write under data: `answer: {{prediction: {self.name(prediction)}, score:"
                f" {self.name(share)}}}` if it is that of {yaml_scalar(self._positive)}, or"
                f" `answer: {{prediction: {self.name(prediction)}}}` to read only the prediction.",
            )
        return self._given(column, {self._positive: scores})

    # Numbers

    def _predicted(self, at: int) -> Any:
        return by_number(self.answer.columns[at], self.possible_classes, self.question.classes)

    def _scores(self, scores: Mapping[Class, ScoreArray]) -> dict[Class, ScoreArray]:
        """By the label's values; of a binary task only the positive class's."""
        if not self.question.binary:
            unseen = [one for one in self.question.labels if find_class(one, scores) is None]
            if unseen and scores:
                self.notes.append(
                    f"The label {self.question.label} has {list_classes(unseen)}, which is not"
                    " a class of the model: these rows count as wrong, with a probability of 0."
                )
            return dict(scores)
        own = find_class(self._positive, scores)
        if own is not None:
            return {self._positive: scores[own], **{k: v for k, v in scores.items() if k != own}}
        if len(scores) == 1:
            return {self._positive: 1 - next(iter(scores.values())), **scores}
        raise InputError(
            f"the model's classes are {list_classes(scores)}; none is data.positive,"
            f" {yaml_scalar(self._positive)}.",
            "Set data.positive to the class the model was trained on.",
        )

    def _given(
        self, prediction: Any, scores: Mapping[Class, ScoreArray], *, placed: bool = False
    ) -> Understood:
        if prediction is None:
            prediction = self._likeliest(scores)
        return Understood(
            prediction=prediction,
            scores=scores,
            placed=placed,
            order=self.order,
            notes=tuple(self.notes),
        )

    def _likeliest(self, scores: Mapping[Class, ScoreArray]) -> Any:
        """The class with the highest probability in each row."""
        classes = list(scores)
        if len(classes) == 1:
            classes = [self._negative_class(classes[0]), classes[0]]
            best = (scores[classes[1]] > 0.5).astype(np.int64)  # noqa: PLR2004 - half
        else:
            best = np.argmax(np.column_stack(list(scores.values())), axis=1)
        labels = [find_class(one, self.question.labels) for one in classes]
        predicted = [
            one if label is None else label for one, label in zip(classes, labels, strict=True)
        ]
        if len({type(one) for one in predicted}) > 1:
            predicted = [str(one) for one in predicted]
        return pa.chunked_array([pa.array(predicted).take(pa.array(best))])

    def _negative_class(self, positive: Class) -> Class:
        """The negative class."""
        negative = next(
            (one for one in self.possible_classes if not is_same_class(one, positive)), None
        )
        if negative is not None:
            return negative
        if is_same_class(positive, 0) or is_same_class(positive, 1):
            return type(positive)(not is_same_class(positive, 1))
        raise InputError(
            f"the label {self.question.label} has only {list_classes(self.question.labels)}, so"
            " cdml cannot infer the other class.",
            "List both under data: `classes: [NEGATIVE, POSITIVE]`.",
        )
