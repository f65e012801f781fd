import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdml.common.verdict import Verdict, worst

VERDICTS = st.sampled_from(Verdict)


def test_the_order_is_pass_warn_inconclusive_fail():
    assert ["pass", "warn", "inconclusive", "fail"] == sorted(
        (v.value for v in Verdict), key=lambda v: Verdict(v).severity
    )


def test_no_evidence_is_inconclusive():
    assert Verdict.INCONCLUSIVE is worst([])


def test_exit_codes_are_those_of_the_contract():
    assert {"pass": 0, "warn": 0, "inconclusive": 3, "fail": 1} == {
        v.value: v.exit_code for v in Verdict
    }


@pytest.mark.heavy
@given(parts=st.lists(VERDICTS, min_size=1), more=VERDICTS)
def test_more_evidence_never_makes_the_whole_better(parts, more):
    assert worst([*parts, more]).severity >= worst(parts).severity
