"""What the page draws of a model: figures that decide nothing."""

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import Field, model_validator

from cdml.common.verdict import Verdict
from cdml.evidence.base import Count, EvidenceModel, Moment, Number, Text

Fraction = Annotated[Number, Field(ge=0, le=1)]


class Curve(EvidenceModel):
    """Thinned points of a curve."""

    x: Annotated[tuple[Number, ...], Field(max_length=1000)]
    """Positions on the horizontal axis."""
    y: Annotated[tuple[Number, ...], Field(max_length=1000)]
    """Positions on the vertical axis, one for each `x`."""

    @model_validator(mode="after")
    def _paired(self) -> Self:
        if len(self.x) != len(self.y):
            raise ValueError("a curve has as many x as y")
        return self


Curves = Annotated[Mapping[str, Curve], Field(max_length=20)]
"""By name: `roc`, `precision_recall`, `calibration`; of a regression `residuals_p05`, …."""


class ConfusionCounts(EvidenceModel):
    """Rows by label and prediction."""

    classes: Annotated[tuple[Text, ...], Field(max_length=21)]
    """Names of the classes."""
    counts: tuple[tuple[Count, ...], ...]
    """Rows by label, and within it by prediction, both in the order of `classes`."""

    @model_validator(mode="after")
    def _square(self) -> Self:
        if any(len(row) != len(self.classes) for row in (self.counts, *self.counts)):
            raise ValueError("a confusion matrix has a row and a column for each class")
        return self


class Picture(EvidenceModel):
    """One model, drawn."""

    curves: Curves = Field(default_factory=dict)
    """Points by name of the curve, as in evaluation.json."""
    confusion: ConfusionCounts | None = None
    """Rows by label and prediction."""


class Histogram(EvidenceModel):
    """How a column's rows spread over bins, in the reference and now."""

    bins: Annotated[tuple[Text, ...], Field(max_length=60)]
    """Names of the bins."""
    reference: tuple[Fraction, ...]
    """Share of the reference's rows in each bin."""
    now: tuple[Fraction, ...]
    """Share of the evaluation rows in each bin."""

    @model_validator(mode="after")
    def _each(self) -> Self:
        if not len(self.bins) == len(self.reference) == len(self.now):
            raise ValueError("a histogram has a share for each bin")
        return self


class PastVersion(EvidenceModel):
    """An earlier version of the model, as its own evidence shows."""

    version: Text
    """Number in the registry."""
    verdict: Verdict
    """The verdict on it at that time."""
    time: Moment
    """When it was judged, in UTC."""
    same_rows: bool
    """Whether it was measured on exactly the rows that are judged now."""
    metrics: Annotated[Mapping[str, Number], Field(max_length=100)]
    """Its values on all rows, by metric."""
