"""A judge's scores, corrected by the labels that people gave to some of the cases.

Prediction-powered inference (PPI++: Angelopoulos, Duchi & Zrnic 2023, arXiv:2311.01453): with Y a
person's score and f the judge's, n labelled cases and N others,

    mean(Y over labelled) + λ (mean(f over the others) - mean(f over labelled))

is unbiased for every λ, however bad the judge is, if the labelled cases are a random sample.
λ = cov(Y, f) / ((1 + n/N) var(f)) has the least variance; a useless judge has λ = 0, which leaves
the labels alone. Each labelled case has the λ of all the other ones (cross-fitting with as many
folds as cases), so no case tunes its own weight, and the result does not depend on any order.

Two models share one λ, tuned for their difference, so that the difference of the two values is the
value of the difference.
"""

from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np

from cdml.statistics import means
from cdml.statistics.cases.case_means import (
    CaseMeans,
    compare_cases,
    measure_cases,
    with_unseen_cases,
)
from cdml.statistics.difference import Level, Paired, level
from cdml.statistics.interval import Unmeasured
from cdml.statistics.metric_range import within_range
from cdml.statistics.metrics import Range
from cdml.statistics.samples import Flags, Floats, Moments
from cdml.statistics.skewed_means import Linear

FEWEST_LABELS = 20
"""Labelled cases below which nothing is known of how a judge errs."""
_CONTRAST = np.array([1.0, -1.0])
_ROUNDING = 1e-12

Result = TypeVar("Result", Paired, Level)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JudgedCases:
    """What a judge scored, and people on some of the cases.

    Attributes:
        judge: shape (cases, models), the challenger's first.
        human: the same; NaN where people did not score.
        within: the range of a human score; None where it is unknown.
    """

    judge: Floats
    human: Floats
    within: Range | None = None

    @property
    def labelled(self) -> Flags:
        """The cases on which people scored every model's answer, shape (cases,)."""
        labelled: Flags = np.all(np.isfinite(self.human), axis=1)
        return labelled


@dataclass(frozen=True, kw_only=True)
class Corrected(Generic[Result]):
    """What labels and judge say together.

    Attributes:
        value: the corrected result.
        labels_alone: the same without the judge, to compare its width; never chosen instead.
        weight: the mean λ: how much the judge counts.
        labelled, unlabelled: numbers of cases.
    """

    value: Result
    labels_alone: Result
    weight: float
    labelled: int
    unlabelled: int


def compare_corrected(metric: str, cases: JudgedCases) -> Corrected[Paired] | Unmeasured:
    """Two models; rows of `cases` are the challenger's and the champion's scores."""
    if problem := _problem(metric, cases):
        return problem
    labelled = cases.labelled
    human, judge, others = cases.human[labelled], cases.judge[labelled], cases.judge[~labelled]
    alone = compare_cases(
        metric, CaseMeans.of_cases(human[:, 0]), CaseMeans.of_cases(human[:, 1]), cases.within
    )
    if isinstance(alone, Unmeasured):
        return alone
    weight = power_tuned(human[:, 0] - human[:, 1], _gap(judge), len(others))
    difference = corrected_difference(human, judge, others, weight)
    if len(human) >= means.FEW_ROWS:
        difference = replace(difference, published=difference.df)
    difference = with_unseen_cases(difference, human, cases.within)
    return Corrected(
        value=Paired(
            challenger=difference.challenger, champion=difference.champion, difference=difference
        ),
        labels_alone=alone,
        weight=float(weight.mean()),
        labelled=len(human),
        unlabelled=len(others),
    )


