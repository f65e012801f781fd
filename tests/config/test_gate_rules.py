"""Rules that cannot judge are refused, with the line and what was probably meant."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdml.common.rule_kinds import BoundEdge, RuleKind
from cdml.config import load
from cdml.config.gate_limits import bound_problem, margin_problem
from cdml.errors import ConfigurationError
from cdml.statistics.metrics import METRICS

BINARY = "positive: 1, sensitive: group, cost: price"
HEAD = "version: 1\nmodel: m\ndata: {{evaluation: rows.parquet, key: [id], label: y, {}}}\n"
KNOWN = st.sampled_from(sorted(METRICS))
FINITE = st.floats(allow_nan=False, allow_infinity=False)


def told(tmp_path, gate, data=BINARY):
    """What is said of a gate; empty where it can judge."""
    path = tmp_path / "cdml.yaml"
    path.write_text(HEAD.format(data) + f"gates:\n  - {{metric: {gate}}}\n", encoding="utf-8")
    try:
        load(path, targets=["registry"], environment={})
    except ConfigurationError as error:
        return error.message
    return ""


@pytest.mark.parametrize(
    ("gate", "key", "meant"),
    [
        ("roc_auc, max_regression: 5", "max_regression", "did you mean 5%?"),
        ("auc, max_regression: 2.5", "max_regression", "did you mean 2.5%?"),
        ("accuracy, max_regression: 1", "max_regression", "did you mean 1%?"),
        ("f1, max_regression: 100%", "max_regression", "to fall to 0"),
        ("recall, max_regression: 250%", "max_regression", "to fall to 0"),
        ("mcc, max_regression: 2", "max_regression", "did you mean 2%?"),
        ("mcc, max_regression: 1", "max_regression", "a model that knows nothing passes"),
        ("roc_auc, max_regression: 0.5", "max_regression", "a model that knows nothing passes"),
        ("log_loss, max_regression: 5", "max_regression", "did you mean 5%?"),
        ("brier, max_regression: 0.3", "max_regression", "a model that knows nothing passes"),
        ("demographic_parity, max_regression: 1", "max_regression", "every model passes"),
        ("accuracy, min_improvement: 1", "min_improvement", "no model passes"),
        ("roc_auc, min_improvement: 100%", "min_improvement", "no model passes if"),
        ("log_loss, min_improvement: 100%", "min_improvement", "cannot fall by 100%"),
        ("f2, at_least: 0.1, slices: {max_regression: 3}", "slices.max_regression", "mean 3%?"),
        ("accuracy, at_least: 70", "at_least", "did you mean 0.7?"),
        ("accuracy, at_most: 1.5", "at_most", "is between 0 and 1"),
        ("accuracy, at_least: 70%", "at_least", "write 0.7"),
        ("accuracy, at_least: true", "at_least", "write a number"),
        ("log_loss, at_most: -0.3", "at_most", "did you mean at_least: 0.3?"),
        ("brier, at_least: -0.2", "at_least", "did you mean at_most: 0.2?"),
        ("accuracy, at_least: 0", "at_least", "every model passes"),
        ("mcc, at_least: -1", "at_least", "every model passes"),
        ("brier, at_most: 1", "at_most", "every model passes"),
        ("log_loss, at_least: 0, sanity: true", "at_least", "every model passes"),
        ("roc_auc, at_most: 1, sanity: true", "at_most", "every model passes"),
        ("log_loss, at_least: 0.3", "at_least", "only bad models pass"),
        ("recall, at_most: 0.9", "at_most", "only bad models pass"),
        ("latency_p95_ms, at_least: 5", "at_least", "only bad models pass"),
        ("equalized_odds, at_least: 0.1", "at_least", "only bad models pass"),
        ("roc_auc, at_least: 0.8, at_most: 0.99", "at_most", "add `sanity: true`"),
        ("roc_auc, range: [0, 1], at_least: 0.8", "range", "remove range"),
        ("f2, greater_is_better: true, at_least: 0.8", "greater_is_better", "remove greater_is"),
        ("mean(x), at_least: 70, range: [0, 1]", "at_least", "did you mean 0.7?"),
        ("mean(x), max_regression: 5, range: [0, 1]", "max_regression", "did you mean 5%?"),
        ("mean(x), max_regression: 4, range: [1, 5]", "max_regression", "every model passes"),
        ("mean(x), at_most: 0.1, range: [0, 1]", "at_most", "only bad models pass"),
        ("mean(x), at_least: 0.1, range: [1, 0]", "range", "1 is not below 0"),
        ("mean(x), at_least: 0.1, range: [0]", "range", ""),
        ("'m:f', max_regression: 100%, range: [-1, 1]", "max_regression", "to fall to 0"),
    ],
)
def test_a_rule_that_cannot_judge_is_refused_with_its_line(tmp_path, gate, key, meant):
    found = told(tmp_path, gate)

    assert f"line 5: gates[0].{key}" in found
    assert meant in found


@pytest.mark.parametrize(
    ("gate", "data"),
    [
        ("roc_auc, max_regression: 0.005, at_least: 0.8", BINARY),
        ("roc_auc, at_least: 0.8, at_most: 0.99, sanity: true", BINARY),
        ("recall, at_least: 1", BINARY),
        ("demographic_parity, at_most: 0", BINARY),
        ("mcc, at_least: -0.5, max_regression: 5%", BINARY),
        ("log_loss, max_regression: 150%", BINARY),
        ("latency_p95_ms, at_most: 250, max_regression: 100", BINARY),
        ("cost_per_1000_rows, max_regression: 3, at_most: 70", BINARY),
        ("rmse, at_most: 70, max_regression: 5", "task: regression"),
        ("r2, at_least: -2, max_regression: 0.1", "task: regression"),
        ("mape, at_most: 0.15, max_regression: 1%", "task: regression"),
        ("mean(x), max_regression: 5, at_least: 70, at_most: 90", BINARY),
        ("mean(x), max_regression: 100%", BINARY),
        ("mean(x), at_most: 0.1, range: [0, 1], greater_is_better: false", BINARY),
        ("'m:f', at_most: 0.1, range: [0, .inf], sanity: true", BINARY),
    ],
)
def test_a_rule_that_can_judge_is_not(tmp_path, gate, data):
    assert told(tmp_path, gate, data) == ""


@pytest.mark.parametrize(
    ("gate", "meant"),
    [
        ("mape, at_most: 15", "did you mean at_most: 0.15?"),
        ("mape, max_regression: 5", "did you mean 5%?"),
        ("r2, max_regression: 5", "did you mean 5%?"),
        ("r2, at_least: 70", "did you mean 0.7?"),
        ("rmse, at_most: -5", "did you mean at_least: 5?"),
    ],
)
def test_percentages_of_numbers_to_predict_are_refused(tmp_path, gate, meant):
    assert meant in told(tmp_path, gate, "task: regression")


@pytest.mark.parametrize(
    ("thresholds", "place", "why"),
    [
        ("drift: {measure: ks, fail: 20}", "data.drift.fail", "no column can reach it"),
        ("drift: {warn: 0}", "data.drift.warn", "every column reaches it"),
        ("drift: {warn: 0.3, fail: 0.2}", "data.drift.warn", "is above fail"),
        ("leakage: {warn: 0.99, fail: 0.9}", "data.leakage.warn", "is above fail"),
        ("leakage: {shared_warn: 0.5, shared_fail: 0.1}", "data.leakage.shared_warn", "above"),
        ("leakage: {warn: 98}", "data.leakage.warn", "must be at most 1"),
    ],
)
def test_a_threshold_that_nothing_can_reach_is_refused(tmp_path, thresholds, place, why):
    found = told(tmp_path, "accuracy, at_least: 0.5", f"{BINARY}, {thresholds}")

    assert f"line 3: {place}: " in found
    assert why in found


@given(name=KNOWN, times=st.floats(min_value=1, max_value=1e9), kind=st.sampled_from(RuleKind))
def test_an_absolute_margin_as_wide_as_the_range_never_gets_through(name, times, kind):
    metric = METRICS[name]
    width = metric.range.width
    bounded = math.isfinite(width)

    wide = times * width if bounded else times
    assert bool(margin_problem(metric, kind, wide, relative=False, task=None)) or not bounded
    assert not margin_problem(metric, kind, 0.2 / times, relative=False, task=None)


@pytest.mark.heavy
@given(name=KNOWN, value=FINITE, edge=st.sampled_from(BoundEdge), sanity=st.booleans())
def test_a_bound_that_is_let_through_has_values_on_both_sides(name, value, edge, sanity):
    metric = METRICS[name]
    if bound_problem(metric, edge, value, sanity=sanity):
        return
    keeps = edge is (BoundEdge.AT_LEAST if metric.greater_is_better else BoundEdge.AT_MOST)
    assert metric.range.low <= value <= metric.range.high
    assert value != metric.worst if keeps else value != metric.best
    assert keeps or sanity


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_what_a_model_that_knows_nothing_reaches_lies_in_the_range(metric):
    assert metric.range is not None
    assert {metric.worst, metric.best} == {metric.range.low, metric.range.high}
    for task, value in metric.uninformed.items():
        assert task in metric.tasks
        assert value in metric.range
        assert value != metric.best


def test_the_label_is_not_the_prediction_itself(tmp_path):
    head = HEAD.replace("label: y", "label: prediction")
    (tmp_path / "cdml.yaml").write_text(
        head.format("positive: 1") + "gates: [{metric: accuracy, at_least: 0.9}]\n"
    )
    with pytest.raises(ConfigurationError, match="every answer would be right"):
        load(tmp_path / "cdml.yaml", targets=["registry"], environment={})
