"""The columns of a model's answer as probabilities, and what is said where they are none."""

from collections.abc import Iterable

import numpy as np

from cdml.adapters.scoring.model_output import (
    ModelAnswer,
    Question,
    ScoreArray,
    describe_columns,
    floats,
    is_number,
    require_finite,
)
from cdml.config.class_labels import yaml_scalar
from cdml.config.output_columns import CLOSE
from cdml.errors import InputError

ROUNDING = 1e-6
"""How far outside of [0, 1] a probability of single precision may lie."""


class ProbabilityColumns:
    """Columns of one answer, by their places."""

    def __init__(self, answer: ModelAnswer, question: Question) -> None:
        self.answer = answer
        self.question = question

    def share(self, at: int) -> ScoreArray:
        """A column of probabilities.

        Raises:
            InputError: some are missing, or not between 0 and 1.
        """
        column = self.answer.columns[at]
        if not is_number(column):
            raise self.ambiguous()
        require_finite(column, "scores")
        values = floats(column)
        outside = (values < -ROUNDING) | (values > 1 + ROUNDING)
        if outside.any():
            raise InputError(
                f"{int(outside.sum()):,} of {len(values):,} values of {self.name(at)} in the"
                f" answer are not probabilities: they lie between {values.min():.6g} and"
                f" {values.max():.6g}.",
                self.how(),
            )
        return np.clip(values, 0.0, 1.0)

    def add_up(self, columns: Iterable[int]) -> bool:
        """Whether the columns are probabilities that add up to 1 in every row."""
        chosen = list(columns)
        for at in chosen:
            require_finite(self.answer.columns[at], "scores")
        parts = [floats(self.answer.columns[at]) for at in chosen]
        inside = all(bool(((one >= -ROUNDING) & (one <= 1 + ROUNDING)).all()) for one in parts)
        return inside and bool((np.abs(np.sum(parts, axis=0) - 1) < CLOSE).all())

    def sums(self, columns: Iterable[int]) -> str:
        """What the rows add up to, in words."""
        sums = np.sum([floats(self.answer.columns[at]) for at in columns], axis=0)
        return f"the sums are between {sums.min():.4g} and {sums.max():.4g}"

    def name(self, at: int) -> str:
        """The name of a column, or its number."""
        names = self.answer.names
        return yaml_scalar(names[at]) if names is not None else str(at)

    def ambiguous(self) -> InputError:
        """That nothing says which columns count."""
        return InputError(
            f"the model returns {describe_columns(self.answer)}, and cdml cannot decide which"
            " of them to use.",
            self.how(),
        )

    def how(self) -> str:
        """What to write where it is not certain which columns count."""
        score = "COLUMN" if self.question.binary else "{CLASS: COLUMN, …}"
        return (
            "Name them under data in cdml.yaml: `answer:"
            f" {{prediction: COLUMN, score: {score}}}`; score is optional."
        )
