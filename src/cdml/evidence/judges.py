"""What evidence records of a judge whose scores human labels correct."""

from typing import Annotated, Literal

from pydantic import Field

from cdml.evidence.base import Count, EvidenceModel, Number, Text
from cdml.evidence.interval import Difference

JudgedModel = Literal["challenger", "champion"]
Probability = Annotated[Number, Field(ge=0, le=1)]


class AgreementRecord(EvidenceModel):
    """How well a judge agrees with people on one model's answers."""

    model: JudgedModel
    """Whose answers."""
    measure: Text
    """`kappa`, `quadratic kappa` or `alpha`."""
    value: Number | None
    """The coefficient; null where it has none."""
    lower: Number | None
    """Its one-sided lower bound; null where there is none."""
    confidence: Probability
    """Confidence of the bound."""
    reason: Text | None = None
    """Why there is no value or bound."""


class LabelTest(EvidenceModel):
    """Labelled cases against the others: whether they can be a random sample."""

    compared: Text
    """What was compared: a judge's score, or a slice column."""
    p_value: Probability
    """After Holm's correction for all tests of the sample."""


class StyleRecord(EvidenceModel):
    """Whether a judge's score goes with the length or the position of an answer."""

    style: Literal["length", "position"]
    """Which of the two."""
    column: Text
    """The column that holds it."""
    slope: Difference | None
    """Score per unit, within cases; null where it could not be measured."""
    p_value: Probability | None = None
    """Two-sided, for no slope."""
    as_scored: Difference | None = None
    """The judge's difference of the models."""
    adjusted: Difference | None = None
    """The difference at equal length or position."""
    could_explain: bool = False
    """Whether the difference is not 0 as scored, but could be 0 or turn at equal style."""
    reason: Text | None = None
    """Why it could not be measured."""


class AnchorRecord(EvidenceModel):
    """The judge now against the judge before, on the same fixed answers."""

    anchors: Count
    """How many there are."""
    before: Number | None
    """Mean score when the champion was judged; null where it could not be measured."""
    now: Number | None
    """Mean score now, likewise."""
    low: Number | None
    """One-sided lower bound of the change."""
    high: Number | None
    """One-sided upper bound of the change."""
    confidence: Probability
    """Confidence of each bound."""
    changed: Probability | None = None
    """Share of anchors that have another score."""
    reason: Text | None = None
    """Why the change could not be measured."""


class JudgeRecord(EvidenceModel):
    """How human labels corrected a judge's scores; the checks are only of all rows."""

    corrected_by: Text
    """The columns of human labels, as cdml.yaml has them."""
    labelled: Count
    """Cases whose answers people scored: every model's, where two are compared."""
    unlabelled: Count
    """The other cases, which only the judge scored."""
    labels: Annotated[tuple[Count, ...], Field(min_length=1, max_length=2)]
    """Labelled answers of the challenger, and of the champion where two are compared."""
    weight: Number | None = None
    """Mean λ: how much the judge counts; null where nothing was measured."""
    width: Number | None = None
    """Width of the two-sided interval; null where it has none."""
    width_of_labels: Number | None = None
    """Width of the interval that the labels give without the judge."""
    sample: Annotated[tuple[LabelTest, ...], Field(max_length=1000)] = ()
    """Tests that the labelled cases are a random sample; none where all cases are labelled."""
    agreement: Annotated[tuple[AgreementRecord, ...], Field(max_length=2)] = ()
    """Agreement of judge and people, for each model's labelled answers."""
    styles: Annotated[tuple[StyleRecord, ...], Field(max_length=2)] = ()
    """Whether length or position could explain the difference of two models."""
    anchors: AnchorRecord | None = None
    """Whether the judge itself changed; null where it has no anchors."""
    unfit: Text | None = None
    """Why the judge may not decide, so that the gate is held; null where it may."""
