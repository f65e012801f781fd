"""Whether a judge's scores go with the length or the position of an answer.

Scores of both models' answers are regressed on which model wrote them and on the style, within
cases (each case has its own level), by least squares. Errors are robust to the likeness of answers
to one case (Liang & Zeger 1986), with the factor G / (G - 1) · (n - 1) / (n - k) of Cameron and
Miller (2015), and t with G - 1 degrees of freedom. Longer answers may simply be better: only scores
less a person's score show a bias of the judge itself.
"""

import math
from dataclasses import dataclass

import numpy as np

from cdml.statistics import student
from cdml.statistics.difference import Level
from cdml.statistics.interval import ConfidenceInterval, Unmeasured
from cdml.statistics.metrics import FEWEST_CLUSTERS
from cdml.statistics.ranks import summed
from cdml.statistics.samples import Codes, Flags, Floats

_COLLINEAR = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Regression:
    """Least squares within cases.

    Attributes:
        slopes: of each regressor, shape (k,).
        covariance: theirs, cluster-robust, shape (k, k).
        cases: how many have more than one answer.
    """

    slopes: Floats
    covariance: Floats
    cases: int

    def combined(self, weights: Floats, confidence: float) -> Level:
        """A weighted sum of the slopes, with its t interval."""
        value = float(weights @ self.slopes)
        error = math.sqrt(max(0.0, float(weights @ self.covariance @ weights)))
        reach = student.quantile((1 + confidence) / 2, self.cases - 1) * error
        interval = ConfidenceInterval(
            low=value - reach, high=value + reach, confidence=confidence, method="cluster-t"
        )
        return Level(value=value, interval=interval)

    def p_value(self, regressor: int) -> float:
        """Two-sided, for a slope of 0."""
        error = math.sqrt(max(0.0, float(self.covariance[regressor, regressor])))
        slope = abs(float(self.slopes[regressor]))
        if not error > 0:
            return 0.0 if slope > 0 else 1.0
        return 2 * student.cdf(-slope / error, self.cases - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleBias:
    """A difference of two models, split by a style such as length.

    Attributes:
        slope: score per unit of the style, within cases.
        p_value: two-sided, for no slope.
        difference: challenger - champion as scored.
        explained: what the style accounts for: slope times the models' difference in style.
        adjusted: the rest, the difference at equal style.
        could_explain: the difference is not 0 as scored, but could be 0 or turn at equal style.
    """

    slope: Level
    p_value: float
    difference: Level
    explained: Level
    adjusted: Level
    could_explain: bool


def style_bias(
    score: Floats, challenger: Flags, style: Floats, case: Codes, confidence: float
) -> StyleBias | Unmeasured:
    """One entry per answer: score, whether the challenger wrote it, length or position, case."""
    of_model = challenger.astype(float)
    plain = regress_within_cases(score, of_model[:, None], case)
    full = regress_within_cases(score, np.column_stack((of_model, style)), case)
    if isinstance(plain, Unmeasured):
        return plain
    if isinstance(full, Unmeasured):
        return full
    longer = regress_within_cases(style, of_model[:, None], case)
    if isinstance(longer, Unmeasured):
        return longer
    difference = plain.combined(np.ones(1), confidence)
    adjusted = full.combined(np.array([1.0, 0.0]), confidence)
    return StyleBias(
        slope=full.combined(np.array([0.0, 1.0]), confidence),
        p_value=full.p_value(1),
        difference=difference,
        explained=full.combined(np.array([0.0, float(longer.slopes[0])]), confidence),
        adjusted=adjusted,
        could_explain=_sign(difference) != 0 and _sign(adjusted) != _sign(difference),
    )


def regress_within_cases(score: Floats, regressors: Floats, case: Codes) -> Regression | Unmeasured:
    """Scores, shape (answers,), on regressors, shape (answers, k), each less its case's mean."""
    _, case, answers = np.unique(case, return_inverse=True, return_counts=True)
    repeated = answers[case] > 1
    _, case = np.unique(case[repeated], return_inverse=True)
    score, regressors = score[repeated], regressors[repeated]
    cases, (rows, width) = int(case.max(initial=-1)) + 1, regressors.shape
    if cases < FEWEST_CLUSTERS:
        return Unmeasured(
            reason=f"{cases:,} cases with several answers are too few for a regression"
        )
    x = np.column_stack([_centred(column, case, cases) for column in regressors.T])
    y = _centred(score, case, cases)
    scale = np.sqrt((x**2).sum(axis=0))
    if not (scale > 0).all() or np.linalg.svd(x / scale, compute_uv=False)[-1] < _COLLINEAR:
        return Unmeasured(reason="the style does not vary within cases apart from the model")
    inverse = np.linalg.inv(x.T @ x)
    slopes = inverse @ (x.T @ y)
    moves = x * (y - x @ slopes)[:, None]
    sums = np.column_stack([summed(case, column, cases) for column in moves.T])
    factor = cases / (cases - 1) * (rows - 1) / (rows - width)
    return Regression(
        slopes=slopes, covariance=factor * inverse @ (sums.T @ sums) @ inverse, cases=cases
    )


def _centred(values: Floats, case: Codes, cases: int) -> Floats:
    mean = summed(case, values, cases) / np.bincount(case, minlength=cases)
    return values - mean[case]


def _sign(level: Level) -> int:
    """The side of 0 on which the whole interval lies; 0 where it does not."""
    if not isinstance(level.interval, ConfidenceInterval):
        return 0
    return int(level.interval.low > 0) - int(level.interval.high < 0)
