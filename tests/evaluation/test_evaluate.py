"""evaluate-model: what is measured, and how its bounds are judged."""

from pathlib import Path

import pytest

from cdml.common.verdict import Verdict
from cdml.errors import ConfigurationError, InputError
from cdml.evidence import store
from cdml.evidence.schema import Comparison, Evaluation
from fakes.judging import World
from fakes.scorer import pretend

PASS, WARN, INCONCLUSIVE, FAIL = Verdict


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def value(found, metric, part=None):
    [one] = [v for v in found.metrics if v.metric == metric and v.slice == part]
    return one


def test_the_usual_metrics_are_measured_beside_those_of_the_gates(world):
    world.gates = "{metric: specificity, at_least: 0.5}"
    found = world.evaluate(world.model("good"))
    measured = {one.metric for one in found.metrics}
    assert {"specificity", "roc_auc", "average_precision", "log_loss", "recall", "f1"} <= measured
    assert {"latency_p50_ms", "latency_p95_ms", "model_size_mb"} <= measured


def test_every_slice_is_measured_with_an_interval(world):
    found = world.evaluate(world.model("good"))
    for part in (None, {"carrier": "AA"}, {"carrier": "HA"}):
        one = value(found, "roc_auc", part)
        assert one.interval.low <= one.value <= one.interval.high
        assert 0.95 == one.interval.confidence


def test_the_evidence_names_model_data_and_predictions_by_digest(world):
    found = world.evaluate(world.model("good"))
    assert found == store.read_evidence(world.output, Evaluation)
    assert found.predictions.digest == store.file_digest(world.output / "predictions.parquet")
    assert found.model.digest.startswith("sha256:")
    assert world.tables.open(str(world.folder / "rows.parquet")).ref == found.data
    assert "namespaces" == found.isolation


@pytest.mark.parametrize(
    ("rule", "verdict"),
    [
        ("at_least: 0.5", PASS),
        ("at_least: 0.999", FAIL),
        ("at_most: 0.5, sanity: true", FAIL),
        ("at_least: 0.5, at_most: 0.999, sanity: true", PASS),
        ("at_least: 0.999, tier: advisory", WARN),
    ],
)
def test_bounds_are_judged_by_the_point(world, rule, verdict):
    world.gates = f"{{metric: roc_auc, {rule}}}"
    assert verdict == world.evaluate(world.model("good")).verdict


@pytest.mark.parametrize(
    ("bounds", "on_inconclusive", "verdict"),
    [("point", "hold", PASS), ("interval", "hold", INCONCLUSIVE), ("interval", "warn", WARN)],
)
def test_bounds_can_be_asked_of_the_interval(world, bounds, on_inconclusive, verdict):
    measured = value(world.evaluate(world.model("good")), "roc_auc").value
    world.gates = f"{{metric: roc_auc, at_least: {measured - 0.001}}}"
    world.policy = f"bounds: {bounds}, on_inconclusive: {on_inconclusive}"
    assert verdict == world.evaluate(world.model("good")).verdict


def test_no_gates_judge_nothing(world):
    world.gates = ""
    assert INCONCLUSIVE == world.evaluate(world.model("good")).verdict


def test_what_has_no_value_is_inconclusive_even_where_that_only_warns(world):
    world.gates = "{metric: roc_auc, at_least: 0.5}"
    world.policy = "on_inconclusive: warn"
    world.data["late"] = [False] * 600
    world.put(world.data)
    found = world.evaluate(predictions=world.predictions("good"))
    assert INCONCLUSIVE == found.verdict
    assert "no value" in found.gates[0].reason


@pytest.mark.parametrize("metric", ["latency_p95_ms", "model_size_mb"])
def test_what_a_file_of_results_can_never_tell_is_refused(world, metric):
    world.gates = f"{{metric: {metric}, at_most: 50}}"
    with pytest.raises(ConfigurationError, match=metric):
        world.evaluate(predictions=world.predictions("good"))


