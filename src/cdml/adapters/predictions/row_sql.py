"""The SQL of one paired row: what may be wrong with it, and the figures inference reads of it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cdml.adapters.predictions.pairing import Pair, Predictions, same_keys
from cdml.adapters.tables.sql_engine import literal, quote
from cdml.errors import ConfigurationError, InputError
from cdml.evaluation.prediction_store import Layout
from cdml.statistics.metrics import Loss, Metric, Task
from cdml.tables.query import Field, LogicalType

PREDICTION = "prediction"
SCORE = "score"
_LEAST = 2.0**-52
CLOSE = 0.01
"""How far from 1 the probabilities of a row may add up to; files hold them rounded."""
_SIDES = {"c": "challenger", "p": "champion"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The expressions of a row; without `outcomes`, labels and predictions are not read."""

    pair: Pair
    layout: Layout
    classes: tuple[str, ...] = ()
    outcomes: bool = True

    @property
    def sides(self) -> tuple[str, ...]:
        """`c` for the challenger, `p` for the champion where there is one."""
        return ("c",) if self.pair.champion is None else ("c", "p")

    def file(self, side: str) -> Predictions:
        file = self.pair.challenger if side == "c" else self.pair.champion
        if file is None:
            raise ValueError("there is no champion")
        return file

    @property
    def weight(self) -> str:
        """How much a row counts."""
        name = self.layout.weight
        if name is None:
            return "CAST(1 AS DOUBLE)"
        return as_number(f"c.{quote(name)}", self.file("c").fields[name])

    def label(self, side: str = "c") -> str:
        """The truth: positive or not, the class as text, the number; of generation, that it is."""
        if self.layout.task is Task.GENERATION:
            return "TRUE"
        return self._outcome(side, self.layout.required_label)

    def prediction(self, side: str) -> str:
        """What the model says, in the form of `label`; of generation, whether it is the label."""
        return self._outcome(side, PREDICTION)

    def score(self, side: str, name: str = SCORE) -> str:
        return f"CAST({side}.{quote(name)} AS DOUBLE)"

    def _outcome(self, side: str, name: str) -> str:
        column, field = f"{side}.{quote(name)}", self.file(side).fields[name]
        match self.layout.task:
            case Task.BINARY:
                return is_positive(column, field, self.layout.positive)
            case Task.MULTICLASS:
                return as_class(column, field)
            case Task.REGRESSION:
                return f"CAST({column} AS DOUBLE)"
            case Task.GENERATION:
                label = self.file("c").fields[self.layout.required_label]
                return f"({as_class(column, field)} = {as_class(f'c.{quote(label.name)}', label)})"

    def averaged(self, metric: Metric, side: str) -> str:
        if metric.loss is Loss.COLUMN:
            name = metric.column or self.layout.cost
            figure = as_number(f"{side}.{quote(str(name))}", self.file(side).fields[str(name)])
            return f"({metric.scale!r} * {figure})"
        if metric.loss in {Loss.LOG, Loss.BRIER}:
            figure, divisor = self.bounded(metric.loss, side)
            return divisor.replace("{x}", f"({figure})")
        return self.loss(metric.loss or Loss.SQUARED, side)

    def bounded(self, loss: Loss, side: str) -> tuple[str, str]:
        """The figure that a loss of a probability is reckoned from, and the loss of it as {x}.

        A chance is at most 1: what it would be kept below that is too little to be summed.
        """
        if loss is Loss.LOG:
            # Much faster than greatest(), which looks for missing values.
            at_least = f"CASE WHEN {{x}} > {_LEAST!r} THEN {{x}} ELSE {_LEAST!r} END"
            return self._chance_of_label(side), f"-ln({at_least})"
        return f"{self.score(side)} - {_one_or_zero(self.label())}", "{x} * {x}"

    def loss(self, loss: Loss, side: str) -> str:
        error = self._error(side)
        match loss:
            case Loss.ABSOLUTE:
                return f"abs({error})"
            case Loss.SQUARED:
                return f"pow({error}, 2)"
            case Loss.ABSOLUTE_PERCENTAGE:
                return f"abs({error}) / greatest(abs({self.label()}), {_LEAST!r})"
            case _:
                raise ValueError(f"{loss.value} is not a loss of label and prediction")

    def _error(self, side: str) -> str:
        """How far the prediction is off; exactly that of whole numbers no float can hold."""
        name = self.layout.required_label
        fields = (self.file(side).fields[PREDICTION], self.file("c").fields[name])
        if any(field.type is not LogicalType.INTEGER for field in fields):
            return f"({self.prediction(side)} - {self.label()})"
        prediction, label = f"{side}.{quote(PREDICTION)}", f"c.{quote(name)}"
        return f"CAST(CAST({prediction} AS HUGEINT) - CAST({label} AS HUGEINT) AS DOUBLE)"

    def _chance_of_label(self, side: str) -> str:
        if self.layout.task is Task.BINARY:
            return f"abs({self.score(side)} - (1 - {_one_or_zero(self.label())}))"
        cases = " ".join(
            f"WHEN {literal(name)} THEN {self.score_of(side, name)}" for name in self.classes
        )
        return f"CASE {self.label()} {cases} ELSE 0 END"

    def score_of(self, side: str, name: str) -> str:
        """The probability of a class; a class that the model does not know has none."""
        file = self.file(side)
        kind = file.fields[self.layout.required_label].type
        for column in file.fields:
            prefix, _, written = column.partition("_")
            if prefix == SCORE and written and class_text(written, kind) == name:
                return self.score(side, column)
        return "CAST(0 AS DOUBLE)"

    def problems(self, scores: Sequence[str]) -> tuple[tuple[str, str], ...]:
        """What has to be true of a row, and how to say of how many rows it is not."""
        return tuple(self._problems(scores))

    def _problems(self, scores: Sequence[str]) -> Iterator[tuple[str, str]]:
        if self.pair.positional:
            yield same_keys(self.layout.key), KEYS_DIFFER
        if weight := self.layout.weight:
            usable = f"isfinite({self.weight}) AND {self.weight} >= 0"
            yield usable, f"have no weight ({weight}) of 0 or more"
        if cluster := self.layout.cluster:
            yield f"c.{quote(cluster)} IS NOT NULL", f"belong to no cluster ({cluster})"
        if self.outcomes:
            yield from self._outcome_problems(scores)

    def _outcome_problems(self, scores: Sequence[str]) -> Iterator[tuple[str, str]]:
        name = self.layout.required_label
        yield self._there("c", name), f"have no label ({name})"
        if "p" in self.sides:
            yield (
                f"{self.truth('c')} = {self.truth('p')}",
                f"have different labels ({name}) in the two files",
            )
        for side in self.sides:
            model = _SIDES[side]
            yield self._there(side, PREDICTION), f"have no prediction from the {model}"
            for score in scores:
                if score in self.file(side).fields:
                    # The file's statistics leave NaN out, and DuckDB relies on them.
                    column = self.score(side, score)
                    yield (
                        f"isfinite({column}) AND {column} BETWEEN 0 AND 1",
                        f"have no {score} between 0 and 1 from the {model}",
                    )
            scores_present = [self.score(side, s) for s in scores if s in self.file(side).fields]
            if self.layout.task is Task.MULTICLASS and scores_present:
                yield (
                    f"abs({' + '.join(scores_present)} - 1) < {CLOSE}",
                    f"have probabilities from the {model} that do not add up to 1",
                )

    def truth(self, side: str) -> str:
        """The label as it stands in a file, so that two files can be compared."""
        name = self.layout.required_label
        if self.layout.task is Task.GENERATION:
            return as_class(f"{side}.{quote(name)}", self.file(side).fields[name])
        return self.label(side)

    def _there(self, side: str, name: str) -> str:
        column = f"{side}.{quote(name)}"
        if self.layout.task is Task.REGRESSION:
            return f"isfinite(CAST({column} AS DOUBLE))"
        if self.file(side).fields[name].physical in {"FLOAT", "DOUBLE"}:
            return f"NOT isnan({column})"
        return f"{column} IS NOT NULL"


