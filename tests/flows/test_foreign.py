"""Evidence of a pull request from a fork: told, never trusted."""

import io
import json
import zipfile

import pytest

from cdml.errors import InputError
from cdml.evidence.store import FILES, dump
from cdml.flows.report import report
from cdml.flows.talking import Talk
from fakes.clock import FakeClock
from fakes.platform import FakePlatform
from fakes.ports import FakePorts
from fakes.progress import FakeProgress
from pieces import BY, POLICY, comparison, data, deployment, evaluation
from scenarios import SCENARIOS, configured

COMMIT = BY.commit


def packed(*evidence, **files):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as made:
        for one in evidence:
            made.writestr(FILES[type(one)], dump(one))
        for name, text in files.items():
            made.writestr(f"{name}.json", text)
    return content.getvalue()


@pytest.fixture
def told(tmp_path):
    """Report an artifact, and give the comment."""

    def tells(content, head=COMMIT, platform=None):
        platform = platform or FakePlatform()
        platform.head, platform.on = head, 8
        platform.artifacts = {} if content is None else {"e": content}
        report(
            configured(tmp_path),
            FakePorts(platform=platform, clock=FakeClock(), progress=FakeProgress()),
            evidence=tmp_path / "nowhere",
            output=tmp_path / "out",
            talk=Talk(mode="always", report_id="flights"),
            artifact="e",
        )
        return platform.comments[0].body

    return tells


def test_its_verdict_is_told_with_what_it_is_worth(told):
    body = told(packed(*SCENARIOS["fail"]()))

    assert body.startswith("### ❌ Rejected: flight-delays version 3")
    assert "who wrote the code could have written them too" in body


def test_a_run_that_left_nothing_judged_nothing(told):
    assert told(None).startswith("### ⏸️ Not judged")
    assert told(packed()).startswith("### ⏸️ Not judged")


def test_a_deployment_that_it_claims_is_not_told(told):
    assert told(packed(deployment())).startswith("### ⏸️ Not judged")


def test_gates_of_its_own_are_pointed_out_with_what_the_branchs_say(told):
    lenient = POLICY.model_copy(update={"gates": ("roc_auc: at_least 0.1",)})
    body = told(packed(data(), evaluation(policy=lenient), comparison(policy=lenient)))

    assert "was judged by other gates than cdml.yaml has here." in body
    assert "By those that were there, its figures are" in body
    assert "inconclusive" in body


def test_evidence_of_another_commit_is_refused(told):
    with pytest.raises(InputError, match="evidence of commit cccccccccccc where dddddddddddd"):
        told(packed(*SCENARIOS["pass"]()), head="d" * 40)


def test_a_verdict_does_not_outlive_the_commit_whose_evidence_cannot_be_used(told):
    platform = FakePlatform()
    assert told(packed(*SCENARIOS["pass"]()), platform=platform).startswith("### ✅ Passed")

    with pytest.raises(InputError):
        told(packed(evaluation="[]"), platform=platform)

    [comment] = platform.comments
    assert comment.body.startswith("### ⏸️ Not judged: the evidence of the new flight-delays ")
    assert "is not evidence of this stage" in comment.body
    assert comment.body.rstrip("\n") == platform.summaries[-1].rstrip("\n")


NUMBER = json.loads(dump(evaluation()))
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
    document = json.loads(dump(comparison()))
    document["gates"][0]["slice"] = {"a": 0}
    text = json.dumps(document).replace('{"a": 0}', f'{{"a": {"9" * 4000}, "b": NaN}}')

    assert "b = nan" in told(packed(*SCENARIOS["pass"]()[:2], comparison=text))
