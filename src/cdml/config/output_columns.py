"""What the columns of an answer mean by their names: one table, which docs/answers.md shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PREDICTION = (
    "prediction", "predictions", "predicted", "predict", "pred", "y_pred",
    "predicted_label", "predicted_class", "prediction_label", "label",
)  # fmt: skip
"""Names of the column that holds the predicted class, or the predicted number."""

PROBABILITY = (
    "probability", "probabilities", "proba", "prob", "score", "scores", "y_score", "y_proba",
    "predicted_probability", "prediction_probability", "prediction_score",
)  # fmt: skip
"""Names of the one column that holds probabilities."""

OF_PREDICTION: Mapping[str, str] = {"label": "score", "prediction_label": "prediction_score"}
"""Predictions with which the probability is that of the predicted class."""

PREFIXES = ("score_", "prob_", "proba_", "probability_", "p_", "p")
"""What may stand before a class in the name of the column with its probability."""

CLOSE = 0.01
"""How far from 1 the probabilities of a row may add up to; answers and files hold them rounded."""

ColumnId = str | int | float | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerColumns:
    """Which columns count, as cdml.yaml says it; names, or numbers from 0 where there are none.

    `score` is the probability of the positive class, `scores` that of each class; without
    `prediction` the class is read from them.
    """

    prediction: str | int | None = None
    score: str | int | None = None
    scores: Mapping[str, str | int] | None = None


def normal_name(name: ColumnId) -> str:
    """A column's name as the table has it: `Predicted Label` is `predicted_label`."""
    return str(name).strip().casefold().replace(" ", "_").replace("-", "_")


def find_named(names: Sequence[ColumnId], table: Sequence[str]) -> list[int]:
    """The places of the columns that one of the tables names."""
    return [
        at for at, name in enumerate(names) if isinstance(name, str) and normal_name(name) in table
    ]


def markdown_table() -> str:
    """The table in Markdown."""
    return "\n".join(
        (
            "| columns of the answer | are read as |",
            "|---|---|",
            f"| one of {_code(PREDICTION)} | the predicted class or number |",
            f"| one of {_code(PROBABILITY)} | the probability of the positive class |",
            *(
                f"| `{label}` with `{score}` | the predicted class, and *its* probability |"
                for label, score in OF_PREDICTION.items()
            ),
            "| a class: `late`, `1` | the probability of this class |",
            f"| a class after {_code(PREFIXES)} | the probability of this class |",
        )
    )


def _code(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
