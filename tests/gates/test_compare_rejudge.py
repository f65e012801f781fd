"""The verdict once more from the figures in the evidence, under another configuration."""

import pytest

from cdml.common.verdict import Verdict
from cdml.gates.rejudge import recompute
from fakes.judging import World

PASS, WARN, INCONCLUSIVE, FAIL = Verdict
GATES = [
    "{metric: accuracy, at_least: 0.5, max_regression: 0.05}",
    "{metric: roc_auc, max_regression: 0.02, slices: {max_regression: 0.1}}",
    "{metric: log_loss, max_regression: 5%, slices: {mode: require, max_regression: 20%}}",
    "{metric: recall, at_least: 0.99, min_improvement: 0.01, tier: advisory}",
    "{metric: f1, max_regression: 0.0001}",
    "{metric: brier, max_regression: 0.0, min_improvement: 10%}",
]


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def judged(world, challenger="better", champion="good"):
    """Both stages' evidence."""
    world.champion(champion)
    model = world.model(challenger)
    return world.evaluate(model), world.compare(model)


def again(world, evidence, gates=None, policy=None, config=None):
    """The verdict under other gates, another policy or another file."""
    world.gates = world.gates if gates is None else gates
    world.policy = world.policy if policy is None else policy
    world.config = world.config if config is None else config
    return recompute(*evidence, world.load().config)


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize(
    ("challenger", "champion"),
    [("better", "weak"), ("noisy", "good"), ("sly", "weak"), ("weak", "better")],
)
@pytest.mark.parametrize("policy", ["min_rows: 20", "min_rows: 100, on_inconclusive: warn"])
def test_the_same_gates_give_the_same_verdict(world, gate, challenger, champion, policy):
    world.gates, world.policy = gate, policy
    evaluation, comparison = judged(world, challenger, champion)
    found = again(world, (evaluation, comparison))
    assert max(evaluation.verdict, comparison.verdict, key=lambda v: v.severity) == found.verdict
    assert (found.verdict is PASS) == (found.reasons == ())


@pytest.mark.parametrize(
    ("challenger", "margin", "verdict"),
    [("better", 0.2, PASS), ("better", 0.0, PASS), ("weak", 0.01, FAIL), ("weak", 0.9, PASS)],
)
def test_another_margin_is_judged_by_the_bounds(world, challenger, margin, verdict):
    evidence = judged(world, challenger)
    found = again(world, evidence, f"{{metric: accuracy, max_regression: {margin}}}")
    assert verdict == found.verdict


def test_a_looser_gate_of_the_pull_request_does_not_deploy(world):
    world.gates = "{metric: accuracy, max_regression: 0.9, at_least: 0.01}"
    evidence = judged(world, "weak", "better")
    assert PASS == again(world, evidence).verdict
    found = again(world, evidence, "{metric: accuracy, max_regression: 0.01}")
    assert FAIL == found.verdict
    assert "Accuracy" in found.reasons[0]


@pytest.mark.parametrize(
    ("gates", "policy"),
    [
        ("{metric: accuracy, max_regression: 0.05}", "confidence: 0.99"),
        ("{metric: accuracy, max_regression: 5%}", ""),
        ("{metric: accuracy, max_regression: 0.05, min_improvement: 0}", ""),
        ("{metric: f1, max_regression: 0.05}", ""),
        ("{metric: latency_p95_ms, at_most: 5, max_regression: 1}", ""),
        ("{metric: matthews_corrcoef, at_least: 0.1}", ""),
        ("", ""),
    ],
)
def test_what_the_evidence_has_not_measured_is_inconclusive(world, gates, policy):
    evidence = judged(world)
    found = again(world, evidence, gates, policy)
    assert INCONCLUSIVE == found.verdict
    assert found.reasons


def test_what_is_missing_is_not_forgiven_by_a_warning_policy(world):
    evidence = judged(world)
    gates = "{metric: f1, max_regression: 0.05}"
    assert INCONCLUSIVE == again(world, evidence, gates, "on_inconclusive: warn").verdict


def test_no_evidence_is_inconclusive(world):
    evaluation, comparison = judged(world)
    world.gates = "{metric: accuracy, at_least: 0.1, max_regression: 0.05}"
    for evidence in ((None, None), (None, comparison), (evaluation, None)):
        assert INCONCLUSIVE == again(world, evidence).verdict


