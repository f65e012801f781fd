"""compare-to-champion: who is compared, and what the evidence says."""

from pathlib import Path

import pytest

from cdml.common.verdict import Verdict
from cdml.errors import ConfigurationError, InputError
from cdml.evaluation.scored_model import ScoredModel, named_by_address
from cdml.evidence import store
from cdml.evidence.schema import Comparison, ModelRef
from fakes.judging import World, rows

PASS, WARN, INCONCLUSIVE, FAIL = Verdict


class Untouchable:
    """A port that must not be asked."""

    def __getattr__(self, name):
        raise AssertionError(f"{name} was asked for")


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def gate(found, metric, part=None):
    [one] = [g for g in found.gates if g.metric == metric and g.slice == part]
    return one


def test_a_better_model_passes_and_the_evidence_is_written(world):
    champion = world.champion("good")
    found = world.compare(world.model("better"))
    assert PASS == found.verdict
    assert found == store.read_evidence(world.output, Comparison)
    assert (champion.version, champion.digest) == (found.champion.version, found.champion.digest)
    assert world.tables.open(str(world.folder / "rows.parquet")).ref == found.data


def test_a_worse_model_fails_and_the_reason_says_how(world):
    world.champion("better")
    found = world.compare(world.model("weak"))
    assert FAIL == found.verdict
    assert "Accuracy fell from" in found.reason
    assert "allowed: −0.05" in found.reason


def test_a_metric_that_cannot_tell_holds_and_says_what_would(world):
    world.gates = "{metric: accuracy, max_regression: 0.0001, slices: false}"
    world.champion("good")
    found = world.compare(world.model("noisy"))
    assert INCONCLUSIVE == found.verdict
    [one] = found.gates
    assert one.rows_needed > one.rows
    assert f"about {one.rows_needed:,} would be, if" in one.reason


@pytest.mark.parametrize("margin", ["0.0001", "0.02", "5%", "0.2"])
@pytest.mark.parametrize("metric", ["accuracy", "recall", "f1", "roc_auc", "log_loss", "brier"])
def test_who_cannot_tell_always_asks_for_more_rows_than_there_are(world, metric, margin):
    rule = f"max_regression: {margin}"
    world.gates = f"{{metric: {metric}, {rule}, slices: {{mode: require, {rule}}}}}"
    world.policy = "min_rows: 20"
    world.champion("good")
    open_ = [
        gate for gate in world.compare(world.model("noisy")).gates if gate.verdict is INCONCLUSIVE
    ]
    assert [] == [gate.reason for gate in open_ if not (gate.rows_needed or 10**9) > gate.rows]


def test_every_gate_and_slice_has_its_interval(world):
    world.champion("good")
    found = world.compare(world.model("better"))
    assert [None, {"carrier": "AA"}, {"carrier": "UA"}, {"carrier": "HA"}] == [
        one.slice for one in found.gates
    ]
    for one in found.gates:
        assert one.difference.low <= one.difference.estimate <= one.difference.high
        assert ("tango", 0.95) == (one.difference.method, one.difference.confidence)
        assert one.challenger - one.champion == pytest.approx(one.difference.estimate)
        assert 0 <= one.p_value <= 1


def test_a_slice_that_collapses_fails_though_the_average_improves(world):
    world.gates = "{metric: roc_auc, max_regression: 0.05}"
    world.policy = "min_rows: 20"
    world.champion("weak")
    found = world.compare(world.model("sly"))
    assert PASS == gate(found, "roc_auc").verdict
    collapsed = gate(found, "roc_auc", {"carrier": "HA"})
    assert FAIL == collapsed.verdict == found.verdict
    assert "ROC AUC for carrier HA fell from" in collapsed.reason
    assert "Holm" in collapsed.reason


def test_a_slice_with_few_rows_is_reported_not_judged(world):
    world.gates = "{metric: recall, max_regression: 0.05}"
    world.champion("weak")
    found = world.compare(world.model("sly"))
    small = gate(found, "recall", {"carrier": "HA"})
    assert (False, PASS) == (small.judged, small.verdict)
    assert "positives are too few to judge" in small.reason
    assert small.difference is not None
    assert small.counted < small.rows < 100
    assert PASS == found.verdict