KEYS_DIFFER = "are in a different order in the two files"


def class_text(written: str, kind: LogicalType) -> str:
    """A class in a column's name, as `as_class` has those of a label of this type."""
    if kind is LogicalType.BOOLEAN:
        return written.lower()
    return re.sub(r"\.0+$", "", written) if kind.numeric else written


def binary_value(column: str, field: Field) -> str:
    """A value of a binary label or prediction as text; true, True and 1 are the same."""
    text = as_class(column, field)
    return f"CASE lower({text}) WHEN 'true' THEN '1' WHEN 'false' THEN '0' ELSE {text} END"


def as_class(column: str, field: Field) -> str:
    """A class as text; whole numbers read the same whether stored as 1 or 1.0."""
    if field.type is LogicalType.NUMBER:
        return f"regexp_replace(CAST({column} AS VARCHAR), '\\.0+$', '')"
    return f"CAST({column} AS VARCHAR)"


def as_number(column: str, field: Field) -> str:
    """A figure as a number, true as 1."""
    if field.type is LogicalType.BOOLEAN:
        column = f"CASE WHEN {column} THEN 1 WHEN NOT {column} THEN 0 END"
    return f"CAST({column} AS DOUBLE)"


def _one_or_zero(truth: str) -> str:
    """Not every engine can cast a truth to a number."""
    return f"CASE WHEN {truth} THEN 1 ELSE 0 END"


def is_positive(column: str, field: Field, positive: bool | int | str | None) -> str:
    """Whether a label or a prediction is the positive class, in the type of its column."""
    if positive is None:
        raise ConfigurationError(
            "data.positive is missing.", "A binary task needs the positive class."
        )
    if field.type is LogicalType.BOOLEAN:
        prefixes = {"true": "", "1": "", "false": "NOT ", "0": "NOT "}
        negation = prefixes.get(str(positive).lower())
        if negation is None:
            raise _never(field, positive)
        return f"({negation}{column})"
    if field.type.numeric:
        try:
            return f"({column} = {float(positive)!r})"
        except ValueError:
            raise _never(field, positive) from None
    written = re.sub(r"\.0+$", "", str(positive))
    truth = {"true": "1", "1": "1", "false": "0", "0": "0"}.get(written.lower())
    if truth is None:
        return f"(CAST({column} AS VARCHAR) = {literal(written)})"
    return f"({binary_value(column, field)} = {literal(truth)})"


def _never(field: Field, positive: object) -> InputError:
    return InputError(
        f"the column {field.name!r} contains {field.words} and can never be {positive!r}.",
        "Write data.positive as it appears in the data.",
    )
