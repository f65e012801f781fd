"""What results say case by case: figures and texts that decide nothing."""

from pydantic import Field

from cdml.evidence.base import Count, EvidenceModel, Number, Text
from cdml.evidence.interval import Difference

MOST_CASES = 5
"""Cases that are listed of those that got worse, and of those that got better."""
_MOST = 20


class CaseText(EvidenceModel):
    """A column of texts in one case; null where an arm has none."""

    column: Text
    """Name of the column."""
    champion: Text | None
    """The beginning of the champion's text."""
    challenger: Text | None
    """The beginning of the challenger's text."""


class ChangedCase(EvidenceModel):
    """A case on which one model scores better than the other.

    Of several trials, link and texts are of the one that shows the change most.
    """

    case: Text
    """What identifies the case."""
    champion: Number
    """The champion's score, averaged over trials."""
    challenger: Number
    """The challenger's score, likewise."""
    link: Text | None = None
    """Web address of the challenger's result in the tool that measured it."""
    texts: tuple[CaseText, ...] = Field((), max_length=_MOST)
    """Inputs and outputs; only of columns that the contract lists and does not classify."""


class ChangedCases(EvidenceModel):
    """The cases that changed by the first gate that reads a column."""

    metric: Text
    """The gate's metric."""
    cases: Count
    """Cases that both models have a score of."""
    worse: Count
    """How many the challenger scores worse."""
    better: Count
    """How many the challenger scores better."""
    broken: tuple[ChangedCase, ...] = Field((), max_length=MOST_CASES)
    """Those that got worse, the largest loss first; empty where the contract classifies the key."""
    fixed: tuple[ChangedCase, ...] = Field((), max_length=MOST_CASES)
    """Those that got better, the largest gain first; likewise."""


class UngatedFigure(EvidenceModel):
    """Cost, latency or tokens, where no gate judges them."""

    metric: Text
    """Name of the metric."""
    champion: Number | None
    """The champion's value; null where it could not be measured."""
    challenger: Number | None
    """The challenger's value, likewise."""
    difference: Difference | None
    """The difference with its interval; null where a value is missing."""
    reason: Text = ""
    """Why there is no value."""


class InstrumentErrors(EvidenceModel):
    """Results of one model that could not be measured."""

    results: Count
    """Results in the file, one for each trial."""
    failed: Count
    """How many of them have an error."""
    cases: tuple[Text, ...] = Field((), max_length=_MOST)
    """The first cases with an error, those with most errors first."""


class CaseResults(EvidenceModel):
    """What two files of results say besides the gates."""

    changed: ChangedCases | None = None
    """The cases that got worse or better; null where no gate reads a column."""
    figures: tuple[UngatedFigure, ...] = Field((), max_length=_MOST)
    """Cost, latency and tokens that no gate judges."""
    errors: tuple[InstrumentErrors, ...] = Field((), max_length=2)
    """The challenger's and the champion's; empty where no column says what failed."""
    not_measured: tuple[Text, ...] = Field((), max_length=_MOST)
    """What was not compared, in sentences."""


def without_links(results: CaseResults | None) -> CaseResults | None:
    """The same, with no address that somebody may have made up."""
    if results is None or results.changed is None:
        return results
    plain = {
        side: tuple(case.model_copy(update={"link": None}) for case in cases)
        for side, cases in (("broken", results.changed.broken), ("fixed", results.changed.fixed))
    }
    return results.model_copy(update={"changed": results.changed.model_copy(update=plain)})