def test_slices_can_be_required_to_be_proven(world):
    rule = "{{metric: accuracy, max_regression: 0.05, slices: {{mode: {}}}}}"
    world.champion("good")
    world.policy = "min_rows: 20"
    verdicts = []
    for mode in ("detect", "require"):
        world.gates = rule.format(mode)
        verdicts.append(gate(world.compare(world.model("noisy")), "accuracy", {"carrier": "HA"}))
    assert [PASS, INCONCLUSIVE] == [one.verdict for one in verdicts]


def test_a_gate_can_leave_slices_out(world):
    world.gates = "{metric: accuracy, max_regression: 0.05, slices: false}"
    world.champion("good")
    assert [None] == [one.slice for one in world.compare(world.model("sly")).gates]


def test_advice_only_warns(world):
    world.gates = "{metric: accuracy, max_regression: 0.05, tier: advisory, slices: false}"
    world.champion("better")
    assert WARN == world.compare(world.model("weak")).verdict


def test_no_gates_judge_nothing(world):
    world.gates = ""
    world.champion("good")
    assert INCONCLUSIVE == world.compare(world.model("better")).verdict


def test_where_no_gate_compares_the_bounds_decide(world):
    world.champion("good")
    verdicts = []
    for least in (0.5, 0.999):
        world.gates = f"{{metric: accuracy, at_least: {least}}}"
        verdicts.append(world.compare(world.model("better")).verdict)
    assert [PASS, FAIL] == verdicts


def test_an_unknown_alias_is_an_input_error(world):
    world.champion("good")
    with pytest.raises(InputError, match="shadow"):
        world.compare(world.model("better"), champion="shadow")


def test_another_alias_names_the_champion(world):
    world.champion("better")
    other = world.registry.register("late", Path(world.model("weak")), tags={})
    world.registry.set_alias("late", "shadow", other.version)
    assert other.version == world.compare(world.model("good"), champion="shadow").champion.version


def test_the_champion_itself_passes_and_says_so(world):
    world.champion("good")
    found = world.compare(world.model("good"))
    assert PASS == found.verdict
    assert "identical to the champion" in found.reason
    assert all("unchanged" in one.reason for one in found.gates)
    assert found.challenger.digest == found.champion.digest


def test_the_evaluation_of_this_challenger_on_this_data_is_not_scored_again(world):
    world.champion("good")
    model = world.model("better")
    world.evaluate(model)
    world.compare(model)
    assert 2 == len(world.scorer.jobs)


@pytest.mark.parametrize("what", ["model", "data", "predictions"])
def test_an_evaluation_of_anything_else_is_scored_again(world, what):
    world.champion("good")
    world.evaluate(world.model("weak" if what == "model" else "better"))
    if what == "data":
        world.data = rows(seed=2)
        world.put(world.data)
    if what == "predictions":
        (world.output / "predictions.parquet").write_bytes(b"forged")
    world.compare(world.model("better"))
    assert 3 == len(world.scorer.jobs)


def test_predictions_that_do_not_match_leave_no_evidence(world):
    theirs = world.predictions("good", late=[not late for late in world.data["late"]])
    world.compare(world.predictions("better"), world.predictions("weak"))
    with pytest.raises(InputError, match="label"):
        world.compare(world.predictions("better"), theirs)
    assert store.read_evidence(world.output, Comparison) is None


def test_latencies_are_compared_request_by_request(world):
    world.gates = "{metric: latency_p95_ms, max_regression: 10}"
    world.scorer.latency_ms = tuple(5 + at % 7 for at in range(100))
    world.champion("good")
    [one] = world.compare(world.model("better")).gates
    assert (PASS, "bootstrap", 0.0) == (one.verdict, one.difference.method, one.difference.estimate)
    assert 100 == one.rows