def test_one_class_alone_has_no_auc_and_is_inconclusive(world):
    world.gates = "{metric: roc_auc, at_least: 0.5}"
    world.data["late"] = [False] * 600
    world.put(world.data)
    found = world.evaluate(predictions=world.predictions("good"))
    assert (INCONCLUSIVE, None) == (found.verdict, value(found, "roc_auc").value)


def test_latency_and_size_can_be_bounded(world):
    world.gates = "{metric: latency_p95_ms, at_most: 2.5}"
    found = world.evaluate(world.model("good"))
    assert (FAIL, 3.0) == (found.verdict, value(found, "latency_p95_ms").value)


def test_the_interval_of_a_latency_can_be_bounded(world):
    world.policy = "bounds: interval"
    world.scorer.latency_ms = tuple(float(at) for at in range(1, 201))
    verdicts = []
    for limit in (150, 192, 210):
        world.gates = f"{{metric: latency_p95_ms, at_most: {limit}}}"
        verdicts.append(world.evaluate(world.model("good")).verdict)
    assert [FAIL, INCONCLUSIVE, PASS] == verdicts


@pytest.mark.parametrize(
    ("metric", "limit"), [("latency_p95_ms", 1000), ("expected_calibration_error", 0.99)]
)
def test_what_has_no_interval_keeps_no_bound_that_is_asked_of_it(world, metric, limit):
    world.gates = f"{{metric: {metric}, at_most: {limit}}}"
    verdicts = []
    for world.policy in ("bounds: point", "bounds: interval"):
        verdicts.append(world.evaluate(world.model("good")).verdict)
    assert [PASS, INCONCLUSIVE] == verdicts


def test_predictions_scored_elsewhere_may_name_their_model(world):
    found = world.evaluate(world.model("good"), predictions=world.predictions("good"))
    assert found.model.digest is not None
    assert [] == world.scorer.jobs
    assert (world.output / "predictions.parquet").is_file()
    assert None is world.evaluate(predictions=world.predictions("good")).model.digest


def test_predictions_must_be_of_the_rows_of_the_data(world):
    flipped = world.predictions("good", late=[not late for late in world.data["late"]])
    with pytest.raises(InputError, match="label"):
        world.evaluate(predictions=flipped)
    assert not world.output.exists()
    assert (world.folder / flipped).is_file()


@pytest.mark.parametrize("fault", ["load", "throws", "hangs", "nan", "short"])
def test_a_model_that_cannot_answer_leaves_no_evidence(world, fault):
    world.gates = "{metric: accuracy, at_least: 0.1}"
    world.evaluate(world.model("good"))
    with pytest.raises(InputError):
        world.evaluate(str(pretend(world.folder / "broken", score="good", fault=fault)))
    assert [] == list(world.output.iterdir())


def test_an_earlier_comparison_does_not_outlive_a_new_evaluation(world):
    world.champion("good")
    world.compare(world.model("better"))
    world.evaluate(world.model("better"))
    assert store.read_evidence(world.output, Comparison) is None


def test_a_registered_version_learns_its_metrics_and_verdict(world):
    version = world.champion("good")
    found = world.evaluate("models:/late@champion")
    tags = world.registry.version("late", version.version).tags
    assert (found.verdict.value, found.model.digest) == (tags["cdml.verdict"], tags["cdml.digest"])
    logged = world.registry.metrics["late", version.version]
    assert value(found, "roc_auc").value == logged["roc_auc"]


def test_an_evaluation_alone_does_not_replace_what_a_whole_gate_left(world):
    world.gates = "{metric: accuracy, at_least: 0.1, max_regression: 0.5}"
    world.champion("good")
    version = world.registry.register("late", Path(world.model("better")), tags={})
    world.evaluate("models:/late/2")
    world.compare("models:/late/2")
    before = world.registry.kept["late", version.version]
    world.gates = "{metric: accuracy, at_least: 0.999}"
    assert FAIL == world.evaluate("models:/late/2").verdict

    assert {"comparison.json", "evaluation.json"} == set(before)
    assert before == world.registry.kept["late", version.version]
    assert "pass" == world.registry.version("late", "2").tags["cdml.verdict"]


