"""Evidence of a pull request from a fork: told, never trusted."""

import io
import json
import tempfile
import zipfile
from pathlib import Path

import pytest

from cdml.errors import InputError
from cdml.evidence.failure import Failure
from cdml.evidence.store import FILES, dump_evidence
from cdml.gates.rules import policy_ref
from cdml.report.comment_policy import CommentPolicy
from cdml.report.publish import publish_report
from fakes.ci_run import FakeCiRun
from fakes.clock import FakeClock
from fakes.code_host import FakeCodeHost
from fakes.ports import FakePorts
from fakes.progress import FakeProgress
from support.evidence_builders import BY, POLICY, compared, comparison, data, deployment, evaluation
from support.scenarios import CONFIG, SCENARIOS, configured, with_cases

COMMIT = BY.commit
HEAD, _, _ = CONFIG.partition("gates:")
ONE_GATE = HEAD + "gates: [{metric: roc_auc, at_least: 0.85, max_regression: 0.005}]\n"
CUSTOM = HEAD + "gates: [{metric: 'own:profit', max_regression: 0.005}]\n"


def packed(*evidence, **files):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as made:
        for one in evidence:
            made.writestr(FILES[type(one)], dump_evidence(one))
        for name, text in files.items():
            made.writestr(f"{name}.json", text)
    return content.getvalue()


@pytest.fixture
def told(tmp_path):
    """Report an artifact, and give the comment."""

    def tells(content, head=COMMIT, host=None, config=CONFIG):
        host = host or FakeCodeHost()
        host.run.head, host.on = head, 8
        host.run.artifacts = {} if content is None else {"e": content}
        publish_report(
            configured(tmp_path, config),
            FakePorts(ci_run=host.run, code_host=host, clock=FakeClock(), progress=FakeProgress()),
            evidence=tmp_path / "nowhere",
            output=tmp_path / "out",
            policy=CommentPolicy(mode="always", report_id="flights"),
            artifact="e",
        )
        return host.comments[0].body

    return tells


def test_its_verdict_is_told_with_what_it_is_worth(told):
    body = told(packed(*SCENARIOS["fail"]()))

    assert body.startswith("### ❌ Rejected: flight-delays version 3")
    assert "Its author could have made them up" in body


def test_its_cases_are_named_without_the_links_that_it_brings(told):
    body = told(packed(*with_cases(SCENARIOS["fail"]())))

    assert "refund-017" in body
    assert "tool.test" not in body


def test_a_run_that_left_nothing_judged_nothing(told):
    assert told(None).startswith("### ⏸️ Not judged")
    assert told(packed()).startswith("### ⏸️ Not judged")


def test_a_run_that_was_stopped_judged_nothing_whatever_is_there(told):
    host = FakeCodeHost(FakeCiRun(ended="was cancelled"))

    body = told(packed(*SCENARIOS["pass"]()), host=host)

    assert body.startswith("### ⏸️ Not judged")
    assert "The run that should have judged it was cancelled" in body


def test_an_error_crosses_over_as_text(told):
    failure = Failure(
        command="gate", exit_code=4, message="<b>There</b> is @none.", hint="", produced=BY
    )
    body = told(packed(**{"gate.error": dump_evidence(failure)}))

    assert body.startswith("### ⏸️ Not judged: gate stopped")
    assert "is &#64;" in body
    assert "<b>" not in body
    assert "Its author could have made them up" in body


def test_an_error_of_another_commit_is_refused(told):
    failure = Failure(command="gate", exit_code=4, produced=BY)

    with pytest.raises(InputError, match="evidence for commit"):
        told(packed(**{"gate.error": dump_evidence(failure)}), head="d" * 40)


def test_a_deployment_that_it_claims_is_not_told(told):
    assert told(packed(deployment())).startswith("### ⏸️ Not judged")


def test_gates_of_its_own_are_pointed_out_with_what_the_branchs_say(told):
    lenient = POLICY.model_copy(update={"gates": ("roc_auc: at_least 0.1",)})
    body = told(packed(data(), evaluation(policy=lenient), comparison(policy=lenient)))

    assert "was not judged by this branch's cdml.yaml." in body
    assert "Under the original gates, the verdict is" in body
    assert "inconclusive" in body


