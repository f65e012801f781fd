"""Gates on a metric of the user's own."""

import pytest

from cdml.common.verdict import Verdict
from cdml.errors import InputError
from cdml.evidence import store
from cdml.evidence.schema import Comparison, Evaluation
from cdml.gates.rejudge import recompute
from fakes.judging import World

PASS, WARN, INCONCLUSIVE, FAIL = Verdict
CODE = """
def profit(y_true, y_pred):
    return (y_pred & y_true).mean() - 0.5 * (y_pred & ~y_true).mean()

def cost(y_true, y_pred):
    return 3.0 - profit(y_true, y_pred)

def fickle(y_true, y_pred):
    return profit(y_true, y_pred) if len(y_true) > 400 else float("nan")
"""
GATE = '{metric: "own:profit", max_regression: 0.05}'


@pytest.fixture
def world(tmp_path):
    found = World(tmp_path)
    found.gates = GATE
    (tmp_path / "own.py").write_text(CODE, encoding="utf-8")
    return found


def test_two_predictions_files_are_compared_on_all_rows_and_every_slice(world):
    world.registry = world.scorer = world.tables = world.journal = None

    found = world.compare(world.predictions("better"), world.predictions("good"))

    assert PASS == found.verdict
    assert [None, {"carrier": "AA"}, {"carrier": "UA"}, {"carrier": "HA"}] == [
        gate.slice for gate in found.gates
    ]
    for gate in found.gates:
        assert "bootstrap" == gate.difference.method
        assert gate.difference.low < gate.difference.estimate < gate.difference.high
    assert found.gates[0].reason.startswith("own:profit rose from")


def test_a_worse_model_fails(world):
    found = world.compare(world.predictions("weak"), world.predictions("better"))

    assert FAIL == found.verdict
    assert "own:profit fell from" in found.reason


def test_smaller_may_be_better(world):
    world.gates = '{metric: "own:cost", max_regression: 0.05, greater_is_better: false}'

    found = world.compare(world.predictions("weak"), world.predictions("better"))

    assert FAIL == found.verdict
    assert "own:cost rose from" in found.reason


def test_a_value_has_an_interval_and_is_held_against_bounds(world):
    world.gates = '{metric: "own:profit", at_least: 0.1, at_most: 0.2}'

    found = world.evaluate(world.model("better"))

    values = [value for value in found.metrics if value.metric == "own:profit"]
    assert 4 == len(values)
    assert all(v.interval.low < v.value < v.interval.high for v in values)
    assert [PASS, FAIL] == [gate.verdict for gate in found.gates]


def test_the_whole_gate_measures_it(world):
    world.gates = '{metric: "own:profit", at_least: 0.1, max_regression: 0.05}'
    world.champion("good")

    found = world.gate(world.model("better"))

    assert PASS == found.evaluation.verdict == found.comparison.verdict


def test_a_first_model_is_held_against_its_bounds_on_all_rows(world):
    world.gates = '{metric: "own:profit", at_least: 0.1}'

    found = world.compare(world.predictions("better"), "none")

    assert PASS == found.verdict
    assert "own:profit is" in found.reason
    assert [1] == [job.parts for job in world.measurer.jobs]


def test_the_verdict_can_be_recomputed_from_the_evidence(world):
    world.gates = '{metric: "own:profit", at_least: 0.1, max_regression: 0.05}'
    world.champion("good")
    world.gate(world.model("better"))
    evidence = (
        store.read_evidence(world.output, Evaluation),
        store.read_evidence(world.output, Comparison),
    )
    measured = len(world.measurer.jobs)

    assert PASS == recompute(*evidence, world.load().config).verdict
    world.gates = '{metric: "own:profit", at_least: 0.9, min_improvement: 0.0}'
    assert FAIL == recompute(*evidence, world.load().config).verdict
    assert measured == len(world.measurer.jobs)


def test_no_number_on_a_slice_never_passes(world):
    world.gates = '{metric: "own:fickle", max_regression: 0.9}'

    found = world.compare(world.predictions("better"), world.predictions("good"))

    assert INCONCLUSIVE == found.verdict
    judged = {str(gate.slice): gate.verdict for gate in found.gates if gate.judged}
    assert {"None": PASS, "{'carrier': 'AA'}": INCONCLUSIVE} == {
        name: judged[name] for name in ("None", "{'carrier': 'AA'}")
    }
    assert "is not a finite number on these rows" in found.reason


@pytest.mark.parametrize("metric", ["own:nothing", "nowhere:profit"])
def test_a_function_that_is_not_there_is_an_input_error(world, metric):
    world.gates = f'{{metric: "{metric}", max_regression: 0.05}}'

    with pytest.raises(InputError, match=metric):
        world.compare(world.predictions("better"), world.predictions("good"))
    assert store.read_evidence(world.output, Comparison) is None
