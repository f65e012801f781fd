"""A warning that the last report had too is folded; one that is new is told."""

import pytest

from cdml.ci.code_host import PullRequest
from cdml.report.comment_policy import CommentPolicy
from cdml.report.in_progress import post_in_progress
from cdml.report.publish import publish_report
from fakes.ci_run import FakeCiRun
from fakes.clock import FakeClock
from fakes.code_host import FakeCodeHost
from fakes.ports import FakePorts
from fakes.progress import FakeProgress
from support.evidence_builders import (
    FAIL,
    WARN,
    comparison,
    data,
    evaluation,
    log_loss,
    passed_check,
)
from support.scenarios import configured, written

FOLD = "<summary>Warnings repeated from the last report: "


@pytest.fixture
def host():
    return FakeCodeHost(FakeCiRun(pull=PullRequest(number=7, head="c" * 40)))


@pytest.fixture
def told(tmp_path, host):
    """One run's report of drift in some columns; the comment is the answer."""

    def tell(run, *columns, verdict=WARN, begins=False, **psi):
        host.run.address = f"https://platform.test/runs/{run}"
        ports = FakePorts(
            ci_run=host.run, code_host=host, clock=FakeClock(), progress=FakeProgress()
        )
        loaded, policy = (
            configured(tmp_path),
            CommentPolicy(mode="always", report_id="flight-delays"),
        )
        if begins:
            post_in_progress(loaded, ports, policy)
        checks = [
            passed_check(
                name="drift",
                column=name,
                verdict=verdict,
                severity="warning",
                reason=f"PSI {psi.get(name, 0.4)}",
            )
            for name in columns
        ] or [passed_check()]
        found = data(*checks, verdict=verdict if columns else checks[0].verdict)
        publish_report(
            loaded,
            ports,
            evidence=written(tmp_path / "evidence", found, evaluation(), comparison()),
            output=tmp_path / "out",
            policy=policy,
        )
        return host.comments[0].body

    return tell


def test_the_first_report_unfolds_all(told):
    body = told(1, "temp", "dewp")

    assert FOLD not in body
    assert "\n- temp: PSI 0.4\n- dewp: PSI 0.4\n" in body


@pytest.mark.parametrize("begins", [False, True])
def test_the_next_folds_what_it_has_told_before_and_unfolds_what_is_new(told, begins):
    told(1, "temp")

    body = told(2, "temp", "dewp", begins=begins)

    before, fold, after = body.partition(f"{FOLD}1</summary>")
    assert fold
    assert "\n- dewp: PSI 0.4\n" in before
    assert "temp: PSI" not in before
    assert "\n- temp: PSI 0.4\n" in after


def test_a_figure_that_moved_is_told_anew(told):
    told(1, "temp")

    assert FOLD not in told(2, "temp", temp=0.9)


def test_the_same_run_tells_the_same_however_often_it_reports(told):
    told(1, "temp")
    second = told(2, "temp", "dewp", begins=True)

    assert second == told(2, "temp", "dewp")
    assert second == told(2, "temp", "dewp", begins=True)


def test_a_warning_that_was_gone_in_between_is_told_again(told):
    told(1, "temp")
    told(2)

    assert FOLD not in told(3, "temp")


def test_what_fails_is_never_folded(told):
    told(1, "temp", verdict=FAIL)

    assert FOLD not in told(2, "temp", verdict=FAIL)


def test_the_headline_still_says_that_there_are_warnings(told):
    told(1, "temp")

    assert told(2, "temp").startswith("### ⚠️ Passed with warnings: ")


def test_gates_that_only_warn_are_known_again_too(tmp_path, host):
    slow = log_loss(verdict=WARN, tier="advisory", reason="Log loss rose.")
    for run in (1, 2):
        host.run.address = f"https://platform.test/runs/{run}"
        publish_report(
            configured(tmp_path),
            FakePorts(ci_run=host.run, code_host=host, clock=FakeClock(), progress=FakeProgress()),
            evidence=written(
                tmp_path / "evidence", data(), evaluation(), comparison(slow, verdict=WARN)
            ),
            output=tmp_path / "out",
            policy=CommentPolicy(mode="always", report_id="flight-delays"),
        )

    assert f"{FOLD}1</summary>\n\n- Log loss rose.\n" in host.comments[0].body