def test_predictions_that_are_not_there_are_told_beside_those_of_an_earlier_run(world):
    world.evaluate(world.model("good"))
    with pytest.raises(InputError, match="does not exist"):
        world.evaluate(predictions="nowhere.parquet")


@pytest.mark.parametrize("model", ["http://[bad", "ftp://somewhere/model"])
def test_an_address_that_is_none_is_an_input_error(world, model):
    with pytest.raises(InputError, match="is not the address of a model"):
        world.evaluate(model)


def test_a_run_learns_the_metrics_and_the_verdict_of_its_model(world):
    world.gates = "{metric: accuracy, at_least: 0.999}"
    folder = world.model("good")
    world.registry.fetch = lambda *_: Path(folder)
    found = world.evaluate("runs:/1/model")

    metrics, tags = world.registry.runs["runs:/1/model"]
    assert value(found, "roc_auc").value == metrics["roc_auc"]
    assert "fail" == tags["cdml.verdict"]


def test_a_registry_that_cannot_be_written_does_not_change_the_verdict(world, monkeypatch):
    world.champion("good")

    def refuse(*_):
        raise InputError("read only")

    monkeypatch.setattr(world.registry, "log_evidence", refuse)
    assert PASS == world.evaluate("models:/late@champion").verdict
    assert ["read only" in note for note in world.progress.notes] == [True]


def test_other_rows_can_be_named(world):
    world.put(world.data | {"id": [i + 1000 for i in world.data["id"]]}, "other.parquet")
    found = world.evaluate(world.model("good"), data="other.parquet")
    assert str(world.folder / "other.parquet") == found.data.uri


def test_a_regression_is_told_by_its_metrics(world):
    world.config = world.config.replace("late, positive: true", "delay")
    world.gates = "{metric: rmse, at_most: 100}"
    world.put({"id": [1, 2, 3, 4], "carrier": ["AA"] * 4, "delay": [1.0, 2.0, 3.0, 5.0]})
    model = pretend(world.folder / "models" / "r", prediction="delay")
    found = world.evaluate(str(model))
    assert (PASS, 0.0) == (found.verdict, value(found, "root_mean_squared_error").value)
    assert "regression" == world.scorer.jobs[0].task


def test_many_classes_are_told_by_a_label_without_a_positive(world):
    world.config = world.config.replace("late, positive: true", "kind")
    world.gates = "{metric: accuracy, at_least: 0.1}"
    kinds = ["a", "b", "c"] * 20
    columns = {k: [0.8 if kind == k else 0.1 for kind in kinds] for k in "abc"}
    world.put({"id": list(range(60)), "carrier": ["AA"] * 60, "kind": kinds, **columns})
    found = world.evaluate(str(pretend(world.folder / "models" / "m", scores=["a", "b", "c"])))
    assert (PASS, 1.0) == (found.verdict, value(found, "accuracy").value)
    assert 1.0 == pytest.approx(value(found, "roc_auc_ovr").value)


def test_a_metric_of_a_class_without_a_positive_is_a_configuration_error(world):
    world.config = world.config.replace(", positive: true", "")
    world.gates = "{metric: recall, at_least: 0.1}"
    with pytest.raises(ConfigurationError, match="recall"):
        world.evaluate(world.model("good"))


def test_neither_a_model_nor_predictions_is_a_configuration_error(world):
    with pytest.raises(ConfigurationError, match="--model"):
        world.evaluate()


def test_a_folder_that_is_no_model_is_an_input_error(world):
    with pytest.raises(InputError):
        world.evaluate(str(Path(world.folder) / "nothing"))
