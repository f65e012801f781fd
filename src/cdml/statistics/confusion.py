"""Accuracy, precision, recall and what else the joint confusion counts tell."""

import numpy as np

from cdml.statistics import multinomial_bootstrap as bootstrap
from cdml.statistics.bca import RESAMPLES
from cdml.statistics.difference import Level, Paired
from cdml.statistics.interval import ConfidenceInterval, Unmeasured
from cdml.statistics.metrics import find_metric
from cdml.statistics.proportions import Tango, wilson
from cdml.statistics.samples import Cells, Codes, Flags

_SHARES = {
    "accuracy": None,
    "exact_match": None,
    "precision_micro": None,
    "recall_micro": None,
    "f1_micro": None,
    "recall_weighted": None,
    "recall": 1,
    "specificity": 0,
}
"""Metrics that are a share of right rows, and the class among whose rows; None: among all."""


def compare(metric: str, cells: Cells, resamples: int = RESAMPLES) -> Paired | Unmeasured:
    """Two models by a confusion metric."""
    if cells.champion is None:
        return Unmeasured(reason="the champion has no predictions")
    challenger = bootstrap.value(metric, cells, cells.challenger)
    champion = bootstrap.value(metric, cells, cells.champion)
    for name, figure in (("challenger", challenger), ("champion", champion)):
        if not np.isfinite(figure):
            return Unmeasured(reason=_undefined(metric, f"the {name}"))
    difference = (
        _tango(metric, cells, cells.champion)
        if metric in _SHARES
        else bootstrap.difference(metric, cells, cells.champion, resamples)
    )
    if isinstance(difference, Unmeasured):
        return difference
    return Paired(challenger=challenger, champion=champion, difference=difference)


def measure(metric: str, cells: Cells, confidence: float) -> Level | Unmeasured:
    """One model by a confusion metric."""
    value = bootstrap.value(metric, cells, cells.challenger)
    if not np.isfinite(value):
        return Unmeasured(reason=_undefined(metric, "the model"))
    interval = (
        _share(metric, cells, confidence)
        if metric in _SHARES or metric in {"precision", "f1"}
        else _below_perfection(metric, cells, confidence)
    )
    return Level(value=value, interval=interval)


def _tango(metric: str, cells: Cells, champion: Codes) -> Tango:
    among = _among(metric, cells)
    right, was_right = cells.challenger == cells.label, champion == cells.label
    return Tango(
        both=_rows(cells, among & right & was_right),
        gained=_rows(cells, among & right & ~was_right),
        lost=_rows(cells, among & ~right & was_right),
        rows=_rows(cells, among),
    )


def _among(metric: str, cells: Cells) -> Flags:
    code = _SHARES[metric]
    return np.full(len(cells.label), fill_value=True) if code is None else cells.label == code


def _rows(cells: Cells, chosen: Flags) -> int:
    return int(cells.count[chosen].sum())


def _share(metric: str, cells: Cells, confidence: float) -> ConfidenceInterval:
    """Wilson's interval of the share of right rows among those the metric is about.

    F1 is 2 J / (1 + J) with J the share of true positives among the rows that are labelled or
    predicted positive, so its interval is that of J, bent the same way.
    """
    if metric in _SHARES:
        among = _among(metric, cells)
    elif metric == "precision":
        among = cells.challenger == 1
    else:
        among = (cells.challenger == 1) | (cells.label == 1)
    right = _rows(cells, among & (cells.challenger == cells.label))
    interval = wilson(right, _rows(cells, among), confidence)
    if metric != "f1":
        return interval
    low, high = (2 * end / (1 + end) for end in (interval.low, interval.high))
    return ConfidenceInterval(low=low, high=high, confidence=confidence, method=interval.method)


def _below_perfection(
    metric: str, cells: Cells, confidence: float
) -> ConfidenceInterval | Unmeasured:
    """The interval of a model whose distance from one that is always right can be resampled."""
    if bootstrap.value(metric, cells, cells.label) != 1:
        return Unmeasured(reason=f"{metric} needs rows of at least two classes")
    distance = bootstrap.difference(metric, cells, cells.label, RESAMPLES)
    if isinstance(distance, Unmeasured):
        return distance
    interval = distance.interval(confidence)
    return ConfidenceInterval(
        low=1 + interval.low,
        high=min(1.0, 1 + interval.high),
        confidence=confidence,
        method=interval.method,
    )


def _undefined(metric: str, model: str) -> str:
    named = {
        "precision": f"{model} predicts no row as positive",
        "recall": "no row is labelled positive",
        "specificity": "no row is labelled negative",
        "f1": f"no row is labelled positive, and {model} predicts none as positive",
    }
    described = find_metric(metric)
    why = named.get("f1" if described and described.beta else metric, "its denominator is 0")
    return f"{metric} has no value: {why}"
