"""How logged predictions and their labels become the figures of a window, and what is refused."""

import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cdml.adapters.predictions.logs.windows import DuckPredictionLog
from cdml.common.verdict import Verdict
from cdml.errors import InputError
from support.monitoring_scenarios import DAY, MONITORING, MonitoredWorld


def promised(*names):
    """Rules that the world's traffic keeps."""
    less = {"brier_score_loss", "log_loss"}
    rules = [f"{{metric: {one}, {'at_most' if one in less else 'at_least'}: 0.5}}" for one in names]
    return f"{MONITORING}  against: [{', '.join(rules)}]\n"


def one_window(tmp_path, *names):
    """The values of one window of traffic, by metric, and its labels, predictions and scores."""
    world = MonitoredWorld(tmp_path, monitoring=promised(*names))
    world.ship("A")
    world.clock.pass_by(DAY / 2)  # windows begin at midnight
    world.random = random.Random(11)
    world.serve(1, rows=500, accuracy=0.8)
    world.traffic["score"] = [
        min(max(score + world.random.gauss(0, 0.2), 0.01), 0.99) for score in world.traffic["score"]
    ]
    world.write()
    world.clock.pass_by(2 * DAY)
    [version] = world.monitor().versions
    labels = dict(zip(world.arrived["request"], world.arrived["late"], strict=True))
    truth = [labels[request] for request in world.traffic["request"]]
    values = {rule.metric: rule.points[0].value for rule in version.rules}
    return values, truth, world.traffic["prediction"], world.traffic["score"]


def test_the_figures_of_a_window_are_those_of_scikit_learn(tmp_path):
    from sklearn import metrics

    names = (
        "accuracy", "recall", "precision", "f1", "balanced_accuracy", "matthews_corrcoef",
        "roc_auc", "brier_score_loss", "log_loss",
    )  # fmt: skip

    values, truth, predictions, scores = one_window(tmp_path, *names)

    expected = {
        "accuracy": metrics.accuracy_score(truth, predictions),
        "recall": metrics.recall_score(truth, predictions),
        "precision": metrics.precision_score(truth, predictions),
        "f1": metrics.f1_score(truth, predictions),
        "balanced_accuracy": metrics.balanced_accuracy_score(truth, predictions),
        "matthews_corrcoef": metrics.matthews_corrcoef(truth, predictions),
        "roc_auc": metrics.roc_auc_score(truth, scores),
        "brier_score_loss": metrics.brier_score_loss(truth, scores),
        "log_loss": metrics.log_loss(truth, scores),
    }
    assert expected == pytest.approx(values, rel=1e-3)


def test_keys_in_any_order_are_joined_and_repeated_ones_refused(tmp_path):
    world = MonitoredWorld(tmp_path)
    world.ship("A")
    world.serve(5, rows=20)
    for column in world.traffic.values():
        column.reverse()
    world.write()

    assert 3 == world.monitor(dry_run=True).versions[0].judged_windows
    world.traffic["request"][71] = world.traffic["request"][70]
    world.write()
    with pytest.raises(InputError, match="repeat the key"):
        world.monitor()


def test_a_label_that_is_older_than_its_prediction_is_an_error(tmp_path):
    world = MonitoredWorld(tmp_path, monitoring=f"{MONITORING}  label_time: seen\n")
    world.ship("A")
    world.serve(5, rows=20)
    world.arrived["seen"][3] -= DAY
    world.write()

    with pytest.raises(InputError, match=r"1 labels .* are older than the prediction"):
        world.monitor()


def test_times_that_are_text_are_an_error(tmp_path):
    world = MonitoredWorld(tmp_path)
    world.ship("A")
    world.serve(5, rows=20)
    world.traffic["at"] = [f"day {at}" for at in world.traffic["at"]]
    world.write()

    with pytest.raises(InputError, match="contains text, not timestamps"):
        world.monitor()


def test_times_of_which_some_have_a_zone_are_an_error(tmp_path):
    world = MonitoredWorld(tmp_path, monitoring=MONITORING.replace("ns.parquet", "ns*.csv"))
    world.ship("A")
    world.serve(5, rows=20)
    rows = [f"{n},{at.isoformat()},True" for n, at in enumerate(world.traffic["at"])]
    for file, part in (("predictions-1.csv", rows[:50]), ("predictions-2.csv", rows[50:])):
        zone = "Z,True" if file.endswith("2.csv") else ",True"
        lines = ["request,at,prediction", *(one.replace(",True", zone) for one in part)]
        (tmp_path / file).write_text("\n".join(lines) + "\n")

    with pytest.raises(InputError, match=r"'at' has times with a time zone, such as '2.*00Z', and"):
        world.monitor()


def test_times_with_a_zone_in_one_file_only_name_both_files(tmp_path):
    world = MonitoredWorld(tmp_path, monitoring=MONITORING.replace("ns.parquet", "ns*.parquet"))
    world.ship("A")
    world.serve(5, rows=20)
    table = pq.read_table(tmp_path / "predictions.parquet")
    zoned = table["at"].cast(pa.timestamp("us", "UTC"))
    table = table.set_column(table.column_names.index("at"), "at", zoned)
    pq.write_table(table, tmp_path / "predictions-2.parquet")

    seen = world.monitor()

    assert Verdict.INCONCLUSIVE is seen.verdict
    assert "time zone in predictions-2.parquet, but" in seen.reason.replace("\n", " ")
    assert "in predictions.parquet" in seen.reason


def test_predictions_without_a_time_are_an_error(tmp_path):
    world = MonitoredWorld(tmp_path)
    world.ship("A")
    world.serve(5, rows=20)
    world.traffic["at"][7] = world.traffic["at"][30] = None
    world.write()

    with pytest.raises(InputError, match=r"^2 predictions of .* have no time \(at\)\."):
        world.monitor(dry_run=True)


def test_predictions_without_a_value_are_in_no_figure(tmp_path):
    world = MonitoredWorld(tmp_path)
    world.ship("A")
    world.serve(5, rows=200)
    world.traffic["prediction"][7] = None
    world.write()

    few = world.monitor(dry_run=True)
    world.traffic["prediction"][:60] = [None] * 60
    world.write()
    many = world.monitor(dry_run=True)

    assert (Verdict.WARN, Verdict.INCONCLUSIVE) == (few.verdict, many.verdict)
    assert "60 of" in many.reason


def test_nothing_is_remembered_of_rows(tmp_path):
    world = MonitoredWorld(tmp_path)
    world.ship("A")
    sizes = []
    for rows in (20, 2000):
        world.prediction_log = DuckPredictionLog()
        world.serve(4, rows=rows)
        world.monitor()
        sizes.append(len(world.state.documents[-1]))

    assert sizes[1] < 1.5 * sizes[0]
