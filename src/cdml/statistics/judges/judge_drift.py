"""Whether a judge scores the same fixed answers as it did before."""

from dataclasses import dataclass

import numpy as np

from cdml.statistics.cases.case_means import CaseMeans, compare_cases
from cdml.statistics.difference import Paired, Side
from cdml.statistics.interval import Unmeasured
from cdml.statistics.metrics import Range


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeDrift:
    """The judge now against the judge before, on anchors: answers that never change.

    Attributes:
        paired: now less before; positive where the judge became more lenient.
        changed: the share of anchors that have another score.
        stable: both one-sided bounds lie within the tolerance.
        drifted: a bound lies beyond it; with neither, the anchors are too few to tell.
    """

    paired: Paired
    changed: float
    stable: bool
    drifted: bool


def judge_drift(
    before: CaseMeans,
    now: CaseMeans,
    tolerance: float,
    confidence: float,
    within: Range | None = None,
) -> JudgeDrift | Unmeasured:
    """Scores of the same anchors, in the same order; the tolerance is of the mean score."""
    paired = compare_cases("drift", now, before, within)
    if isinstance(paired, Unmeasured):
        return paired
    low, high = (paired.difference.bound(side, confidence) for side in (Side.LOWER, Side.UPPER))
    return JudgeDrift(
        paired=paired,
        changed=float(np.mean(now.mean != before.mean)),
        stable=-tolerance < low and high < tolerance,
        drifted=low > tolerance or high < -tolerance,
    )
