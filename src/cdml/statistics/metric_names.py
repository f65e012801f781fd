"""What to say where a metric's name is not ours, or is of another task."""

from collections.abc import Iterator, Mapping

from cdml.statistics.metrics import (
    METRICS,
    PATTERNS,
    Metric,
    Task,
    find_metric,
    metric_names,
    plain_name,
)

UNKNOWN = "unknown metric"
"""How every sentence about an unknown metric begins."""

_FEWEST = 4  # letters from which a name is long enough to be held against others
_SMALLER = "with greater_is_better: false"
_BY_FUNCTION = (
    "adjusted_mutual_info_score", "adjusted_rand_score", "cohen_kappa_score",
    "completeness_score", "d2_absolute_error_score", "d2_pinball_score", "d2_tweedie_score",
    "explained_variance_score", "fowlkes_mallows_score", "homogeneity_score", "jaccard_score",
    "mutual_info_score", "normalized_mutual_info_score", "rand_score", "v_measure_score",
)  # fmt: skip
"""Functions of `sklearn.metrics` that take labels and predictions; greater is better."""
_LOSSES_BY_FUNCTION = (
    "hamming_loss", "max_error", "mean_gamma_deviance", "mean_pinball_loss",
    "mean_poisson_deviance", "mean_squared_log_error", "mean_tweedie_deviance",
    "median_absolute_error", "root_mean_squared_log_error", "zero_one_loss",
)  # fmt: skip
"""Likewise, where smaller is better."""
_ALSO = {
    "kappa": "cohen_kappa_score",
    "cohen_kappa": "cohen_kappa_score",
    "cohens_kappa": "cohen_kappa_score",
    "quadratic_weighted_kappa": "cohen_kappa_score",
    "w_kappa": "cohen_kappa_score",
    "explained_variance": "explained_variance_score",
    "jaccard": "jaccard_score",
    "jaccard_index": "jaccard_score",
    "iou": "jaccard_score",
    "medae": "median_absolute_error",
    "median_ae": "median_absolute_error",
    "msle": "mean_squared_log_error",
    "rmsle": "root_mean_squared_log_error",
    "poisson": "mean_poisson_deviance",
    "poisson_nloglik": "mean_poisson_deviance",
    "gamma": "mean_gamma_deviance",
    "gamma_deviance": "mean_gamma_deviance",
    "gamma_nloglik": "mean_gamma_deviance",
    "tweedie": "mean_tweedie_deviance",
    "tweedie_deviance_score": "mean_tweedie_deviance",
    "tweedie_nloglik": "mean_tweedie_deviance",
    "pinball": "mean_pinball_loss",
    "pinball_loss": "mean_pinball_loss",
    "quantile": "mean_pinball_loss",
    "quantile_loss": "mean_pinball_loss",
    "hamming": "hamming_loss",
    "hamming_distance": "hamming_loss",
}
"""Other names of these functions."""
_OWN = "mean(<column>)"
_SIGN = "in its natural sign, where lower is better"
_PER_ROW = "with a value for each row in the predictions file"
_FUNCTION = "<module>:<function>"
_OF_YOUR_OWN = "a function of your own"
_RELATED: Mapping[str, tuple[str, str]] = {
    "error": ("accuracy", "the error is 1 - accuracy"),
    "error_rate": ("accuracy", "the error is 1 - accuracy"),
    "merror": ("accuracy", "the error is 1 - accuracy"),
    "multi_error": ("accuracy", "the error is 1 - accuracy"),
    "misclassification_rate": ("accuracy", "the error is 1 - accuracy"),
    "subset_accuracy": ("accuracy", "the same where a row has one label"),
    "sparse_categorical_accuracy": ("accuracy", "the same where a row has one label"),
    "categorical_accuracy": ("accuracy", "the same where a row has one label"),
    "sparse_categorical_crossentropy": ("log_loss", "the same where a row has one label"),
    "perplexity": ("log_loss", "it is the logarithm of perplexity"),
    "log_likelihood": ("log_loss", "with the opposite sign"),
    "kl_divergence": ("log_loss", "the same up to a constant of the data"),
    "kldiv": ("log_loss", "the same up to a constant of the data"),
    "hinge": ("log_loss", "also a loss of the predicted scores"),
    "hinge_loss": ("log_loss", "also a loss of the predicted scores"),
    "focal_loss": ("log_loss", "also a loss of the predicted scores"),
    "d2_log_loss_score": ("log_loss", "D² is 1 - its ratio to a constant model's"),
    "d2_brier_score": ("brier_score_loss", "D² is 1 - its ratio to a constant model's"),
    "balanced_error_rate": ("balanced_accuracy", "the error is 1 - balanced_accuracy"),
    "ber": ("balanced_accuracy", "the error is 1 - balanced_accuracy"),
    "youden": ("balanced_accuracy", "Youden's J is 2 * balanced_accuracy - 1"),
    "youden_j": ("balanced_accuracy", "Youden's J is 2 * balanced_accuracy - 1"),
    "informedness": ("balanced_accuracy", "it is 2 * balanced_accuracy - 1"),
    "g_mean": ("balanced_accuracy", "which also weights all classes equally"),
    # Elsewhere the name is that of two classes and of several alike.
    "auroc": ("roc_auc", "for two classes; roc_auc_ovr for more"),
    "auroc_ovr": ("roc_auc_ovr", "one class against the rest, all classes weighted equally"),
    "gini": ("roc_auc", "Gini is 2 * roc_auc - 1"),
    "normalized_gini": ("roc_auc", "Gini is 2 * roc_auc - 1"),
    "ks": ("roc_auc", "which also measures how well the scores separate the classes"),
    "concordance_index": ("roc_auc", "the same for two classes"),
    "c_index": ("roc_auc", "the same for two classes"),
    "c_statistic": ("roc_auc", "the same for two classes"),
    "lift": ("average_precision", "which also looks at the highest scores"),
    "roc": ("roc_auc", "the area under the curve"),
    "roc_curve": ("roc_auc", "the area under the curve"),
    "precision_recall_curve": ("average_precision", "the area under the curve"),
    "roc_auc_ovo": ("roc_auc_ovr", "one class against the rest, all classes weighted equally"),
    "roc_auc_ovo_weighted": (
        "roc_auc_ovr",
        "one class against the rest, all classes weighted equally",
    ),
    "roc_auc_ovr_weighted": (
        "roc_auc_ovr",
        "one class against the rest, all classes weighted equally",
    ),
    "auc_mu": ("roc_auc_ovr", "one class against the rest, all classes weighted equally"),
    "mauc": ("roc_auc_ovr", "one class against the rest, all classes weighted equally"),
    "multiclass_auroc": ("roc_auc_ovr", "one class against the rest, all classes weighted equally"),
    "multiclass_f1_score": ("f1_macro", "or f1_micro, f1_weighted"),
    "multiclass_precision": ("precision_macro", "or precision_micro, precision_weighted"),
    "multiclass_recall": ("recall_macro", "or recall_micro, recall_weighted"),
    "multiclass_accuracy": ("accuracy", "or recall_macro, the average over classes"),
    "total_f1": ("f1_weighted", "or f1_macro, f1_micro"),
    "f1_samples": (_OWN, _PER_ROW),
    "precision_samples": (_OWN, _PER_ROW),
    "recall_samples": (_OWN, _PER_ROW),
    "jaccard_samples": (_OWN, _PER_ROW),
    "jaccard_macro": (_FUNCTION, _OF_YOUR_OWN),
    "jaccard_micro": (_FUNCTION, _OF_YOUR_OWN),
    "jaccard_weighted": (_FUNCTION, _OF_YOUR_OWN),
    "top_k_accuracy": (_FUNCTION, "a function of your own, which gets the scores as y_score"),
    "top_k_accuracy_score": (_FUNCTION, "a function of your own, which gets y_score"),
    "average_precision_macro": (_FUNCTION, "a function of your own, which gets y_score"),
    "pearson": (_FUNCTION, _OF_YOUR_OWN),
    "pearsonr": (_FUNCTION, _OF_YOUR_OWN),
    "spearman": (_FUNCTION, _OF_YOUR_OWN),
    "spearmanr": (_FUNCTION, _OF_YOUR_OWN),
    "adjusted_r2": ("r2", "R² without the correction for the number of inputs"),
    "nrmse": ("root_mean_squared_error", "or a relative margin of it, such as 1%"),
    "huber": ("mean_absolute_error", "which is also robust to large errors"),
    "huber_loss": ("mean_absolute_error", "which is also robust to large errors"),
    "mphe": ("mean_absolute_error", "which is also robust to large errors"),
    "smape": ("mean_absolute_percentage_error", "relative to the label only"),
    "wape": ("mean_absolute_error", "WAPE is its ratio to the mean label"),
    "mase": ("mean_absolute_error", "with a relative margin, such as 1%"),
    "mean_error": (_OWN, _PER_ROW),
    "bias": (_OWN, _PER_ROW),
    "fallout": ("specificity", "the false positive rate is 1 - specificity"),
    "fpr": ("specificity", "the false positive rate is 1 - specificity"),
    "false_positive_rate": ("specificity", "it is 1 - specificity"),
    "fnr": ("recall", "the false negative rate is 1 - recall"),
    "miss_rate": ("recall", "it is 1 - recall"),
    "false_negative_rate": ("recall", "it is 1 - recall"),
    "fdr": ("precision", "the false discovery rate is 1 - precision"),
    "false_discovery_rate": ("precision", "it is 1 - precision"),
    "npv": (_FUNCTION, _OF_YOUR_OWN),
    "negative_predictive_value": (_FUNCTION, _OF_YOUR_OWN),
    "true_positives": ("recall", "the share of the positives"),
    "false_negatives": ("recall", "its complement is their share"),
    "true_negatives": ("specificity", "the share of the negatives"),
    "false_positives": ("specificity", "its complement is their share"),
    "positive_likelihood_ratio": ("recall", "and specificity; it is a ratio of the two"),
    "negative_likelihood_ratio": ("recall", "and specificity; it is a ratio of the two"),
    "diagnostic_odds_ratio": ("recall", "and specificity; it is a ratio of the two"),
    "fbeta": ("f2", "f<beta>, with the number in it"),
    "fbeta_score": ("f2", "f<beta>, with the number in it"),
    "f_beta": ("f2", "f<beta>, with the number in it"),
    "f_beta_score": ("f2", "f<beta>, with the number in it"),
    "multiclass_confusion_matrix": ("f1_macro", "a gate needs a single number"),
    "confusion_matrix": ("f1", "a gate needs a single number"),
    "demographic_parity_ratio": ("demographic_parity_difference", "the gap, not the ratio"),
    "disparate_impact": ("demographic_parity_difference", "the gap, not the ratio"),
    "equal_opportunity_ratio": ("equal_opportunity_difference", "the gap, not the ratio"),
    "equalized_odds_ratio": ("equalized_odds_difference", "the gap, not the ratio"),
    "latency": ("latency_p95_ms", "milliseconds for one row"),
    "latency_ms": ("latency_p95_ms", "milliseconds for one row"),
    "p50_latency": ("latency_p50_ms", "milliseconds for one row"),
    "p95_latency": ("latency_p95_ms", "milliseconds for one row"),
    "p99_latency": ("latency_p99_ms", "milliseconds for one row"),
    "latency_p50": ("latency_p50_ms", "milliseconds for one row"),
    "latency_p95": ("latency_p95_ms", "milliseconds for one row"),
    "latency_p99": ("latency_p99_ms", "milliseconds for one row"),
    "size": ("model_size_mb", "of the model's files"),
    "model_size": ("model_size_mb", "of the model's files"),
    "cost": ("cost_per_1000_rows", "of the column that data.cost names"),
    "ndcg": (_OWN, _PER_ROW),
    "dcg": (_OWN, _PER_ROW),
    "map": (_OWN, _PER_ROW),
    "mrr": (_OWN, _PER_ROW),
    "pre": (_OWN, _PER_ROW),
    "hit_rate": (_OWN, _PER_ROW),
    "bleu": (_OWN, _PER_ROW),
    "rouge": (_OWN, _PER_ROW),
    "rouge1": (_OWN, _PER_ROW),
    "rouge2": (_OWN, _PER_ROW),
    "rouge_l": (_OWN, _PER_ROW),
    "rougel": (_OWN, _PER_ROW),
    "meteor": (_OWN, _PER_ROW),
    "bertscore": (_OWN, _PER_ROW),
    "bert_score": (_OWN, _PER_ROW),
    "wer": (_OWN, _PER_ROW),
    "word_error_rate": (_OWN, _PER_ROW),
    "toxicity": (_OWN, _PER_ROW),
    "faithfulness": (_OWN, _PER_ROW),
    "answer_correctness": (_OWN, _PER_ROW),
    "answer_relevance": (_OWN, _PER_ROW),
    "score": (_OWN, _PER_ROW),
}
"""What to use for a metric that is none of ours, and what the one has to do with the other."""
_PREFIXES = ("val_", "eval_", "test_", "train_", "multiclass_", "multi_", "mean_", "best_")
"""Words before a metric's name that say where it was measured."""
_OF_TASK: Mapping[Task, Mapping[str, str]] = {
    Task.BINARY: {
        "roc_auc_ovr": "roc_auc",
        "root_mean_squared_error": "brier_score_loss",
        "mean_squared_error": "brier_score_loss",
        **{
            f"{name}_{average}": name
            for name in ("precision", "recall", "f1")
            for average in ("micro", "macro", "weighted")
        },
    },
    Task.MULTICLASS: {
        "roc_auc": "roc_auc_ovr",
        "average_precision": "f1_macro",
        "precision": "precision_macro",
        "recall": "recall_macro",
        "specificity": "recall_macro",
        "f1": "f1_macro",
        "brier_score_loss": "log_loss",
        "expected_calibration_error": "log_loss",
    },
    Task.REGRESSION: {},
    Task.GENERATION: {"accuracy": "exact_match"},
}
_USUAL: Mapping[Task, str] = {
    Task.BINARY: "roc_auc, log_loss or accuracy",
    Task.MULTICLASS: "accuracy, f1_macro or log_loss",
    Task.REGRESSION: "root_mean_squared_error, mean_absolute_error or r2",
    Task.GENERATION: "exact_match or mean(<column>)",
}