def test_evidence_of_another_commit_is_refused(told):
    with pytest.raises(InputError, match="commit cccccccccccc, but the run judged dddddddddddd"):
        told(packed(*SCENARIOS["pass"]()), head="d" * 40)


def policy_of(config):
    with tempfile.TemporaryDirectory() as folder:
        return policy_ref(configured(Path(folder), config).config)


def kept(lower=0.0157):
    """Evidence by the one gate of this branch, its bound as far as that."""
    bound = compared().bound.model_copy(update={"lower": lower, "upper": 0.9})
    judged = {"policy": policy_of(ONE_GATE)}
    return data(), evaluation(**judged), comparison(compared(bound=bound), **judged)


def test_a_verdict_that_our_own_gates_bear_out_is_told_as_it_is(told):
    body = told(packed(*kept()), config=ONE_GATE)

    assert body.startswith("### ✅ Passed: flight-delays version 3 may replace the champion")
    assert "this branch's" not in body


@pytest.mark.parametrize("lower", [-0.006, None])
def test_a_verdict_that_its_figures_do_not_bear_out_is_not_told_as_passed(told, lower):
    body = told(packed(*kept(lower)), config=ONE_GATE)

    assert body.startswith("### ⏸️ Held: flight-delays version 3 is not proven good enough to ")
    assert "; its figures do not pass the gates of this branch\n" in body
    assert "Under the gates of this branch's cdml.yaml, the verdict is inconclusive" in body


def test_a_failing_value_that_is_called_a_pass_is_a_rejection(told):
    value = evaluation().metrics[0].model_copy(update={"value": 0.5})
    _, judged, compared_ = kept()
    lie = judged.model_copy(update={"metrics": (value,)})

    body = told(packed(data(), lie, compared_), config=ONE_GATE)

    assert body.startswith("### ❌ Rejected: flight-delays version 3 must not replace")


def test_a_pass_without_any_gate_is_held(told):
    nothing = {"gates": ()}
    bare = [one.model_copy(update=nothing) for one in (evaluation(), comparison())]

    body = told(packed(data(), *bare), config=CUSTOM)

    assert body.startswith("### ⏸️ Held")


def test_a_metric_of_our_own_is_judged_again_by_its_figures(told):
    policy = {"policy": policy_of(CUSTOM)}
    gate = compared(metric="own:profit").model_dump()
    gate["bound"] |= {"lower": 0.0157, "upper": 0.9}

    body = told(
        packed(data(), evaluation(**policy), comparison(gate, **policy)),
        config=CUSTOM,
    )

    assert body.startswith("### ✅ Passed")


def test_a_verdict_does_not_outlive_the_commit_whose_evidence_cannot_be_used(told):
    host = FakeCodeHost()
    told(packed(*kept()), host=host, config=ONE_GATE)
    assert host.comments[0].body.startswith("### ✅ Passed")

    with pytest.raises(InputError):
        told(packed(evaluation="[]"), host=host)

    [comment] = host.comments
    assert comment.body.startswith("### ⏸️ Not judged: the evidence of the new flight-delays ")
    assert "is not evidence of this stage" in comment.body
    assert comment.body.rstrip("\n") == host.run.summaries[-1].rstrip("\n")


NUMBER = json.loads(dump_evidence(evaluation()))
HUGE = json.dumps(NUMBER).replace('"rows": 166668', f'"rows": {"9" * 5000}', 1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "[" * 3000,
        json.dumps({**NUMBER, "extra": 1}),
        json.dumps({**NUMBER, "verdict": "<script>"}),
        json.dumps({**NUMBER, "isolation": "x" * 10_001}),
        HUGE,
        '{"schema": "cdml.evaluation/1", "verdict": NaN}',
        "\ud800".encode("utf-16-le", "surrogatepass"),
    ],
)
def test_what_is_not_of_the_schema_is_an_input_error(told, text):
    with pytest.raises(InputError, match="not evidence of this stage"):
        told(packed(evaluation=text))


def test_numbers_that_nobody_can_write_are_not_written(told):
    document = json.loads(dump_evidence(comparison()))
    document["gates"][0]["slice"] = document["gates"][0]["criterion"]["slice"] = {"a": 0}
    text = json.dumps(document).replace('{"a": 0}', f'{{"a": {"9" * 4000}, "b": NaN}}')

    assert "b = nan" in told(packed(*SCENARIOS["pass"]()[:2], comparison=text))
