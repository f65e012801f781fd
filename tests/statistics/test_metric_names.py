"""What other libraries call a metric is understood, or answered with what to use."""

import re

import pytest

from cdml.statistics.metric_names import metric_name_list, suggest_metric, unknown_metric
from cdml.statistics.metrics import METRICS, Task, find_metric
from support.library import sklearn_metrics

USE = re.compile(r"; (?:use|did you mean) '?([^ ';?]+)")
# torchmetrics by class; XGBoost, LightGBM, CatBoost; MLflow evaluate; Keras, and what people say
OTHERS = """
AUROC BinaryAUROC MulticlassAUROC Accuracy BinaryAccuracy MulticlassAccuracy F1Score FBetaScore
MulticlassF1Score Precision Recall Specificity MatthewsCorrCoef CohenKappa AveragePrecision
CalibrationError HammingDistance HingeLoss JaccardIndex ConfusionMatrix ROC MeanAbsoluteError
MeanSquaredError MeanAbsolutePercentageError R2Score ExplainedVariance MeanSquaredLogError
TweedieDevianceScore Perplexity WordErrorRate
rmse rmsle mae mape mphe logloss error error@0.7 merror mlogloss auc aucpr ndcg@5 map@10 pre@3
gamma-nloglik poisson-nloglik tweedie-nloglik@1.5 l1 l2 quantile huber poisson binary_logloss
binary_error multi_logloss multi_error cross_entropy kldiv auc_mu Logloss CrossEntropy TotalF1
BalancedAccuracy BalancedErrorRate MCC Kappa WKappa NormalizedGini BrierScore ZeroOneLoss RMSE R2
MSLE SMAPE MedianAbsoluteError
accuracy_score recall_score precision_score f1_score roc_auc precision_recall_auc log_loss
true_negatives false_positives mean_absolute_error mean_squared_error root_mean_squared_error
r2_score max_error mean_absolute_percentage_error exact_match toxicity rouge1
binary_accuracy binary_crossentropy categorical_accuracy categorical_crossentropy val_accuracy
eval_f1 auc_roc prauc pr_auc AUC-ROC acc mse ppv tpr fpr fnr npv gini ks sensitivity neg_rmse
disparate_impact kappa smape latency model_size bleu
"""


def answer(name):
    """The metric that a name stands for, or that it is answered with."""
    if metric := find_metric(name):
        return metric.name
    used = USE.search(unknown_metric(name))
    assert used, unknown_metric(name)
    return used[1].removesuffix(":")


@pytest.mark.heavy
def test_a_common_name_is_understood_or_answered_with_what_to_use():
    for name in [*sklearn_metrics.get_scorer_names(), *OTHERS.split()]:
        used = answer(name)
        stated = used in METRICS or used in ("<module>:<function>", "mean(<column>)")
        assert stated or find_metric(used), name


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("auroc", "roc_auc"),
        ("ROC AUC", "roc_auc"),
        ("neg_log_loss", "log_loss"),
        ("neg_brier_score", "brier_score_loss"),
        ("neg_root_mean_squared_error", "root_mean_squared_error"),
        ("neg_max_error", "sklearn.metrics:max_error"),
        ("explained_variance", "sklearn.metrics:explained_variance_score"),
        ("kappa", "sklearn.metrics:cohen_kappa_score"),
        ("error_rate", "accuracy"),
        ("roc_auc_ovo_weighted", "roc_auc_ovr"),
        ("false_positive_rate", "specificity"),
        ("f1_score_macro", "f1_macro"),
        ("roc_auk", "roc_auc"),
        ("recall@5", "mean(<column>)"),
    ],
)
def test_the_answer_is_the_nearest_by_meaning(name, meant):
    assert answer(name) == meant


def test_a_loss_that_scikit_learn_turns_around_is_told_with_its_own_sign():
    assert "lower is better" in unknown_metric("neg_log_loss")
    assert "greater_is_better: false" in unknown_metric("neg_median_absolute_error")


@pytest.mark.heavy
def test_no_name_with_the_sign_turned_around_stands_for_a_metric():
    turned = [name for name in sklearn_metrics.get_scorer_names() if name.startswith("neg_")]

    assert len(turned) > 10
    assert [] == [name for name in turned if find_metric(name)]


@pytest.mark.parametrize("name", ["zzz", "quux", "", "@", ":", "mean()"])
def test_what_nobody_knows_has_no_answer(name):
    assert ";" not in unknown_metric(name) or name == "@"


def test_the_list_names_every_metric():
    assert all(name in metric_name_list() for name in METRICS)


@pytest.mark.parametrize("task", Task)
@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_what_to_use_for_another_task_is_defined_for_it(task, metric):
    if not metric.tasks or task in metric.tasks:
        return
    named = [find_metric(name) for name in re.split(r", | or ", suggest_metric(task, metric))]

    assert all(found is None or not found.tasks or task in found.tasks for found in named)
