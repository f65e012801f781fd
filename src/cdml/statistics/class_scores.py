"""Metrics of one model's confusion counts, for many sets of counts at once.

Each takes `Hits` with arrays of shape (..., classes) and gives an array of shape (...), NaN where
the metric has no value. Zero divisions inside an average follow scikit-learn: a class that is
never predicted has precision 0; a class that is neither label nor prediction does not count.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import numpy as np

from cdml.statistics.metrics import find_metric
from cdml.statistics.samples import Floats

_POSITIVE = 1
_NEGATIVE = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hits:
    """What confusion metrics read.

    Attributes:
        right: rows of each class that were predicted as it.
        labelled: rows of each class.
        predicted: rows predicted as each class.
    """

    right: Floats
    labelled: Floats
    predicted: Floats


ConfusionMetric = Callable[[Hits], Floats]


def _over(numerator: Floats, denominator: Floats, otherwise: float = np.nan) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(denominator > 0, numerator / denominator, otherwise)


def _accuracy(hits: Hits) -> Floats:
    return _over(hits.right.sum(axis=-1), hits.labelled.sum(axis=-1))


def _precision(hits: Hits) -> Floats:
    return _over(hits.right[..., _POSITIVE], hits.predicted[..., _POSITIVE])


def _recall(hits: Hits, code: int = _POSITIVE) -> Floats:
    return _over(hits.right[..., code], hits.labelled[..., code])


def _f_score(hits: Hits, beta: float) -> Floats:
    """(1 + b²) TP over b² labelled + predicted (van Rijsbergen 1979)."""
    square = beta * beta
    total = square * hits.labelled[..., _POSITIVE] + hits.predicted[..., _POSITIVE]
    return _over((1 + square) * hits.right[..., _POSITIVE], total)


def _balanced_accuracy(hits: Hits) -> Floats:
    recalls = _over(hits.right, hits.labelled, 0.0).sum(axis=-1)
    return _over(recalls, (hits.labelled > 0).sum(axis=-1).astype(float))


def _matthews(hits: Hits) -> Floats:
    """The correlation of label and prediction; 0 where either is constant (Gorodkin 2004)."""
    rows = hits.labelled.sum(axis=-1)
    joint = hits.right.sum(axis=-1) * rows - (hits.labelled * hits.predicted).sum(axis=-1)
    spread_labelled = rows**2 - (hits.labelled**2).sum(axis=-1)
    spread_predicted = rows**2 - (hits.predicted**2).sum(axis=-1)
    return np.where(
        rows > 0, _over(joint, np.sqrt(spread_labelled * spread_predicted), 0.0), np.nan
    )


def _average(hits: Hits, average: str, weighted: bool) -> Floats:
    total = {
        "precision": hits.predicted,
        "recall": hits.labelled,
        "f1": (hits.labelled + hits.predicted) / 2,
    }[average]
    scores = _over(hits.right, total, 0.0)
    weights = hits.labelled if weighted else (hits.labelled + hits.predicted > 0).astype(float)
    return _over((scores * weights).sum(axis=-1), weights.sum(axis=-1))


CONFUSION: Mapping[str, ConfusionMetric] = MappingProxyType(
    {
        "accuracy": _accuracy,
        "exact_match": _accuracy,
        "balanced_accuracy": _balanced_accuracy,
        "precision": _precision,
        "recall": _recall,
        "specificity": partial(_recall, code=_NEGATIVE),
        "f1": partial(_f_score, beta=1.0),
        "matthews_corrcoef": _matthews,
        **{f"{average}_micro": _accuracy for average in ("precision", "recall", "f1")},
        **{
            f"{of}_{name}": partial(_average, average=of, weighted=weighted)
            for of in ("precision", "recall", "f1")
            for name, weighted in (("macro", False), ("weighted", True))
        },
    }
)


def confusion(metric: str) -> ConfusionMetric:
    """The function of a metric's name; F scores of any beta are found by their number."""
    named = find_metric(metric)
    if named is not None and named.beta is not None:
        return partial(_f_score, beta=named.beta)
    return CONFUSION[metric]
