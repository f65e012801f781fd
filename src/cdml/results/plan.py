"""How much evidence a margin needs, as a value for whoever shows it."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOption:
    """Cases, trials of each per version, answers that people score, and the price of it all."""

    cases: int
    trials: int
    labels: int
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultPlan:
    """What proves an equal version no more than `margin` worse, with 80 % power.

    Attributes:
        cases, trials: of the pilot; trials are the mean of its cases.
        between: variance of the difference of two versions between cases.
        within: variance of a trial, summed over the versions.
        priced: whether costs are money; else they count answers.
        cheapest: at the costs given.
        options: the cases that some numbers of trials need.
        present_trials: of the pilot's own cases; None where no number would do.
        labelled: with a judge that people's scores correct; None without such scores.
        correlation: of the judge's scores with people's.
    """

    metric: str
    margin: float
    confidence: float
    cases: int
    trials: float
    between: float
    within: float
    priced: bool
    cheapest: PlanOption
    options: Sequence[PlanOption]
    present_trials: int | None
    labelled: PlanOption | None
    correlation: float | None
    notes: Sequence[str]
