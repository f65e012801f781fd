"""Whether more cases or more trials would settle a comparison, and how many.

With B the variance of the true differences between cases, and W_c and W_p the mean variances
between trials of one case, the difference of two models on N cases has the variance

    (B + W_c / T_c + W_p / T_p) / N

(two-stage sampling: Cochran 1977, *Sampling Techniques*, chapter 10; of evaluations: Miller 2024,
arXiv:2411.00640). More trials bring down the last two terms only.
"""

import math
from dataclasses import dataclass

import numpy as np

from cdml.statistics.cases.case_means import CaseMeans
from cdml.statistics.interval import Unmeasured
from cdml.statistics.sample_size import rows_needed, smallest_detectable
from cdml.statistics.samples import Floats

MOST_TRIALS = 1000
"""More trials of one case than this are no advice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """Either of the two would do; None: it alone would not.

    Attributes:
        cases: with the present trials of each.
        trials: of each present case, per model.
    """

    cases: int | None
    trials: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VarianceSplit:
    """Where the variance of a difference of two models, or of one model's mean, comes from.

    Attributes:
        cases: how many there are.
        between: variance of the true value between cases, at least 0.
        within: variance of a single trial of a case, summed over the models.
        trials: per case and model: so many of each model leave the present variance.
    """

    cases: int
    between: float
    within: float
    trials: float

    @property
    def share_of_trials(self) -> float:
        """The share of the variance that comes from trials; 0 where nothing varies."""
        total = self._variance(self.trials)
        return self.within / self.trials / total if total > 0 else 0.0

    @property
    def standard_error(self) -> float:
        """Of the mean over the cases."""
        return self.error_at(self.cases, self.trials)

    def error_at(self, cases: int, trials: float) -> float:
        """The standard error with so many cases, and trials of each; trials may be infinite."""
        return math.sqrt(self._variance(trials) / cases)

    def smallest_change(self, confidence: float, trials: float | None = None) -> float:
        """The change that these cases show with 80 % power, with the present trials or others."""
        error = self.error_at(self.cases, self.trials if trials is None else trials)
        return smallest_detectable(error, confidence)

    def needed(
        self, distance: float, confidence: float, standard_error: float | None = None
    ) -> Needed:
        """What shows a true difference that lies `distance` away from the margin, at 80 % power.

        Where a bound is corrected for skewness or ties, `standard_error` is the one it stands for.
        """
        error = self.standard_error if standard_error is None else standard_error
        cases = rows_needed(self.cases, error, distance, confidence)
        total = self._variance(self.trials)
        if cases is None or not (total > 0 and self.within > 0):
            return Needed(cases=cases, trials=None)
        # So many times the present variance of a case may remain.
        scale = (distance / smallest_detectable(error, confidence)) ** 2
        allowed = scale * total
        trials = self.within / (allowed - self.between) if allowed > self.between else math.inf
        return Needed(cases=cases, trials=math.ceil(trials) if trials <= MOST_TRIALS else None)

    def _variance(self, trials: float) -> float:
        """Of one case's measured value."""
        return self.between + self.within / trials


def split_variance(
    challenger: CaseMeans, champion: CaseMeans | None = None
) -> VarianceSplit | Unmeasured:
    """Of the differences of two models on the same cases, or of one model's scores.

    Cases of a single trial are taken to vary as much as the others do on average.
    """
    models = (challenger,) if champion is None else (challenger, champion)
    if challenger.cases <= 1:
        return Unmeasured(reason="a single case cannot show how cases vary")
    if any(not (model.trials > 1).any() for model in models):
        return Unmeasured(reason="no case has two trials, so trials cannot be separated from cases")
    values = challenger.mean if champion is None else challenger.mean - champion.mean
    single = [_of_single_trial(model) for model in models]
    noise = sum(
        float(np.mean(variance / model.trials))
        for variance, model in zip(single, models, strict=True)
    )
    within = sum(float(variance.mean()) for variance in single)
    usual = float(np.mean([len(model.trials) / np.sum(1 / model.trials) for model in models]))
    return VarianceSplit(
        cases=challenger.cases,
        between=max(0.0, float(values.var(ddof=1)) - noise),
        within=within,
        trials=within / noise if noise > 0 else usual,
    )


def _of_single_trial(model: CaseMeans) -> Floats:
    """The variance of one trial of each case."""
    usual = float(np.nanmean(model.variance))
    variance: Floats = np.where(np.isnan(model.variance), usual, model.variance)
    return variance
