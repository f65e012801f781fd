"""Why a verdict is not a pass, in a headline's few words."""

from dataclasses import replace

import pytest

from cdml.evidence.schema import DecidingBound
from cdml.report.evidence_set import EvidenceSet
from cdml.report.headline import main_cause
from support.evidence_builders import (
    FAIL,
    INCONCLUSIVE,
    PASS,
    WARN,
    bound,
    compared,
    comparison,
    data,
    evaluation,
    log_loss,
    passed_check,
)


def why(*gates, bounds=(), verdict):
    return main_cause(
        EvidenceSet(
            data=None,
            evaluation=evaluation(*bounds, verdict=verdict),
            comparison=comparison(*gates, verdict=verdict),
            deployment=None,
            missing=(),
        )
    )


def recall(**said):
    return compared(**{"metric": "recall", "slice": {"carrier": "HA"}, "rows": 161, **said})


@pytest.mark.parametrize(
    ("gate", "expected"),
    [
        (
            recall(verdict=INCONCLUSIVE, rows_needed=2061),
            (
                "a regression in recall for carrier HA is not ruled out; about 1,900 more rows"
                " would settle it"
            ),
        ),
        (
            recall(verdict=INCONCLUSIVE, rows_needed=90, clusters=20),
            (
                "a regression in recall for carrier HA is not ruled out; about 70 more clusters"
                " would settle it"
            ),
        ),
        (recall(verdict=INCONCLUSIVE), "a regression in recall for carrier HA is not ruled out"),
        (
            log_loss(verdict=INCONCLUSIVE),
            "a regression in log loss is not ruled out",
        ),
        (
            recall(verdict=INCONCLUSIVE, slice=None, rule="min_improvement 0", rows_needed=100),
            "a sufficient improvement in recall is not proven",
        ),
        (
            recall(verdict=INCONCLUSIVE, difference=None),
            "recall for carrier HA could not be compared",
        ),
        (
            recall(verdict=FAIL, challenger=0.5, champion=0.61),
            "recall for carrier HA dropped (0.610 to 0.500)",
        ),
        (log_loss(verdict=FAIL, challenger=2.1, champion=0.4), "log loss rose (0.400 to 2.10)"),
        (
            recall(verdict=FAIL, rule="min_improvement 0.1", slice=None),
            "recall did not improve enough (0.893 to 0.910)",
        ),
        (
            compared(
                metric="own:score",
                verdict=FAIL,
                bound=DecidingBound(value=-1, against=0, confidence=0.95),
            ),
            "own:score got worse (0.893 to 0.910)",
        ),
    ],
)
def test_of_a_comparison(gate, expected):
    assert expected == why(compared(), gate, verdict=gate.verdict)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"verdict": FAIL, "value": 0.8}, "ROC AUC is 0.800, below 0.85"),
        ({"verdict": INCONCLUSIVE}, "ROC AUC may be below 0.85"),
        ({"verdict": WARN, "rule": "at_most 0.5"}, "ROC AUC is 0.910, above 0.5"),
        ({"verdict": INCONCLUSIVE, "value": None}, "ROC AUC could not be measured"),
    ],
)
def test_of_a_bound(said, expected):
    gate = bound(**said)

    assert expected == why(bounds=(gate,), verdict=gate.verdict)


def test_names_what_decides_for_all_rows_first_and_counts_the_rest():
    found = why(recall(verdict=FAIL), log_loss(verdict=FAIL), verdict=FAIL)

    assert "log loss rose (0.312 to 0.290); 1 more gate failed" == found


def test_is_silent_where_no_gate_decided():
    assert "" == why(verdict=PASS)
    assert "" == why(verdict=FAIL)  # the data did


PASSED = EvidenceSet(
    data=data(), evaluation=evaluation(), comparison=comparison(), deployment=None, missing=()
)


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (FAIL, "the data check not_null of dep_delay failed; 1 more data check failed"),
        (WARN, "the data check not_null of dep_delay warned; 1 more data check warned"),
        (
            INCONCLUSIVE,
            (
                "the data check not_null of dep_delay could not be decided; 1 more data check could"
                " not be decided"
            ),
        ),
    ],
)
def test_where_only_the_data_decides_its_worst_check_is_the_cause(verdict, expected):
    checks = data(passed_check(verdict=verdict), passed_check(verdict=verdict), verdict=verdict)

    assert expected == main_cause(replace(PASSED, data=checks))


def test_what_the_data_breaks_is_counted_beside_a_gate():
    broken = data(passed_check(verdict=FAIL), verdict=FAIL)
    gate = comparison(log_loss(verdict=FAIL, challenger=2.1, champion=0.4), verdict=FAIL)

    found = main_cause(replace(PASSED, data=broken, comparison=gate))

    assert found == "log loss rose (0.400 to 2.10); 1 more data check failed"


def test_a_stage_that_left_nothing_is_the_cause():
    missing = ("evaluate-model", "compare-to-champion")

    found = main_cause(replace(PASSED, evaluation=None, comparison=None, missing=missing))

    assert found == "evaluate-model and compare-to-champion left no evidence"


def test_where_nothing_else_decides_the_stage_says_why():
    held = comparison(champion=None, verdict=INCONCLUSIVE, reason="There is no champion.")

    assert main_cause(replace(PASSED, comparison=held)) == "there is no champion"
