"""Evidence of each kind of verdict, for reports."""

from collections.abc import Callable, Mapping
from pathlib import Path

from cdml.config import load
from cdml.evidence import store
from cdml.evidence.cases import (
    CaseResults,
    CaseText,
    ChangedCase,
    ChangedCases,
    InstrumentErrors,
    UngatedFigure,
)
from cdml.evidence.schema import (
    Change,
    Comparison,
    ComparisonGate,
    DecidingBound,
    Interval,
    ModelRef,
    RowSample,
    Served,
)
from support.evidence_builders import (
    CHALLENGER,
    CHAMPION,
    FAIL,
    INCONCLUSIVE,
    WARN,
    bound,
    compared,
    comparison,
    data,
    deployment,
    difference,
    evaluation,
    log_loss,
    passed_check,
)

CONFIG = """\
version: 1
model: flight-delays
registry: {uri: "http://registry.test"}
data:
  evaluation: data.parquet
  reference: reference.parquet
  key: [flight_id]
  label: late
  positive: true
gates:
  - {metric: roc_auc, at_least: 0.85, max_regression: 0.005}
  - {metric: log_loss, max_regression: 1%}
  - {metric: recall, at_least: 0.60, min_improvement: 0.0}
"""


def _carrier(name: str, **said) -> ComparisonGate:
    return log_loss(**{"slice": {"carrier": name}, "rows": 161, **said})


CHANGES = (
    Change(what="parameter max_depth", champion="6", challenger="8"),
    Change(what="feature dep_delay", champion=None, challenger="double"),
    Change(what="size (MB)", champion="1.2", challenger="3.9"),
)


BROKEN = ChangedCase(
    case="refund-017",
    champion=1.0,
    challenger=0.0,
    link="https://tool.test/eval/8/case/17",
    texts=(
        CaseText(column="input", champion="May I return it?", challenger="May I return it?"),
        CaseText(column="output", champion="Yes, within 30 days.", challenger="No."),
    ),
)
FIXED = ChangedCase(case="delivery-003", champion=0.0, challenger=2 / 3)
RESULTS = CaseResults(
    changed=ChangedCases(
        metric="rate(passed)", cases=180, worse=19, better=4, broken=(BROKEN,), fixed=(FIXED,)
    ),
    figures=(
        UngatedFigure(
            metric="mean(cost)",
            champion=0.00201,
            challenger=0.00232,
            difference=difference(0.00031, 0.00012, 0.0005, "paired-t"),
        ),
        UngatedFigure(
            metric="mean(latency_ms)",
            champion=None,
            challenger=None,
            difference=None,
            reason="latency_ms has no score on 3 of the cases",
        ),
    ),
    errors=(
        InstrumentErrors(results=540, failed=3, cases=("refund-002", "safety-011")),
        InstrumentErrors(results=540, failed=0),
    ),
    not_measured=("tokens (in neither file)", "helpful (only the champion's file has it)"),
)


def results_of_cases():
    """Results of another tool: the pass rate fell, most of all in one category."""
    plain = {"metric": "rate(passed)", "rule": "max_regression 0.02"}
    fell = compared(
        **plain,
        rows=180,
        champion=0.861,
        challenger=0.778,
        difference=difference(-0.083, -0.139, -0.028, "skew-t"),
        bound=DecidingBound(
            value=-0.036, against=-0.02, confidence=0.95, lower=-0.13, upper=-0.036
        ),
        verdict=FAIL,
        reason="Rate(passed) fell from 0.861 to 0.778 (−0.083; at least −0.036 with 95 %"
        " confidence); allowed: −0.020.",
    )
    of_topic = [
        compared(
            **plain,
            slice={"topic": topic},
            rows=60,
            champion=0.86,
            challenger=0.86 + moved,
            difference=difference(moved, moved - 0.09, moved + 0.09, "skew-t"),
            bound=DecidingBound(value=moved - 0.08, against=-0.02, confidence=0.95),
            reason=f"Rate(passed) for topic {topic} moved by {moved}.",
        )
        for topic, moved in (("refunds", -0.2), ("delivery", 0.1), ("safety", 0.0))
    ]
    old, new = ModelRef(uri="old.jsonl"), ModelRef(uri="new.jsonl")
    return (
        data(),
        evaluation(model=new),
        comparison(fell, *of_topic, verdict=FAIL, challenger=new, champion=old, cases=RESULTS),
    )


def passing():
    """Everything passes."""
    judged = comparison(compared(), log_loss(), _carrier("UA"), changes=CHANGES)
    return data(), evaluation(), judged


