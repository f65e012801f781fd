"""The reference of metrics: what a gate can name, and how sure each figure is."""

from collections.abc import Iterable

from cdml.statistics.latency import BEYOND, FEWEST
from cdml.statistics.metrics import (
    FEWEST_CASES,
    FEWEST_ROWS,
    METRICS,
    Counts,
    Metric,
    Statistic,
    find_metric,
)
from generate.tables import table

MEANINGS = {
    "accuracy": "Share of rows with the right class.",
    "balanced_accuracy": "Mean of the classes' recalls; every class counts the same.",
    "precision": "Share of the rows predicted positive that are positive.",
    "recall": "Share of the positives that are predicted positive.",
    "specificity": "Share of the negatives that are predicted negative.",
    "f1": "Harmonic mean of precision and recall.",
    "f<beta>": "As `f1`, with recall weighted β times as much: `f2`, `f0.5`.",
    "matthews_corrcoef": "Correlation of label and prediction; 0 for a guess.",
    "precision_micro": "With one class a row, the same as `accuracy`.",
    "precision_macro": "Mean of the classes' precisions; every class counts the same.",
    "precision_weighted": "Mean of the classes' precisions, weighted by their rows.",
    "recall_micro": "With one class a row, the same as `accuracy`.",
    "recall_macro": "Mean of the classes' recalls; every class counts the same.",
    "recall_weighted": "Mean of the classes' recalls, weighted by their rows.",
    "f1_micro": "With one class a row, the same as `accuracy`.",
    "f1_macro": "Mean of the classes' F1 scores; every class counts the same.",
    "f1_weighted": "Mean of the classes' F1 scores, weighted by their rows.",
    "roc_auc": "Chance that a positive row scores higher than a negative one; 0.5 for a guess.",
    "roc_auc_ovr": "Mean ROC-AUC of each class against the others; every class counts the same.",
    "average_precision": "Area under the precision-recall curve, as a step function.",
    "log_loss": "Mean of -ln p, where p is the probability given to the true class.",
    "brier_score_loss": "Mean squared distance of the score from the outcome, 0 or 1.",
    "expected_calibration_error": "Mean distance of the scores from the share of positives"
    " in ten bins. `at_most` only: cdml cannot compare two models by it.",
    "mean_absolute_error": "Mean of the absolute errors.",
    "mean_squared_error": "Mean of the squared errors.",
    "root_mean_squared_error": "Root of the mean squared error, in the label's unit.",
    "mean_absolute_percentage_error": "Mean of error / label; a fraction, so 0.1 is 10 %.",
    "r2": "Share of the label's variance that the model explains; 0 for a model that always"
    " predicts the mean.",
    "exact_match": "Share of predictions that equal the label as text.",
    "demographic_parity_difference": "Largest difference between two groups in the share predicted"
    " positive. Needs `data.sensitive`.",
    "equal_opportunity_difference": "Largest difference between two groups in recall. Needs"
    " `data.sensitive`.",
    "equalized_odds_difference": "Largest difference between two groups in recall or in the false"
    " positive rate. Needs `data.sensitive`.",
    "cost_per_1000_rows": "A thousand times the mean of the column that `data.cost` names.",
    "latency_p50_ms": "Half of single-row requests take at most this many milliseconds.",
    "latency_p95_ms": "95 % of single-row requests take at most this many milliseconds.",
    "latency_p99_ms": "99 % of single-row requests take at most this many milliseconds.",
    "model_size_mb": "Size of the model's files in megabytes.",
    "mean(<column>)": "Mean of a numeric column of the predictions file, such as a judge's score.",
    "rate(<column>)": "Share of cases that have 1 in a column of 0 and 1; trials are averaged.",
    "failures(<column>)": "Share of cases with a trial that has 1 in a column, such as a leak.",
    "median(<column>)": "Median of a numeric column over the cases.",
    "share(<column> >= <number>)": "Share of cases whose score reaches a number.",
    "pass@<k>(<column>)": "Chance that any of k trials of a case passes.",
    "pass^<k>(<column>)": "Chance that all of k trials of a case pass.",
    "<module>:<function>": "A Python function of yours, or one of scikit-learn's:"
    " `sklearn.metrics:cohen_kappa_score`.",
}
"""What each metric is, in the order of the page; docs/statistics.md has the formulas."""
TITLES = {
    "binary": "Two classes",
    "multiclass": "Several classes",
    "regression": "Numbers",
    "generation": "Generated text",
    "": "Any task",
}
"""The tables of the page, by the task of their metrics; a metric of two tasks is in both."""
SHARES = {"accuracy", "precision_micro", "recall_micro", "f1_micro", "recall_weighted"}
SHARES |= {"recall", "specificity", "exact_match"}
"""The metrics that are a share of rows; their interval is that of a share."""
INTERVALS = {
    "cells": "bootstrap (`bca`)",
    "mean": "paired t (`paired-t`)",
    "moments": "delta method (`delta`)",
    "cases": "paired t over cases (`skew-t`); Tango (`tango`) for 0 and 1 of one trial",
    "ranks": "jackknife (`jackknife`)",
    "calibration": "none",
    "fairness": "worst pair of groups (`gap-t`)",
    "custom": "bootstrap (`bootstrap`)",
    "latency": "paired bootstrap (`bootstrap`)",
    "operation": "none: an exact figure",
}
"""Of the difference, by family; with weights or clusters it is `weighted-t` or `cluster-t`."""


def interval_of(metric: Metric) -> str:
    """The interval of the difference between two models with a few hundred rows."""
    if metric.name in SHARES:
        return "Tango's score (`tango`)"
    if metric.name == "roc_auc":
        return "DeLong (`delong`)"
    return INTERVALS[metric.family.name]


def metric_tables() -> str:
    """Every metric by task."""
    metrics = {name: METRICS.get(name) or find_metric(_example(name)) for name in MEANINGS}
    parts = []
    head = ("metric", "meaning", "better", "range", "interval of the difference", "fewest")
    for task, title in TITLES.items():
        rows = [
            _row(name, one)
            for name, one in metrics.items()
            if one and (task in one.tasks or (not task and not one.tasks))
        ]
        parts.append(f"### {title}\n\n{table((*head, 'also called'), rows)}")
    return "\n".join(parts)


def _example(pattern: str) -> str:
    """A name of the pattern."""
    parts = {"<beta>": "2", "<k>": "2", "<number>": "1", "<column>": "score"}
    for part, value in (parts | {"<module>": "m", "<function>": "f"}).items():
        pattern = pattern.replace(part, value)
    return pattern


def _row(name: str, metric: Metric) -> Iterable[str]:
    better = "higher" if metric.greater_is_better else "lower"
    return (
        f"`{name}`",
        MEANINGS[name],
        better if metric.described else f"{better}, unless the gate says otherwise",
        str(metric.range) if metric.range else "as the gate's `range` says",
        interval_of(metric),
        _fewest(metric),
        ", ".join(f"`{alias}`" for alias in metric.aliases),
    )


def _fewest(metric: Metric) -> str:
    """What a slice needs to be judged, or what a figure of the whole model needs to be one."""
    if metric.quantile is not None:
        return f"{max(FEWEST, round(BEYOND / (1 - metric.quantile)))} requests"
    if metric.family.reads is Statistic.FIGURE:
        return ""
    if metric.family.reads is Statistic.CASES:
        return f"{FEWEST_CASES} cases"
    kind = "rows" if metric.counts is Counts.ROWS else metric.counts.value
    return f"{FEWEST_ROWS} {kind}"
