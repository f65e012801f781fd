"""Rules that production could never be held against are refused when cdml.yaml is read."""

import pytest

from cdml.config import load
from cdml.errors import ConfigurationError

HEAD = """\
version: 1
model: m
data: {evaluation: rows.parquet, key: [id], label: y, positive: 1}
gates: [{metric: accuracy, at_least: 0.8}]
monitoring:
  predictions: log.parquet
  key: [id]
  time: at
  label_delay: 1d
"""
LABELS = "  labels: labels.parquet\n"


def refusal(tmp_path, rule, more=LABELS):
    """What is said of a rule; empty where it can be judged."""
    path = tmp_path / "cdml.yaml"
    path.write_text(f"{HEAD}{more}  against: [{{{rule}}}]\n", encoding="utf-8")
    try:
        load(path, targets=["registry"], environment={})
    except ConfigurationError as error:
        return error.message
    return ""


@pytest.mark.parametrize(
    ("rule", "key", "reason"),
    [
        ("metric: acuracy, at_least: 0.8", "metric", "accuracy"),
        ("metric: mean_absolute_error, at_most: 3", "metric", "regression"),
        ("metric: mean(cost), at_most: 3", "metric", "add `range` to the rule"),
        ("metric: mean(cost), at_most: 3, range: [5, 1]", "range", "5 is not below 1"),
        ("metric: mean(cost), at_most: 9, range: [0, 5]", "at_most", "is between 0 and 5"),
        ("metric: accuracy, at_least: 0.8, range: [0, 1]", "range", "is fixed"),
        ("metric: accuracy, at_most: 0.8", "at_most", "did you mean at_least"),
        ("metric: log_loss, at_least: 0.3", "at_least", "did you mean at_most"),
        ("metric: average_precision, at_least: 0.8", "metric", "no sequential test"),
        ("metric: latency_p95_ms, at_most: 50", "metric", "the model's process"),
    ],
)
def test_a_rule_that_cannot_be_judged_is_refused_with_its_place(tmp_path, rule, key, reason):
    message = refusal(tmp_path, rule)

    assert f"monitoring.against.0.{key}" in message.replace("[0]", ".0")
    assert reason in message


def test_a_rule_about_outcomes_needs_labels(tmp_path):
    assert "monitoring.labels" in refusal(tmp_path, "metric: accuracy, at_least: 0.8", more="")


@pytest.mark.parametrize(
    "rule",
    [
        "metric: accuracy, at_least: 0.8",
        "metric: mean(cost), at_most: 3, range: [0, 5]",
        "metric: rate(valid), at_least: 0.9",
        "metric: log_loss, at_most: 0.3",
    ],
)
def test_a_rule_that_can_be_judged_is_accepted(tmp_path, rule):
    assert "" == refusal(tmp_path, rule)


@pytest.mark.parametrize(("level", "refused"), [(0.25, False), (0, True), (1.5, True)])
def test_a_threshold_of_drift_that_nothing_reaches_is_refused(tmp_path, level, refused):
    path = tmp_path / "cdml.yaml"
    text = HEAD.replace("positive: 1}", "positive: 1, drift: {measure: ks}}")
    path.write_text(f"{text}  drift: {{at_least: {level}}}\n", encoding="utf-8")

    if not refused:
        load(path, targets=["registry"], environment={})
        return
    with pytest.raises(ConfigurationError, match=r"monitoring\.drift\.at_least"):
        load(path, targets=["registry"], environment={})
