"""Pieces of evidence, good unless they are told otherwise."""

from datetime import UTC, datetime

from cdml.common.verdict import Verdict
from cdml.evidence.criterion import Criterion, criterion_of
from cdml.evidence.schema import (
    BoundGate,
    Check,
    Comparison,
    ComparisonGate,
    DataEvidence,
    DataRef,
    DecidingBound,
    Deployment,
    DeploymentStep,
    Difference,
    Evaluation,
    FileRef,
    Interval,
    MetricValue,
    ModelRef,
    PolicyRef,
    Producer,
    Served,
)

PASS, WARN, INCONCLUSIVE, FAIL = Verdict
TIME = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CHALLENGER = "sha256:" + "3" * 64
CHAMPION = "sha256:" + "2" * 64
ROWS = "sha256:" + "d" * 64
SITE = "https://github.test"
RUN = f"{SITE}/octo-org/flights/actions/runs/100/attempts/1"
BY = Producer(tool="0.1.0", commit="c" * 40, time=TIME, run=RUN)
POLICY = PolicyRef(
    question="sha256:" + "8" * 64,
    digest="sha256:" + "f" * 64,
    confidence=0.95,
    on_inconclusive="hold",
    first_model="bounds",
    gates=("roc_auc: at_least 0.85, max_regression 0.005",),
)
DATA = DataRef(uri="data/2013-h2.parquet", digest=ROWS, rows=166_668)


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
        "reason": "ROC AUC is 0.91; required: at least 0.85.",
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
    gate = {**plain, **said}
    return ComparisonGate(**gate, criterion=criterion_of(gate))


def criterion(metric, rule) -> Criterion:
    """What the text of a rule asks, as evidence of /1 is read."""
    return Criterion(**criterion_of({"metric": metric, "rule": rule}))


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
        "bound": DecidingBound(value=-0.0198, against=0.0031, confidence=0.95),
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
            DeploymentStep(name="record", state="done", at=TIME, detail="intent journaled"),
            DeploymentStep(
                name="shift", state="done", at=TIME, detail="alias champion names version 3"
            ),
        ),
        "journal": "a" * 40,
    }
    return Deployment(**{**plain, **said})
