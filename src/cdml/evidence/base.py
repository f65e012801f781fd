"""The words that evidence is made of, each with its limits."""

from datetime import MAXYEAR, UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
Text = Annotated[str, StringConstraints(max_length=10_000)]
WholeNumber = Annotated[int, Field(ge=-(2**63), lt=2**64)]
"""What a column of whole numbers can hold; Python refuses to write much larger ones."""
Scalar = bool | WholeNumber | float | str | None
SliceValues = Annotated[
    dict[str, Scalar] | None,
    Field(description="What the rows have in common, by column; null: all rows."),
]
Number = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, lt=2**63)]


def _in_utc(at: datetime) -> datetime:
    """A time as it is shown: everywhere as UTC, which is what a time without a zone is taken for.

    Raises:
        ValueError: it is of no year that a run can be of.
    """
    if not 1970 <= at.year < MAXYEAR:  # noqa: PLR2004 - the first year of computers
        raise ValueError("no run was at this time")
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


Moment = Annotated[datetime, AfterValidator(_in_utc)]
Milliseconds = Annotated[Number, Field(ge=0)]


class EvidenceModel(BaseModel):
    """A piece of evidence: nothing but what is named, and never changed."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        defer_build=True,  # a command meets few of them
    )
