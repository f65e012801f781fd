"""Trials that gave no score because a tool failed: an answer that is missing, not a wrong one.

What is missing might have been anything, so the share of this very file counts, without an
interval: up to so much of it cannot be judged. Whether the challenger fails more often than the
champion is a question of chance, and is tested.
"""

from dataclasses import dataclass

import numpy as np

from cdml.statistics.cases.case_means import UNIT, CaseMeans, compare_cases, measure_cases
from cdml.statistics.difference import Level, Paired, Side
from cdml.statistics.interval import Unmeasured
from cdml.statistics.metric_range import directed
from cdml.statistics.samples import Codes

MOST_ERRORS = 0.02
"""The share of trials without a score that a model may have by default."""
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRates:
    """How often the instruments failed.

    Attributes:
        challenger, champion: shares of the trials, averaged over the cases, with intervals.
        paired: the difference; None without a champion.
        p_value: one-sided, that they fail more often for the challenger; 1 without a champion.
        affected: codes of the challenger's cases with a failure, those with most failures first.
        too_many: a model has more than allowed, or the rise is significant.
    """

    challenger: Level
    champion: Level | None
    paired: Paired | None
    p_value: float
    affected: Codes
    too_many: bool


def error_rates(
    challenger: CaseMeans,
    champion: CaseMeans | None,
    confidence: float,
    most: float = MOST_ERRORS,
) -> ErrorRates | Unmeasured:
    """From the shares of each case's trials that failed (`CaseMeans.of_trials` of 0 and 1).

    The rise is significant where p is at most 1 - confidence.
    """
    level = measure_cases("errors", challenger, 2 * confidence - 1, UNIT)
    if isinstance(level, Unmeasured):
        return level
    affected = np.argsort(-challenger.mean, kind="stable")
    affected = affected[challenger.mean[affected] > 0]
    if champion is None:
        return ErrorRates(
            challenger=level,
            champion=None,
            paired=None,
            p_value=1.0,
            affected=affected,
            too_many=not level.value <= most + _ROUNDING,
        )
    before = measure_cases("errors", champion, 2 * confidence - 1, UNIT)
    paired = compare_cases("errors", challenger, champion, UNIT)
    if isinstance(before, Unmeasured):
        return before
    if isinstance(paired, Unmeasured):
        return paired
    p_value = directed(paired.difference, harm=Side.LOWER).p_value(Side.LOWER, 0.0)
    few = max(level.value, before.value) <= most + _ROUNDING
    return ErrorRates(
        challenger=level,
        champion=before,
        paired=paired,
        p_value=p_value,
        affected=affected,
        too_many=not (few and p_value > 1 - confidence),
    )