def measure_corrected(
    metric: str, cases: JudgedCases, confidence: float
) -> Corrected[Level] | Unmeasured:
    """One model, the first of `cases`."""
    if problem := _problem(metric, cases):
        return problem
    labelled = cases.labelled
    human, judge = cases.human[labelled, 0], cases.judge[labelled, 0]
    others = cases.judge[~labelled, 0]
    alone = measure_cases(metric, CaseMeans.of_cases(human), confidence, cases.within)
    if isinstance(alone, Unmeasured):
        return alone
    weight = power_tuned(human, judge, len(others))
    human, judge, others = (_beside_nothing(scores) for scores in (human, judge, others))
    difference = corrected_difference(human, judge, others, weight)
    if np.ptp(human) == 0:
        difference = with_unseen_cases(difference, human, cases.within)
    value = level(
        Paired(challenger=difference.challenger, champion=0.0, difference=difference), confidence
    )
    if cases.within is not None:
        value = within_range(value, cases.within)
    return Corrected(
        value=value,
        labels_alone=alone,
        weight=float(weight.mean()),
        labelled=len(human),
        unlabelled=len(others),
    )


def power_tuned(human: Floats, judge: Floats, unlabelled: int) -> Floats:
    """λ of each labelled case, at least 0, from all the other labelled ones."""
    if not unlabelled:
        return np.zeros(len(human))
    labels = len(human)
    left = labels / (labels - 1)
    by_human, by_judge = human - human.mean(), judge - judge.mean()
    together = by_human @ by_judge - left * by_human * by_judge
    judges_own = by_judge @ by_judge - left * by_judge * by_judge
    scale = (1 + labels / unlabelled) * judges_own
    usable = judges_own > _ROUNDING * max(1.0, float(by_judge @ by_judge))
    tuned: Floats = np.divide(together, scale, out=np.zeros(labels), where=usable)
    return np.maximum(0.0, tuned)


def corrected_difference(human: Floats, judge: Floats, others: Floats, weight: Floats) -> Linear:
    """The corrected difference for given λ, one per labelled case.

    `human` and `judge` are of the labelled cases, `others` the judge's other scores, all of the
    shape (cases, 2), the challenger's first.
    """
    centre = others.mean(axis=0) if len(others) else judge.mean(axis=0)
    labels = Moments.of_rows(human - weight[:, None] * (judge - centre))
    rest = Moments.of_rows(weight.mean() * others) if len(others) > 1 else None
    covariances = [labels.covariance / labels.rows]
    third = labels.third / labels.rows**2
    if rest is not None:
        covariances.append(rest.covariance / rest.rows)
        third = third + rest.third / rest.rows**2
    df = _degrees_of_freedom(
        [float(_CONTRAST @ covariance @ _CONTRAST) for covariance in covariances],
        [labels.rows, rest.rows if rest is not None else 0],
    )
    challenger, champion = map(float, labels.mean)
    return Linear(
        challenger=challenger,
        champion=champion,
        covariance=np.sum(covariances, axis=0),
        third=third,
        rows=labels.rows,
        method="ppi++",
        df=df,
    )


def _degrees_of_freedom(variances: list[float], rows: list[int]) -> float:
    """Satterthwaite's (1946)."""
    total = sum(variances)
    if not total > 0:
        return float(rows[0] - 1)
    return total**2 / sum(v**2 / (n - 1) for v, n in zip(variances, rows, strict=False))


def _gap(scores: Floats) -> Floats:
    gap: Floats = scores[:, 0] - scores[:, 1]
    return gap


def _beside_nothing(scores: Floats) -> Floats:
    return np.column_stack((scores, np.zeros(len(scores))))


def _problem(metric: str, cases: JudgedCases) -> Unmeasured | None:
    unscored = int((~np.isfinite(cases.judge)).any(axis=1).sum())
    if unscored:
        return Unmeasured(reason=f"the judge has no score for {metric} on {_cases(unscored)}")
    labels = int(cases.labelled.sum())
    if labels >= FEWEST_LABELS:
        return None
    reason = f"{metric} has human labels on {_cases(labels)}"
    by_model = np.isfinite(cases.human).sum(axis=0)
    if len(by_model) > 1:
        reason = (
            f"people scored both models' answers on {_cases(labels)} (the challenger's on"
            f" {by_model[0]:,}, the champion's on {by_model[1]:,})"
        )
    return Unmeasured(reason=f"{reason}; at least {FEWEST_LABELS} are needed to correct a judge")


def _cases(number: int) -> str:
    return f"{number:,} case{'s' * (number != 1)}"