@pytest.mark.parametrize(
    ("written", "instead"),
    [("positive: true", "positive: false"), ("key: [id]", "key: [id, carrier]")],
)
def test_figures_about_another_question_are_no_answer(world, written, instead):
    world.gates = "{metric: accuracy, max_regression: 0.9}"
    evidence = judged(world)
    assert PASS == again(world, evidence).verdict
    found = again(world, evidence, config=world.config.replace(written, instead))
    assert INCONCLUSIVE == found.verdict
    assert "does not match cdml.yaml" in found.reasons[0]


def test_a_slice_column_that_was_not_looked_at_is_inconclusive(world):
    evidence = judged(world)
    config = world.config.replace("[carrier]", "[carrier, origin]")
    found = again(world, evidence, config=config)
    assert INCONCLUSIVE == found.verdict
    assert "origin" in found.reasons[0]


def test_bounds_are_judged_by_the_figures_and_not_by_their_verdicts(world):
    world.gates = "{metric: roc_auc, at_least: 0.1}"
    evidence = judged(world)
    assert FAIL == again(world, evidence, "{metric: roc_auc, at_least: 0.9999}").verdict


def test_a_collapsed_slice_stays_a_failure(world):
    world.gates = "{metric: roc_auc, max_regression: 0.05}"
    world.policy = "min_rows: 20"
    evidence = judged(world, "sly", "weak")
    assert FAIL == again(world, evidence).verdict
    assert FAIL != again(world, evidence, policy="min_rows: 61").verdict


@pytest.mark.parametrize(
    ("metric", "loose"), [("accuracy", 0.9), ("roc_auc", 0.45), ("f1", 0.9), ("log_loss", 0.69)]
)
def test_a_tighter_margin_never_helps(world, metric, loose):
    world.gates = f"{{metric: {metric}, max_regression: 0.3}}"
    world.policy = "min_rows: 20"
    evidence = judged(world, "noisy")
    verdicts = [
        again(world, evidence, f"{{metric: {metric}, max_regression: {margin}}}").verdict
        for margin in (loose, 0.3, 0.1, 0.05, 0.01, 0.0)
    ]
    assert PASS == verdicts[0]
    assert verdicts == sorted(verdicts, key=lambda verdict: verdict.severity)


@pytest.mark.parametrize("metric", ["accuracy", "roc_auc", "f1", "log_loss"])
@pytest.mark.parametrize("challenger", ["noisy", "weak"])
def test_another_margin_is_judged_as_if_it_had_been_asked_for(world, metric, challenger):
    def gate(margin):
        return f"{{metric: {metric}, max_regression: {margin}, slices: false}}"

    margins = (0.0, 0.02, 0.2, 0.35, 0.45)
    judgements = {}
    world.champion("good")
    for margin in margins:
        world.gates = gate(margin)
        model = world.model(challenger)
        judgements[margin] = world.evaluate(model), world.compare(model)
    direct = {margin: comparison.verdict for margin, (_, comparison) in judgements.items()}
    for evidence in judgements.values():
        found = {margin: again(world, evidence, gate(margin)).verdict for margin in margins}
        assert direct == found


def test_the_champion_itself_passes(world):
    world.champion("good")
    evidence = world.evaluate(world.model("good")), world.compare(world.model("good"))
    assert PASS == again(world, evidence).verdict


@pytest.mark.parametrize(
    ("gates", "policy", "verdict"),
    [
        ("{metric: accuracy, at_least: 0.5, max_regression: 0.01}", "", PASS),
        ("{metric: accuracy, max_regression: 0.01}", "", INCONCLUSIVE),
        ("{metric: accuracy, at_least: 0.5}", "first_model: hold", INCONCLUSIVE),
    ],
)
def test_a_first_model_is_decided_as_the_deployed_policy_says(world, gates, policy, verdict):
    evidence = world.evaluate(world.model("good")), world.compare(world.model("good"))
    assert verdict == again(world, evidence, gates, policy).verdict


def test_the_worst_reason_comes_first(world):
    world.gates = "{metric: accuracy, max_regression: 0.01}"
    evidence = judged(world, "weak", "better")
    gates = "{metric: f1, max_regression: 0.1}, {metric: accuracy, max_regression: 0.01}"
    assert "Accuracy fell" in again(world, evidence, gates).reasons[0]
