"""Evidence that cannot be used: the comment says so, and no older verdict stands for it."""

import pytest

from cdml.ci.code_host import PullRequest
from cdml.common.verdict import Verdict
from cdml.errors import InputError
from cdml.evidence.schema import ModelRef
from cdml.report.comment_policy import CommentPolicy
from cdml.report.publish import publish_report
from fakes.ci_run import FakeCiRun
from fakes.clock import FakeClock
from fakes.code_host import FakeCodeHost
from fakes.ports import FakePorts
from fakes.progress import FakeProgress
from support.evidence_builders import comparison, evaluation
from support.scenarios import SCENARIOS, configured, written

PULL = PullRequest(number=7, head="c" * 40)
OTHER = comparison(challenger=ModelRef(uri="m", digest="sha256:" + "0" * 64))


@pytest.fixture
def told(tmp_path):
    """Report some evidence, and give the code host whether or not it could be used."""

    def tell(*evidence, host, mode="always"):
        publish_report(
            configured(tmp_path),
            FakePorts(ci_run=host.run, code_host=host, clock=FakeClock(), progress=FakeProgress()),
            evidence=written(tmp_path / "evidence", *evidence),
            output=tmp_path / "out",
            policy=CommentPolicy(mode=mode, report_id="flights"),
        )

    return tell


@pytest.mark.parametrize(
    ("mode", "comments"), [("always", 1), ("changes", 1), ("failures", 1), ("off", 0)]
)
def test_it_is_told_where_the_verdict_would_be(told, mode, comments):
    host = FakeCodeHost(FakeCiRun(pull=PULL))

    with pytest.raises(InputError):
        told(evaluation(), OTHER, host=host, mode=mode)

    assert comments == len(host.comments)
    assert "evidence on different models" in host.run.summaries[0]


def test_it_takes_the_place_of_an_older_verdict(told):
    host = FakeCodeHost(FakeCiRun(pull=PULL))
    told(*SCENARIOS["pass"](), host=host)

    with pytest.raises(InputError):
        told(OTHER, host=host)

    [comment] = host.comments
    assert Verdict.FAIL == host.statuses[-1][1]
    assert comment.body.startswith("### ⏸️ Not judged: the evidence of the new flight-delays ")
    assert "- Run all stages on the same model and data" in comment.body


def test_the_exit_code_stays_where_nobody_may_comment(told):
    with pytest.raises(InputError, match="evidence on different models"):
        told(evaluation(), OTHER, host=FakeCodeHost(FakeCiRun(pull=PULL), refuses=True))
