"""Evidence of each kind of verdict, for reports."""

from collections.abc import Callable, Mapping
from pathlib import Path

from cdml.config import load
from cdml.evidence import store
from cdml.evidence.schema import (
    Change,
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
    "hostile": hostile,
    "deployed": delivered,
    "rolled-back": taken_back,
}


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
