"""Why a verdict is not a pass, in a headline's few words."""

import pytest

from cdml.evidence.models import DecidingBound
from cdml.report.cause import cause
from cdml.report.gathered import Gathered
from pieces import FAIL, INCONCLUSIVE, PASS, WARN, bound, compared, comparison, evaluation, log_loss


def why(*gates, bounds=(), verdict):
    return cause(
        Gathered(
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
            "recall for carrier HA may have dropped; about 1,900 more rows would tell",
        ),
        (recall(verdict=INCONCLUSIVE), "recall for carrier HA may have dropped"),
        (
            log_loss(verdict=INCONCLUSIVE),
            "log loss may have risen",
        ),
        (
            recall(verdict=INCONCLUSIVE, slice=None, rule="min_improvement 0", rows_needed=100),
            "recall may not have improved enough",
        ),
        (
            recall(verdict=INCONCLUSIVE, difference=None),
            "recall for carrier HA could not be compared",
        ),
        (
            recall(verdict=FAIL, challenger=0.5, champion=0.61),
            "recall for carrier HA dropped (0.6100 to 0.5000)",
        ),
        (log_loss(verdict=FAIL, challenger=2.1, champion=0.4), "log loss rose (0.4000 to 2.1000)"),
        (
            recall(verdict=FAIL, rule="min_improvement 0.1", slice=None),
            "recall did not improve enough (0.8932 to 0.9101)",
        ),
        (
            compared(
                metric="own:score",
                verdict=FAIL,
                bound=DecidingBound(value=-1, against=0, confidence=0.95),
            ),
            "own:score got worse (0.8932 to 0.9101)",
        ),
    ],
)
def test_of_a_comparison(gate, expected):
    assert expected == why(compared(), gate, verdict=gate.verdict)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"verdict": FAIL, "value": 0.8}, "ROC AUC is 0.8000, below 0.85"),
        ({"verdict": INCONCLUSIVE}, "ROC AUC may be below 0.85"),
        ({"verdict": WARN, "rule": "at_most 0.5"}, "ROC AUC is 0.9101, above 0.5"),
        ({"verdict": INCONCLUSIVE, "value": None}, "ROC AUC could not be measured"),
    ],
)
def test_of_a_bound(said, expected):
    gate = bound(**said)

    assert expected == why(bounds=(gate,), verdict=gate.verdict)


def test_names_what_decides_for_all_rows_first_and_counts_the_rest():
    found = why(recall(verdict=FAIL), log_loss(verdict=FAIL), verdict=FAIL)

    assert "log loss rose (0.3121 to 0.2903) (and 1 more)" == found


def test_is_silent_where_no_gate_decided():
    assert "" == why(verdict=PASS)
    assert "" == why(verdict=FAIL)  # the data did
