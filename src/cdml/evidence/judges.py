"""What evidence records of a judge whose scores human labels correct."""

from cdml.evidence.base import Count, EvidenceModel, Number, Text


class JudgeRecord(EvidenceModel):
    """How human labels corrected a judge's scores."""

    corrected_by: Text
    """The columns of human labels, as cdml.yaml has them."""
    labelled: Count
    """Cases whose answers people scored: every model's, where two are compared."""
    unlabelled: Count
    """The other cases, which only the judge scored."""
    labels: tuple[Count, ...] = ()
    """Labelled answers of the challenger, and of the champion where two are compared."""
    weight: Number | None = None
    """Mean λ: how much the judge counts; null where nothing was measured."""
    width: Number | None = None
    """Width of the two-sided interval; null where it has none."""
    width_of_labels: Number | None = None
    """Width of the interval that the labels give without the judge."""
