import subprocess
import sys

import pytest

from cdml.statistics.metrics import METRICS, Family, Task, find_metric


def test_a_name_or_alias_means_one_metric():
    names = [name for m in METRICS.values() for name in (m.name, *m.aliases)]

    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_a_metric_is_found_by_each_of_its_names(metric):
    assert {metric} == {find_metric(name) for name in (metric.name, *metric.aliases)}


@pytest.mark.parametrize(
    "name",
    [
        "neg_log_loss",
        "f0",
        "f",
        "f1e3",
        "mean()",
        "mean(a(b)",
        "mean(a))",
        "mine:",
        ":f",
        "a b:f",
        "http://x",
    ],
)
def test_nobody_knows_an_unknown_name(name):
    assert find_metric(name) is None


def test_patterns_name_metrics_that_no_list_can_hold():
    assert ("f2", 2.0) == (find_metric("fbeta_2").name, find_metric("f2").beta)
    assert "helpful" == find_metric("mean(helpful)").column
    assert Family.CUSTOM is find_metric("mine.own:profit").family


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_means_and_only_means_say_what_they_average(metric):
    assert (metric.family is Family.MEAN) == (metric.loss is not None)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_metrics_of_rows_say_for_which_tasks(metric):
    assert metric.of_outcomes == bool(metric.tasks)


def test_every_task_has_metrics():
    assert set(Task) == set().union(*(metric.tasks for metric in METRICS.values()))


@pytest.mark.parametrize(
    "name", ["log_loss", "brier", "mae", "mse", "rmse", "mape", "latency_p95_ms"]
)
def test_losses_are_better_when_smaller(name):
    assert not find_metric(name).greater_is_better


def test_the_table_of_metrics_is_instant_to_import():
    code = "import sys, cdml.statistics.metrics; print('numpy' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "False" == shown.stdout.strip()
