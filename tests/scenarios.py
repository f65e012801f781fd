"""Evidence of each kind of verdict, for reports."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from cdml.core.verdict import Verdict
from cdml.evidence import store
from cdml.evidence.models import (
    BoundGate,
    Check,
    Comparison,
    ComparisonGate,
    DataEvidence,
    DataRef,
    DecidingBound,
    Deployment,
    Difference,
    Evaluation,
    FileRef,
    Interval,
    MetricValue,
    ModelRef,
    PolicyRef,
    Producer,
    Sample,
    Served,
    Step,
)

PASS, WARN, INCONCLUSIVE, FAIL = Verdict
TIME = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CHALLENGER = "sha256:" + "3" * 64
CHAMPION = "sha256:" + "2" * 64
ROWS = "sha256:" + "d" * 64
BY = Producer(tool="0.1.0", commit="c" * 40, time=TIME, run="https://github.test/runs/1")
POLICY = PolicyRef(
    digest="sha256:" + "f" * 64,
    confidence=0.95,
    on_inconclusive="hold",
    first_model="bounds",
    gates=("roc_auc: at_least 0.85, max_regression 0.005",),
)
DATA = DataRef(uri="data/2013-h2.parquet", digest=ROWS, rows=166_668)

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


def passed_check(**said):
    """A check of the data that passed."""
    plain = {"name": "not_null", "column": "dep_delay", "severity": "error", "verdict": PASS}
    told = {"expected": "0 missing", "observed": "0", "reason": "No value is missing."}
    return Check(**{**plain, **told, **said})


def data(*checks: Check, verdict=PASS, **said) -> DataEvidence:
    """data.json."""
    every = checks or (passed_check(), passed_check(name="unique", column="flight_id"))
    return DataEvidence(verdict=verdict, produced=BY, data=DATA, checks=every, **said)


def bound(**said) -> BoundGate:
    """A bound that is kept."""
    plain = {
        "metric": "roc_auc",
        "rows": 166_668,
        "value": 0.9101,
        "rule": "at_least 0.85",
        "verdict": PASS,
        "reason": "ROC AUC is 0.91; asked: at least 0.85.",
    }
    return BoundGate(**{**plain, **said})


def compared(**said) -> ComparisonGate:
    """A comparison that is won."""
    plain = {
        "metric": "roc_auc",
        "rows": 166_668,
        "challenger": 0.9101,
        "champion": 0.8932,
        "difference": difference(0.0169, 0.0155, 0.0183),
        "p_value": 1e-9,
        "rule": "max_regression 0.005",
        "bound": DecidingBound(value=0.0157, against=-0.005, confidence=0.95, p_value=1e-9),
        "verdict": PASS,
        "reason": "ROC AUC rose from 0.893 to 0.910 (+0.0169); allowed: −0.005.",
    }
    return ComparisonGate(**{**plain, **said})


def difference(estimate, low, high, method="delong") -> Difference:
    """challenger - champion."""
    return Difference(estimate=estimate, low=low, high=high, confidence=0.95, method=method)


def log_loss(**said) -> ComparisonGate:
    """A comparison of a metric of which less is better."""
    plain = {
        "metric": "log_loss",
        "challenger": 0.2903,
        "champion": 0.3121,
        "difference": difference(-0.0218, -0.0241, -0.0195, "paired-t"),
        "rule": "max_regression 1%",
        "bound": DecidingBound(value=0.0198, against=-0.0031, confidence=0.95),
        "reason": "Log loss fell from 0.312 to 0.290 (−0.0218); allowed: +0.0031.",
    }
    return compared(**{**plain, **said})


def evaluation(*gates: BoundGate, verdict=PASS, **said) -> Evaluation:
    """evaluation.json."""
    plain = {
        "model": ModelRef(uri="models:/flight-delays/3", version="3", digest=CHALLENGER),
        "data": DATA,
        "predictions": FileRef(path="predictions.parquet", digest="sha256:" + "e" * 64),
        "metrics": (
            MetricValue(
                metric="roc_auc",
                rows=166_668,
                value=0.9101,
                interval=Interval(low=0.9085, high=0.9117, confidence=0.95, method="delong"),
            ),
            MetricValue(metric="latency_p95_ms", rows=100, value=31.25, reason="not of rows"),
        ),
        "isolation": "namespaces",
        "policy": POLICY,
    }
    found = gates or (bound(),)
    return Evaluation(verdict=verdict, produced=BY, gates=found, **{**plain, **said})


def comparison(*gates: ComparisonGate, verdict=PASS, **said) -> Comparison:
    """comparison.json."""
    plain = {
        "challenger": ModelRef(uri="models:/flight-delays/3", version="3", digest=CHALLENGER),
        "champion": ModelRef(uri="models:/flight-delays@champion", version="2", digest=CHAMPION),
        "data": DATA,
        "policy": POLICY,
    }
    found = gates or (compared(), log_loss())
    return Comparison(verdict=verdict, produced=BY, gates=found, **{**plain, **said})


def deployment(**said) -> Deployment:
    """deployment.json."""
    plain = {
        "verdict": PASS,
        "reason": "Version 3 serves.",
        "produced": BY,
        "operation": "deploy",
        "model": "flight-delays",
        "environment": "production",
        "target": "registry",
        "from_": Served(version="2", digest=CHAMPION),
        "to": Served(version="3", digest=CHALLENGER),
        "steps": (
            Step(name="record", state="done", at=TIME, detail="intent journaled"),
            Step(name="shift", state="done", at=TIME, detail="alias champion names version 3"),
        ),
        "journal": "a" * 40,
    }
    return Deployment(**{**plain, **said})


def _carrier(name: str, **said) -> ComparisonGate:
    return log_loss(**{"slice": {"carrier": name}, "rows": 161, **said})


def passing():
    """Everything passes."""
    return data(), evaluation(), comparison(compared(), log_loss(), _carrier("UA"))


def failing():
    """The average improves, a slice collapses, and the data breaks its contract."""
    collapsed = _carrier(
        "HA",
        challenger=2.1612,
        champion=0.4123,
        difference=difference(1.7489, 1.21, 2.29),
        bound=DecidingBound(value=-1.3, against=-0.02, confidence=0.95),
        verdict=FAIL,
        reason="Log loss for carrier HA rose from 0.41 to 2.16 (+1.75); allowed: +0.02.",
    )
    missing = passed_check(
        verdict=FAIL,
        observed="8,255 missing",
        failing_rows=8255,
        sample=(Sample(row=17, value=None), Sample(row=1203, value=None)),
        reason="8,255 of 166,668 values of dep_delay are missing (4.95 %).",
    )
    few = _carrier("OO", rows=32, judged=False, reason="32 rows are too few to judge.")
    return (
        data(missing, passed_check(name="unique", column="flight_id"), verdict=FAIL),
        evaluation(),
        comparison(compared(), log_loss(), few, _carrier("UA"), collapsed, verdict=FAIL),
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
        reason="Recall rose from 0.660 to 0.662 (+0.0020); asked: beyond +0.0000; 166,668 rows"
        " cannot tell; about 401,900 rows would tell.",
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
        reason="Latency p95 (ms) is 61.0; asked: at most 50.",
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
        sample=(Sample(row=1, value="\u202egnp.exe\x1b[31m"),),
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
        store.write(folder, one)
    return folder


def configured(folder: Path, text: str = CONFIG):
    """cdml.yaml, loaded."""
    from cdml.config import load

    path = folder / "cdml.yaml"
    path.write_text(text)
    return load(path, targets=("registry",), environment={})