def test_requests_of_other_rows_are_not_compared(world):
    """Two evaluations' predictions of the same rows, of which one was timed on other data."""
    world.gates = "{metric: latency_p95_ms, max_regression: 10}"
    world.scorer.latency_ms = tuple(5 + at % 7 for at in range(100))
    files = []
    for name, data in (("weak", None), ("good", "copy.parquet")):
        world.put({**world.data, "more": world.data["weak"]}, "copy.parquet")
        world.evaluate(world.model(name), data=data)
        kept = world.folder / name
        world.output.rename(kept)
        files.append(str(kept / "predictions.parquet"))
    found = world.compare(*files)
    assert INCONCLUSIVE == found.verdict
    assert "measured on different rows" in found.reason


def test_few_requests_cannot_tell_how_long_the_slowest_take(world):
    world.gates = "{metric: latency_p95_ms, max_regression: 10}"
    world.champion("good")
    found = world.compare(world.model("better"))
    assert INCONCLUSIVE == found.verdict
    assert "3 requests are too few to measure the 95 % quantile" in found.reason


def test_sizes_are_compared_as_they_are(world):
    world.gates = "{metric: model_size_mb, max_regression: 10}"
    world.champion("good")
    [one] = world.compare(world.model("better")).gates
    assert (PASS, "point") == (one.verdict, one.difference.method)


def test_gates_of_a_process_are_refused_where_only_results_are_given(world):
    world.gates = "{metric: latency_p95_ms, max_regression: 10}"
    world.policy = "on_inconclusive: warn"
    with pytest.raises(ConfigurationError, match="is a file of results"):
        world.compare(world.predictions("better"), world.predictions("good"))


def test_one_class_alone_cannot_tell(world):
    world.gates = "{metric: roc_auc, max_regression: 0.1, slices: false}"
    world.data["late"] = [False] * 600
    found = world.compare(world.predictions("better"), world.predictions("good"))
    assert INCONCLUSIVE == found.verdict


def test_a_metric_of_another_task_is_a_configuration_error(world):
    world.gates = "{metric: r2, max_regression: 0.1}"
    with pytest.raises(ConfigurationError, match="r2"):
        world.compare(world.predictions("better"), world.predictions("good"))


def test_the_policy_that_decided_is_named(world):
    world.champion("good")
    policies = []
    for margin in ("0.05", "0.05", "0.06"):
        world.gates = f"{{metric: accuracy, max_regression: {margin}}}"
        policies.append(world.compare(world.model("better")).policy)
    assert policies[0] == policies[1] != policies[2]
    assert policies[0].digest != policies[2].digest
    assert ("accuracy: max_regression 0.05",) == policies[0].gates


def test_relative_margins_count_the_uncertainty_of_the_champion(world):
    world.gates = "{metric: log_loss, max_regression: 5%, slices: false}"
    world.champion("good")
    [one] = world.compare(world.model("better")).gates
    assert 0.05 * one.champion == pytest.approx(one.bound.against)
    assert one.bound.value < one.bound.against
    assert PASS == one.verdict


def test_a_registered_challenger_keeps_evidence_of_both_stages(world):
    world.champion("good")
    version = world.registry.register("late", Path(world.model("better")), tags={})
    world.evaluate("models:/late/2")
    world.compare("models:/late/2")
    kept = world.registry.kept["late", version.version]
    assert {"evaluation.json", "comparison.json"} == set(kept)
    assert "pass" == world.registry.version("late", "2").tags["cdml.verdict"]


def test_two_predictions_files_need_no_registry_no_model_and_no_journal(world):
    nobody = Untouchable()
    world.registry = world.journal = world.scorer = world.tables = nobody
    found = world.compare(world.predictions("better"), world.predictions("good"))
    assert PASS == found.verdict
    assert (None, 600) == (found.challenger.digest, found.data.rows)


def test_models_are_named_as_the_user_named_them_not_by_temporary_files():
    scratch = ScoredModel(model=ModelRef(uri="models:/late/2"), predictions=Path("/t/p.parquet"))

    with (
        pytest.raises(InputError, match=r"^3 rows are only in models:/late/2, and 2") as no,
        named_by_address(scratch, None),
    ):
        raise InputError("3 rows are only in /t/p.parquet, and 2 in mine.csv.", "Score them.")
    assert no.value.hint == "Score them."
