"""What decided stands first, each metric has one line, and the last line says what to do."""

from dataclasses import replace

import pytest

from cdml.evidence.schema import DecidingBound, ModelRef
from cdml.report.evidence_set import EvidenceSet
from cdml.report.formats import comment
from cdml.report.formats.console import console_lines
from cdml.report.next_step import next_step
from cdml.report.sections import MOST_OPEN, sections
from cdml.report.view import lay_out
from support.evidence_builders import (
    CHALLENGER,
    FAIL,
    INCONCLUSIVE,
    PASS,
    WARN,
    bound,
    compared,
    comparison,
    data,
    deployment,
    evaluation,
    log_loss,
    passed_check,
)

CROSSING = DecidingBound(value=0.01, against=0.0031, confidence=0.95, lower=-0.04, upper=0.01)


def found(*gates, bounds=(), checks=(), verdict=PASS, **said):
    """Evidence of these gates; a stage's verdict is the worst of its own."""
    worst = max((check.verdict for check in checks), key=list(PASS.__class__).index, default=PASS)
    return EvidenceSet(
        data=data(*checks, verdict=worst),
        evaluation=evaluation(*bounds, verdict=verdict),
        comparison=comparison(*gates, verdict=verdict, **said),
        deployment=None,
        missing=(),
    )


def shown(*gates, **said):
    return lay_out(found(*gates, **said), "flights", run="https://ci.test/9")


def carrier(name, **said):
    return log_loss(slice={"carrier": name}, rows=161, **said)


def test_a_metric_has_one_line_for_its_bound_and_its_comparisons():
    told = sections(shown(compared(), compared(rule="min_improvement 0"), log_loss()))

    assert [("roc_auc", 3), ("log_loss", 1)] == [
        (one.metric, len(one.gates)) for one in told.overall
    ]


def test_figures_of_two_stages_that_disagree_do_not_share_a_line():
    told = sections(shown(compared(challenger=0.95)))

    assert ["0.910", "0.950"] == [one.challenger for one in told.overall]


def test_what_failed_comes_before_what_is_open_and_all_rows_before_slices():
    open_ = log_loss(verdict=INCONCLUSIVE)
    failed = compared(verdict=FAIL)
    told = sections(shown(carrier("HA", verdict=FAIL), open_, failed, verdict=FAIL))

    expected = [("roc_auc", ""), ("log_loss", "carrier = HA"), ("log_loss", "")]
    assert expected == [(one.metric, one.slice) for one in told.decided]
    assert ((), ()) == (told.overall, told.slices)


def test_where_nothing_decided_against_the_model_its_metrics_stand_unfolded():
    passed, warned = (comment.comment(shown(compared(), verdict=one)) for one in (PASS, WARN))

    for body in (passed, warned):
        assert body.index("<code>roc&#95;auc</code>") < body.index("<details>")


@pytest.mark.parametrize("verdict", [FAIL, INCONCLUSIVE])
def test_what_decided_is_unfolded_right_after_the_headline_and_the_rest_is_folded(verdict):
    body = comment.comment(shown(compared(), carrier("HA", verdict=verdict), verdict=verdict))

    unfolded, folded = body.split("<details>", 1)
    assert unfolded.split("\n")[4].startswith("| carrier = HA, 161 rows<br>")
    assert "roc&#95;auc" not in unfolded
    assert "roc&#95;auc" in folded


def test_of_very_many_that_failed_the_worst_are_unfolded_and_none_is_lost():
    many = [carrier(f"C{number}", verdict=FAIL) for number in range(MOST_OPEN + 5)]
    told = sections(shown(*many, verdict=FAIL))

    assert (MOST_OPEN, 5) == (len(told.decided), len(told.slices))


def test_a_check_that_failed_is_unfolded_and_one_that_warns_is_not():
    checks = passed_check(verdict=FAIL), passed_check(name="drift", verdict=WARN)
    told = sections(shown(compared(), checks=checks))

    assert (["not_null"], ["drift"]) == (
        [row.name for row in told.broken],
        [row.name for row in told.checks],
    )


def test_a_pass_without_proof_is_told_apart_everywhere():
    told = shown(log_loss(), carrier("VX", bound=CROSSING), carrier("UA"))

    assert "1 of 2 passed, no regression proven in 1" == told.slices_summary
    body, page, terminal = (
        comment.comment(told),
        comment.page(told, evaluation().produced.time),
        "\n".join(console_lines(told, lambda text, _: text)),
    )
    assert "➖ no regression proven: max&#95;regression 1%" in body
    assert '<span class="verdict unproven">no regression proven</span>' in page
    for text in (body, page, terminal):
        assert "slices: all" not in text.lower()
        assert "carrier = VX" in text


