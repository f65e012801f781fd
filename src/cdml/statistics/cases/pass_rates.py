"""What k trials of a case come to: whether any of them passes, or all of them do.

With c passes in n trials, of the k-subsets of the trials C(n - c, k) have no pass and C(c, k)
nothing else, so the two below are unbiased for k new trials (Chen et al. 2021, arXiv:2107.03374;
Yao et al. 2024, arXiv:2406.12045, for pass^k).
"""

from enum import StrEnum

import numpy as np

from cdml.statistics.cases.case_means import CaseMeans
from cdml.statistics.interval import Unmeasured
from cdml.statistics.ranks import summed
from cdml.statistics.samples import Codes, CountArray, Flags, Floats


class Trials(StrEnum):
    """Which of k trials have to pass."""

    ANY = "pass@k"
    ALL = "pass^k"


def pass_rates(
    which: Trials, k: int, case: Codes, passed: Flags, cases: int
) -> CaseMeans | Unmeasured:
    """pass@k or pass^k of each case, from single trials: the case of each, and whether it passed.

    Each case is then one figure in [0, 1], as if tried once. Unmeasured where k exceeds the trials
    of any case.
    """
    trials = np.bincount(case, minlength=cases)
    passes = summed(case, passed.astype(float), cases).astype(np.int64)
    return rates_of_passes(which, k, passes, trials)


def rates_of_passes(
    which: Trials, k: int, passes: CountArray, trials: CountArray
) -> CaseMeans | Unmeasured:
    """The same from the passes and the trials of each case."""
    name = f"{which.value.removesuffix('k')}{k}"
    if k < 1:
        return Unmeasured(reason=f"{name} has no meaning: k is at least 1")
    short = int((trials < k).sum())
    if short:
        fewest = int(trials.min())
        return Unmeasured(
            reason=f"{name} needs {k:,} trials of each case; {short:,} of {len(trials):,} cases"
            f" have fewer (as few as {fewest:,})"
        )
    if which is Trials.ALL:
        return CaseMeans.of_cases(_all_of(passes, trials, k))
    return CaseMeans.of_cases(1 - _all_of(trials - passes, trials, k))


def failed_cases(case: Codes, failed: Flags, cases: int) -> CaseMeans:
    """1 for each case of which any trial failed, else 0; a case without a trial has no score.

    With more trials more cases fail, so models are comparable at equal numbers of trials.
    """
    trials = np.bincount(case, minlength=cases)
    any_failed = (summed(case, failed.astype(float), cases) > 0).astype(float)
    return CaseMeans.of_cases(np.where(trials > 0, any_failed, np.nan))


def _all_of(hits: CountArray, trials: CountArray, k: int) -> Floats:
    """C(hits, k) / C(trials, k), as a product of k ratios."""
    share = np.ones(len(hits))
    for step in range(k):
        share *= np.maximum(0, hits - step) / (trials - step)
    return share