def failing():
    """The average improves, a slice collapses, and the data breaks its contract."""
    collapsed = _carrier(
        "HA",
        challenger=2.1612,
        champion=0.4123,
        difference=difference(1.7489, 1.21, 2.29),
        bound=DecidingBound(value=1.3, against=0.0041, confidence=0.95),
        verdict=FAIL,
        reason="Log loss for carrier HA rose from 0.41 to 2.16 (+1.75); allowed: +0.004.",
    )
    missing = passed_check(
        verdict=FAIL,
        observed="8,255 missing",
        failing_rows=8255,
        sample=(RowSample(row=17, value=None), RowSample(row=1203, value=None)),
        reason="8,255 of 166,668 values of dep_delay are missing (4.95 %).",
    )
    few = _carrier("OO", rows=32, judged=False, reason="32 rows are too few to judge.")
    return (
        data(missing, passed_check(name="unique", column="flight_id"), verdict=FAIL),
        evaluation(),
        comparison(
            compared(), log_loss(), few, _carrier("UA"), collapsed, verdict=FAIL, changes=CHANGES
        ),
    )


def held():
    """A comparison cannot tell."""
    open_ = compared(
        metric="recall",
        rule="min_improvement 0",
        challenger=0.6621,
        champion=0.6601,
        difference=difference(0.002, -0.004, 0.008, "bca"),
        bound=DecidingBound(value=-0.003, against=0.0, confidence=0.95),
        verdict=INCONCLUSIVE,
        rows_needed=401_900,
        reason="Recall rose from 0.660 to 0.662 (+0.0020); required: more than 0; 166,668 rows"
        " are not enough to decide; about 401,900 would be.",
    )
    return data(), evaluation(), comparison(compared(), open_, verdict=INCONCLUSIVE)


def warning():
    """An advisory gate is missed."""
    slow = bound(
        metric="latency_p95_ms",
        value=61.0,
        interval=Interval(low=58.1, high=64.2, confidence=0.95, method="order"),
        rule="at_most 50",
        tier="advisory",
        verdict=WARN,
        reason="Latency p95 (ms) is 61.0; required: at most 50.",
    )
    return data(), evaluation(bound(), slow, verdict=WARN), comparison()


def first():
    """There is no champion."""
    alone = compared(
        champion=None,
        difference=None,
        p_value=None,
        bound=None,
        judged=False,
        reason="There is no champion to compare with.",
    )
    return data(), evaluation(), comparison(alone, champion=None)


def crashed():
    """The comparison left nothing behind."""
    return data(), evaluation()


def hostile():
    """Every name is an attack."""
    evil = bound(
        metric="a|b", reason="metric a|b: <img src=x onerror=alert(1)> [x](http://evil.test)"
    )
    slices = {"<script>alert(1)</script>": "@org/team", "col`umn": "::set-output name=a::b"}
    one = compared(
        metric="a|b", slice=slices, verdict=FAIL, reason="#1 @org/team **bold** |x|\n# x"
    )
    check = passed_check(
        name="</details><script>",
        column="@org/team",
        verdict=FAIL,
        observed="::set-output name=verdict::pass",
        sample=(RowSample(row=1, value="\u202egnp.exe\x1b[31m"),),
        reason="value ::set-output name=verdict::pass in @org/team",
    )
    model = ModelRef(uri="models:/<b>x</b>|y", version="3|@x", digest=CHALLENGER)
    return (
        data(check, verdict=FAIL),
        evaluation(evil, model=model),
        comparison(one, challenger=model, verdict=FAIL),
    )


def delivered():
    """A deployment."""
    return (deployment(),)


def taken_back():
    """A rollback."""
    there, back = Served(version="3", digest=CHALLENGER), Served(version="2", digest=CHAMPION)
    said = "Version 2 serves. Reason: complaints"
    return (deployment(operation="rollback", from_=there, to=back, reason=said),)


SCENARIOS: Mapping[str, Callable[[], tuple]] = {
    "pass": passing,
    "fail": failing,
    "held": held,
    "warn": warning,
    "first": first,
    "missing": crashed,
    "cases": results_of_cases,
    "hostile": hostile,
    "deployed": delivered,
    "rolled-back": taken_back,
}


def with_cases(evidence):
    """Evidence whose comparison says something of single cases, too."""
    return [
        one.model_copy(update={"cases": RESULTS}) if isinstance(one, Comparison) else one
        for one in evidence
    ]


def written(folder: Path, *evidence) -> Path:
    """Evidence as a run leaves it."""
    for one in evidence:
        store.write_evidence(folder, one)
    return folder


def configured(folder: Path, text: str = CONFIG):
    """cdml.yaml, loaded."""
    path = folder / "cdml.yaml"
    path.write_text(text)
    return load(path, targets=("registry",), environment={})