def unknown_metric(name: str) -> str:
    """What to say of a name that `find_metric` does not know; see `metric_name_list`.

    The nearest is looked for by meaning (what other libraries call so), then by letters.
    """
    advice = _advice(name)
    return f"{UNKNOWN} {name!r}; {advice}" if advice else f"{UNKNOWN} {name!r}"


def metric_name_list() -> str:
    """All names, for the end of a list of problems."""
    return f"Known metrics: {', '.join((*metric_names(), *PATTERNS))}."


def suggest_metric(task: Task, metric: Metric) -> str:
    """Which metric to use for this task in place of one that is not defined for it."""
    return _OF_TASK[task].get(metric.name, _USUAL[task])


def _advice(name: str) -> str:
    base, at, _ = name.partition("@")  # `ndcg@10`, `error@0.5`
    for word in _readings(plain_name(base)):
        if word.startswith("neg_") and (metric := find_metric(word.removeprefix("neg_"))):
            return f"use {metric.name} ({_SIGN})"
        if not at and (metric := find_metric(word)) is not None:
            return f"use {metric.name}"
        bare = word.removeprefix("neg_")
        function = _ALSO.get(bare, bare)
        if function in _LOSSES_BY_FUNCTION:
            return f"use sklearn.metrics:{function} ({_SMALLER})"
        if function in _BY_FUNCTION:
            return f"use sklearn.metrics:{function}"
        if bare in _RELATED:
            other, why = _RELATED[bare]
            return f"use {other} ({why})"
    return f"use {_OWN} ({_PER_ROW})" if at else _by_letters(name)


def _readings(word: str) -> Iterator[str]:
    """The name, and the name without what may stand around it."""
    for bare in (word, *(word.removeprefix(p) for p in _PREFIXES if word.startswith(p))):
        yield bare
        yield bare.removesuffix("_score")
        yield bare.removesuffix("_metric")


def _by_letters(name: str) -> str:
    from difflib import get_close_matches  # `--help` need not wait for it

    if len(name) < _FEWEST:
        return ""
    names = {alias: m.name for m in METRICS.values() for alias in (m.name, *m.aliases)}
    names |= {name: name for name in metric_names()}
    near = get_close_matches(name.lower(), names, n=1)
    return f"did you mean {names[near[0]]!r}?" if near else ""