def test_the_summary_unfolds_what_the_comment_folds():
    told = shown(compared(), carrier("HA", verdict=FAIL), carrier("UA"), verdict=FAIL)

    folds = comment.comment(told).count("<details>")
    assert folds
    assert (0, folds) == (
        comment.summary(told).count("<details>"),
        comment.summary(told).count("<details open>"),
    )


def test_slices_that_are_all_proven_all_passed():
    assert "all 2 passed" == shown(carrier("VX"), carrier("UA")).slices_summary


VERSION = ModelRef(uri="models:/flight-delays/5", version="5", digest=CHALLENGER)
FOLDER = ModelRef(uri="models/new", digest=CHALLENGER)


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (
            found(registered=VERSION),
            (
                "merge. The deploy job then ships version 5; by hand:"
                " cdml deploy --model models:/flight-delays/5"
            ),
        ),
        (
            found(registered=VERSION.model_copy(update={"uri": "models:/x;rm -rf/5"})),
            "merge. The deploy job then ships version 5. ",
        ),
        (found(), "merge. Then deploy it: cdml deploy --model models:/flight-delays/3"),
        (
            found(challenger=FOLDER),
            "merge. To deploy it, register a version: cdml gate --register NAME. ",
        ),
        (
            found(challenger=ModelRef(uri="new.parquet")),
            ("merge. cdml has only its predictions: deploy it with your platform's own step. "),
        ),
        (
            found(champion=ModelRef(uri="m", digest=CHALLENGER)),
            "merge. The champion stays. ",
        ),
        (
            found(log_loss(verdict=WARN), verdict=WARN, registered=VERSION),
            (
                "read the warnings, and merge if they are acceptable. The deploy job then ships"
                " version 5; by hand: cdml deploy --model models:/flight-delays/5"
            ),
        ),
        (
            found(carrier("HA", verdict=FAIL), verdict=FAIL),
            (
                "look at carrier = HA (161 rows), where log loss breaks max_regression 1%, then"
                " push a better model. "
            ),
        ),
        (
            found(carrier("HA", verdict=FAIL), compared(verdict=FAIL), verdict=FAIL),
            "find out why ROC AUC breaks max_regression 0.005, then push a better model. ",
        ),
        (
            found(checks=(passed_check(verdict=FAIL), passed_check(verdict=FAIL))),
            (
                "fix the data, or the contract if it is wrong: not_null of dep_delay fails (and 1"
                " more). "
            ),
        ),
        (
            found(carrier("HA", verdict=INCONCLUSIVE, rows_needed=2061), verdict=INCONCLUSIVE),
            (
                "add about 1,900 rows of carrier = HA to data.evaluation to settle log loss for"
                " carrier HA (max_regression 1%). "
            ),
        ),
        (
            found(log_loss(verdict=INCONCLUSIVE), verdict=INCONCLUSIVE),
            (
                "improve the model, or change that gate: more rows will not settle log loss"
                " (max_regression 1%). "
            ),
        ),
        (
            found(log_loss(verdict=INCONCLUSIVE, difference=None), verdict=INCONCLUSIVE),
            "fix what kept log loss from being compared, and run the job again. ",
        ),
        (
            found(bounds=(bound(verdict=INCONCLUSIVE),), verdict=INCONCLUSIVE),
            ("add evaluation data to settle ROC AUC (at_least 0.85), or change that gate. "),
        ),
        (
            found(bounds=(bound(verdict=INCONCLUSIVE, value=None),), verdict=INCONCLUSIVE),
            "fix what kept ROC AUC from being measured, and run the job again. ",
        ),
        (
            found(checks=(passed_check(verdict=INCONCLUSIVE),)),
            (
                "fix the data or the contract, and run the job again: not_null of dep_delay is"
                " inconclusive. "
            ),
        ),
        (
            found(verdict=INCONCLUSIVE, champion=None),
            (
                "give cdml.yaml a bound (at_least or at_most) and set policy.first_model to bounds,"
                " because there is no champion to compare with. "
            ),
        ),
        (
            found(verdict=INCONCLUSIVE),
            "give cdml.yaml a gate that can decide, and run the job again. ",
        ),
        (
            replace(found(), comparison=None, missing=("compare-to-champion",)),
            (
                "read the log to see why compare-to-champion left no evidence, and run the job"
                " again. "
            ),
        ),
        (
            replace(found(), ours=FAIL),
            "see why the figures do not pass the gates of this branch. ",
        ),
        (replace(found(), deployment=deployment()), " "),
    ],
)
def test_every_verdict_says_what_to_do_next(evidence, expected):
    told = next_step(evidence)

    assert expected == f"{told.text} {told.command}"
