"""Whether the cases that people labelled can be a random sample of all cases.

Under random choice every set of labelled cases is equally likely, so the tests are permutation
tests (Fisher 1935): the labelled cases' mean rank by the judge's score against its exact variance,
and the chi-squared distance of their counts, by score and by category, against counts drawn without
replacement. Seeded by the counts. Many tests are one claim, so Holm's correction holds for all.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cdml.statistics.bca import generator
from cdml.statistics.interval import holm
from cdml.statistics.samples import Codes, CountArray, Flags, Floats
from cdml.statistics.student import normal_cdf

LEVEL = 0.01
"""A random sample is refused this often."""
BINS = 10
DRAWS = 9_999


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSample:
    """Labelled cases against the others.

    Attributes:
        p_values: by what was compared (`score`, `category`, ...), after Holm's correction.
        differs: they are no random sample.
        shares: the share of labelled cases by category, of each of `categories`.
    """

    p_values: dict[str, float]
    differs: bool
    shares: Mapping[str, tuple[float, ...]]


def check_label_sample(
    labelled: Flags,
    judge: Floats,
    categories: Mapping[str, Codes] | None = None,
    level: float = LEVEL,
) -> LabelSample:
    """From which cases are labelled, the judge's scores, shape (cases, models), and categories.

    Categories are codes of each case, by the name of what they divide.

    Where no case or every case is labelled, there is nothing to compare.
    """
    p_values, categories = {}, categories or {}
    if 0 < labelled.sum() < len(labelled):
        for model, scores in zip(("challenger", "champion"), judge.T, strict=False):
            p_values[f"score of the {model}"] = rank_test(labelled, scores)
            p_values[f"distribution of the {model}'s score"] = _counts_test(
                labelled, _binned(scores)
            )
        for name, category in categories.items():
            p_values[name] = _counts_test(labelled, category)
    adjusted = dict(zip(p_values, holm(list(p_values.values())), strict=True))
    return LabelSample(
        p_values=adjusted,
        differs=not all(p > level for p in adjusted.values()),
        shares={name: tuple(_shares(labelled, one)) for name, one in categories.items()},
    )


def rank_test(labelled: Flags, scores: Floats) -> float:
    """Two-sided p of the mean rank (Wilcoxon 1945), with ties."""
    ranks, number, cases = _midranks(scores), int(labelled.sum()), len(labelled)
    variance = float(ranks.var(ddof=1)) / number * (1 - number / cases)
    if not variance > 0:
        return 1.0
    distance = float(ranks[labelled].mean() - ranks.mean())
    return 2 * normal_cdf(-abs(distance) / math.sqrt(variance))


def _midranks(scores: Floats) -> Floats:
    _, code, count = np.unique(scores, return_inverse=True, return_counts=True)
    ranks: Floats = (np.cumsum(count) - (count - 1) / 2)[code]
    return ranks


def _counts_test(labelled: Flags, code: Codes) -> float:
    """The p-value of the chi-squared distance of the labelled counts."""
    _, code = np.unique(code, return_inverse=True)
    total, of_labelled = np.bincount(code), np.bincount(code[labelled], minlength=code.max() + 1)
    expected = total * (labelled.sum() / len(labelled))
    random = generator(b"labels", total.tobytes(), of_labelled.tobytes())
    drawn = random.multivariate_hypergeometric(
        total, int(labelled.sum()), DRAWS, method="marginals"
    )
    distances = _distance(drawn, expected)
    farther = int((distances >= _distance(of_labelled, expected) * (1 - 1e-12)).sum())
    return (1 + farther) / (1 + DRAWS)


def _distance(counts: CountArray, expected: Floats) -> Floats:
    distance: Floats = ((counts - expected) ** 2 / expected).sum(axis=-1)
    return distance


def _binned(scores: Floats) -> Codes:
    """By value where there are few, else by about equal numbers of cases."""
    values = np.unique(scores)
    if len(values) > BINS:
        values = np.unique(np.quantile(scores, np.arange(BINS) / BINS))
    bins: Codes = np.searchsorted(values, scores, side="right") - 1
    return bins


def _shares(labelled: Flags, category: Codes) -> list[float]:
    total = np.bincount(category)
    of_labelled = np.bincount(category, labelled, len(total))
    return [
        float(part / every) if every else 0.0
        for part, every in zip(of_labelled, total, strict=True)
    ]
