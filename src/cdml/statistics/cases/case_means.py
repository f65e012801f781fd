"""Scores of cases that were tried once or several times: the case is the unit, never the trial.

Every case counts the same, however many trials it had: its score is the mean over its trials, and
two models are compared by the differences of these scores. The models may have different numbers
of trials.

On most cases of a suite both models do the same. A spread that comes from few cases misses what
other cases would do, so two cases are added which differ as far as the scores can (the rule of
three: with no case on which the models differ, the bound is then where Tango's is).
"""

from dataclasses import dataclass, replace

import numpy as np

from cdml.statistics import means
from cdml.statistics.cases.bounded_means import bounded_interval
from cdml.statistics.difference import Level, Paired
from cdml.statistics.interval import Unmeasured
from cdml.statistics.metrics import Range
from cdml.statistics.proportions import Tango
from cdml.statistics.ranks import summed
from cdml.statistics.samples import Codes, CountArray, Flags, Floats, Moments
from cdml.statistics.skewed_means import Linear

UNIT = Range(low=0.0, high=1.0)
ENOUGH_DISCORDANT = 100
"""From so many cases on, or half of all, on which the models differ, nothing is added."""
CARE = 1.15
"""With no such case the bound at 95 % is then Tango's: 2.7 of the cases away."""
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CaseMeans:
    """What one model scored on each case, shapes (cases,).

    Attributes:
        mean: over the trials of the case; NaN where there is none, or where a score is NaN.
        trials: how many there were.
        variance: between the trials of the case, ddof 1; NaN for fewer than two.
    """

    mean: Floats
    trials: CountArray
    variance: Floats

    @classmethod
    def of_trials(cls, case: Codes, score: Floats, cases: int) -> "CaseMeans":
        """From single trials: the case of each, as codes below `cases`, and its score."""
        trials = np.bincount(case, minlength=cases)
        mean = _over(summed(case, score, cases), trials)
        squares = summed(case, (score - mean[case]) ** 2, cases)
        return cls(mean=mean, trials=trials, variance=_over(squares, trials - 1))

    @classmethod
    def of_cases(cls, score: Floats) -> "CaseMeans":
        """Of one trial each."""
        once, unknown = np.ones(len(score), dtype=np.int64), np.full(len(score), np.nan)
        return cls(mean=score, trials=once, variance=unknown)

    @property
    def cases(self) -> int:
        """How many cases there are."""
        return len(self.mean)

    @property
    def binary(self) -> bool:
        """Whether each case was tried once and scored 0 or 1."""
        return bool((self.trials == 1).all() and np.isin(self.mean, (0.0, 1.0)).all())

    def at(self, chosen: Flags) -> "CaseMeans":
        """Those of some cases, such as a category's."""
        return CaseMeans(
            mean=self.mean[chosen], trials=self.trials[chosen], variance=self.variance[chosen]
        )


def compare_cases(
    metric: str, challenger: CaseMeans, champion: CaseMeans, within: Range | None = None
) -> Paired | Unmeasured:
    """Two models on the same cases, in the same order; `within` is the range of a score.

    Scores of 0 and 1, one trial each, are compared by Tango's score, all others by t, corrected for
    skewness.
    """
    if problem := score_problem(metric, (challenger, champion), within):
        return problem
    if within == UNIT and challenger.binary and champion.binary:
        difference = _tango(challenger.mean == 1, champion.mean == 1)
        return Paired(
            challenger=float(challenger.mean.mean()),
            champion=float(champion.mean.mean()),
            difference=difference,
        )
    scores = np.column_stack((challenger.mean, champion.mean))
    paired = means.compare(metric, Moments.of_rows(scores))
    if isinstance(paired, Unmeasured) or not isinstance(paired.difference, Linear):
        return paired
    return replace(paired, difference=with_unseen_cases(paired.difference, scores, within))


def measure_cases(
    metric: str, scores: CaseMeans, confidence: float, within: Range | None = None
) -> Level | Unmeasured:
    """One model; in a finite range the interval never leaves it, and holds for few cases too."""
    if problem := score_problem(metric, (scores,), within):
        return problem
    if within is None or not np.isfinite(within.width):
        return means.measure(metric, Moments.of_rows(scores.mean[:, None]), confidence)
    interval = bounded_interval(scores.mean, within, confidence)
    return Level(value=float(scores.mean.mean()), interval=interval)


def score_problem(
    metric: str, models: tuple[CaseMeans, ...], within: Range | None
) -> Unmeasured | None:
    """Why these scores cannot be measured, if so."""
    if not models[0].cases:
        return Unmeasured(reason="there are no cases")
    scores = np.stack([model.mean for model in models])
    unscored = int((~np.isfinite(scores)).any(axis=0).sum())
    if unscored:
        return Unmeasured(reason=f"{metric} has no score on {unscored:,} of the cases")
    if within is not None and not (scores.min() in within and scores.max() in within):
        return Unmeasured(
            reason=f"{metric} is {within} and has scores from {scores.min():g} to {scores.max():g}"
        )
    return None


def with_unseen_cases(difference: Linear, scores: Floats, within: Range | None) -> Linear:
    """With two cases more that differ as far as scores can, where few tell the models apart.

    `scores` of challenger and champion have the shape (cases, 2).
    """
    rows = len(scores)
    width = within.width if within is not None else np.inf
    farthest = float(width if np.isfinite(width) else np.ptp(scores, axis=0).max())
    gaps = scores[:, 0] - scores[:, 1]
    discordant = int((np.abs(gaps - np.median(gaps)) > _ROUNDING * farthest).sum())
    if discordant >= min(ENOUGH_DISCORDANT, rows / 2):
        return difference
    return replace(
        difference,
        extreme=(CARE * farthest / rows, CARE * farthest / rows),
        extreme_of_harm=0.0,
        published=difference.published if discordant else None,
    )


def _over(total: Floats, count: CountArray) -> Floats:
    mean: Floats = np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)
    return mean


def _tango(right: Flags, was_right: Flags) -> Tango:
    return Tango(
        both=int((right & was_right).sum()),
        gained=int((right & ~was_right).sum()),
        lost=int((~right & was_right).sum()),
        rows=len(right),
    )
