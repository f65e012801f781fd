"""What production is held against, and which metrics are not."""

import subprocess

import pytest

from cdml.adapters.journals.git import GitJournal
from cdml.config.monitoring import MonitoringSettings
from cdml.config.schema import Config
from cdml.evidence.interval import Interval
from cdml.journal.branches import monitoring_branch
from cdml.monitoring.promises import MOST_RULES, find_promises
from cdml.statistics.metrics import Task


class Evaluated:
    """The serving version's evaluation, as far as promises read it."""

    def __init__(self, **values):
        self.metrics = [Value(name, *value) for name, value in values.items()]


class Value:
    slice = None

    def __init__(self, metric, value, low, high):
        self.metric, self.value = metric, value
        self.interval = Interval(low=low, high=high, confidence=0.95, method="wilson")


def promises(gates, evaluation=None, against="gates", **settings):
    config = Config.model_validate(
        {
            "version": 1,
            "model": "m",
            "data": {"evaluation": "e", "key": ["id"], "label": "late", "positive": True},
            "gates": gates,
        }
    )
    watched = MonitoringSettings.model_validate(
        {"predictions": "p", "key": ["id"], "time": "at", "label_delay": "7d",
         "against": against, **settings}
    )  # fmt: skip
    return find_promises(config, watched, Task.BINARY, evaluation)


EVALUATED = Evaluated(accuracy=(0.9, 0.88, 0.92), brier_score_loss=(0.08, 0.07, 0.1))


@pytest.mark.parametrize(
    ("gate", "bound"),
    [
        ({"metric": "accuracy", "max_regression": 0.02}, 0.86),
        ({"metric": "accuracy", "max_regression": "10%"}, 0.79),
        ({"metric": "accuracy", "min_improvement": 0.05}, 0.88),
        ({"metric": "accuracy", "at_least": 0.8}, 0.8),
        ({"metric": "accuracy", "at_least": 0.87, "max_regression": 0.02}, 0.87),
        ({"metric": "accuracy", "at_least": 0.8, "max_regression": 0.02}, 0.86),
        ({"metric": "brier_score_loss", "max_regression": 0.01}, 0.11),
        ({"metric": "brier_score_loss", "at_most": 0.2}, 0.2),
        ({"metric": "brier_score_loss", "at_most": 0.2, "max_regression": 0.01}, 0.11),
    ],
)
def test_a_gate_promises_its_bound_or_the_versions_own_value_less_the_margin(gate, bound):
    [promise], none = promises([gate], EVALUATED)

    assert bound == pytest.approx(promise.bound)
    assert () == none


@pytest.mark.parametrize(
    ("gate", "reason"),
    [
        ({"metric": "accuracy", "max_regression": 0.02}, "no evaluation evidence"),
        ({"metric": "latency_p95_ms", "at_most": 250}, "the model's process"),
        ({"metric": "average_precision", "at_least": 0.5}, "no sequential test"),
        ({"metric": "mean(cost)", "at_most": 5, "greater_is_better": False}, "no declared range"),
        ({"metric": "accuracy", "at_most": 0.99, "sanity": True}, "bounds nothing"),
    ],
)
def test_a_metric_that_cannot_be_judged_says_why(gate, reason):
    found, [none] = promises([gate])

    assert () == found
    assert reason in none.reason


def test_rules_replace_the_gates():
    rules = [{"metric": "accuracy", "at_least": 0.7}, {"metric": "accuracy", "at_most": 0.9}]

    [promise], [wrong] = promises([], EVALUATED, against=rules)

    assert (0.7, "at_least 0.7") == (promise.bound, promise.origin)
    assert "worse side" in wrong.reason


def test_the_state_is_not_on_the_journals_branch(tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    state = GitJournal(
        folder=tmp_path, environment="production", model="flights", variables={"HOME": "/"},
        branch=monitoring_branch,
    )  # fmt: skip

    commit = state.write({"schema": "cdml.monitor-state/1"}, "monitor", None)

    assert commit == state.read().commit
    refs = subprocess.run(
        ["git", "for-each-ref", "--format=%(refname)"],
        cwd=tmp_path, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert "refs/heads/cdml-monitor/production/flights" == refs.stdout.strip()


def test_of_very_many_promises_the_critical_first_ones_are_watched_and_the_others_named():
    rules = [
        {"metric": f"rate(column_{number})", "at_most": 0.5,
         "tier": "advisory" if number < 3 else "critical"}
        for number in range(MOST_RULES + 4)
    ]  # fmt: skip

    found, without = promises([], against=rules)

    assert MOST_RULES == len(found)
    assert {"critical"} == {one.tier for one in found}
    [left] = without
    assert "other metrics" == left.metric
    assert left.reason.startswith(f"at most {MOST_RULES} are watched; not rate(column_15), ")
    assert left.reason.endswith("and 1 more")
