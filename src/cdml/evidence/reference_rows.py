"""A few rows and what a model said to them: a server that serves it must say the same."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cdml.common.validation import first_problem
from cdml.errors import InputError

SUFFIX = ".known.json"
"""Of the file next to predictions of the same name."""
FILE = f"predictions{SUFFIX}"
MAX_BYTES = 4 * 1024 * 1024
_MOST_LISTED = 5

StoredValue = bool | int | Annotated[float, Field(allow_inf_nan=False)] | str | None
StoredValues = StoredValue | tuple[StoredValue, ...]
StoredAnswer = StoredValues | tuple[StoredValues, ...] | dict[str, StoredValues]


class KnownAnswers(BaseModel):
    """predictions.known.json: rows as the model was given them, and answers that are right."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, defer_build=True)

    schema_: Literal["cdml.known/1"] = Field("cdml.known/1", alias="schema")
    columns: tuple[str, ...]
    rows: tuple[tuple[StoredValue, ...], ...]
    answers: tuple[tuple[StoredAnswer, ...], ...]
    """The predictions, the scores where there are any, and the answer itself as a server may send
    it: each with a value, values, or values by name a row."""
    classified: tuple[str, ...] = ()
    """Inputs that the contract classifies, so that no rows are kept."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        short = any(len(row) != len(self.columns) for row in self.rows)
        if self.classified and (self.rows or self.columns):
            raise ValueError("rows were kept though a column of them is classified")
        if short or any(len(answer) != len(self.rows) for answer in self.answers):
            raise ValueError("rows, columns and answers do not fit together")
        return self

    @property
    def withheld(self) -> str:
        """Why no rows were kept, in words; empty where some were."""
        named = self.classified
        if not named:
            return ""
        listing = ", ".join(named[:_MOST_LISTED]) + (", …" if len(named) > _MOST_LISTED else "")
        return f"the contract classifies the inputs {listing}"

    @property
    def by_column(self) -> Sequence[dict[str, StoredValue]]:
        """Each row, by column."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def read_reference_rows(folder: Path) -> KnownAnswers | None:
    """What is known, or None where nothing is.

    Raises:
        InputError: there is a file, but it is not what its name says.
    """
    path = folder / FILE
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} is larger than {MAX_BYTES // 2**20} MiB.")
        return KnownAnswers.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}.") from error
    except ValidationError as error:
        raise InputError(
            f"{path} has no valid smoke cases: {first_problem(error)}.", "Evaluate the model again."
        ) from error
