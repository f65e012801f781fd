"""Evidence with everything that a page draws."""

import math
from datetime import timedelta

import numpy as np

from cdml.common.verdict import Verdict
from cdml.evidence.charts import ConfusionCounts, Curve, Histogram, PastVersion, Picture
from cdml.evidence.schema import (
    Comparison,
    DataEvidence,
    DecidingBound,
    Evaluation,
    MetricValue,
    RowSample,
)
from cdml.report.evidence_set import EvidenceSet
from cdml.statistics.curves import curves
from cdml.statistics.samples import Ranked
from support.evidence_builders import (
    FAIL,
    INCONCLUSIVE,
    TIME,
    WARN,
    bound,
    compared,
    comparison,
    data,
    difference,
    evaluation,
    log_loss,
    passed_check,
)
from support.scenarios import CHANGES

CARRIERS = ("UA", "B6", "EV", "DL", "AA", "MQ", "US", "9E", "WN", "VX", "FL", "HA")


def picture(strength, rows=4000, classes=("false", "true")):
    """A classifier of some strength, thinned as evidence has it."""
    draw = np.random.default_rng(rows)
    positive = draw.random(rows) < 0.25
    score = 1 / (1 + np.exp(1.2 - strength * positive - draw.normal(size=rows)))
    found = curves(Ranked(positive=positive, challenger=score, champion=None))
    called = score > 0.5
    counts = [[int(np.sum((positive == y) & (called == p))) for p in (0, 1)] for y in (0, 1)]
    return Picture(
        curves={
            name: Curve(x=tuple(x.round(5).tolist()), y=tuple(y.round(5).tolist()))
            for name, (x, y) in found.items()
        },
        confusion=ConfusionCounts(classes=classes, counts=counts),
    )


def residuals(scale):
    """A regression that errs more the more it predicts."""
    x = tuple(10.0 * at for at in range(1, 21))
    quantiles = {"p05": -1.6, "p25": -0.67, "p50": 0.05, "p75": 0.7, "p95": 1.9}
    return Picture(
        curves={
            f"residuals_{name}": Curve(x=x, y=tuple(scale * z * math.sqrt(one) for one in x))
            for name, z in quantiles.items()
        }
    )


def drifted(column, bins, reference, now, **said):
    """A drift check with its histogram."""
    shares = Histogram(bins=bins, reference=reference, now=now)
    told = {"expected": "a PSI below 0.2", "observed": "0.08", "reason": "PSI 0.08"}
    return passed_check(name="drift", column=column, histogram=shares, **{**told, **said})


def history(many=6):
    """Versions that got better, the oldest on other rows."""
    return tuple(
        PastVersion(
            version=str(number + 1),
            verdict=Verdict.PASS if number % 3 else WARN,
            time=TIME - timedelta(days=30 * (many - number)),
            same_rows=number > 1,
            metrics={"roc_auc": 0.80 + 0.017 * number, "log_loss": 0.36 - 0.009 * number},
        )
        for number in range(many)
    )


def _slices():
    draw = np.random.default_rng(7)
    for at, carrier in enumerate(CARRIERS):
        shift, half = float(draw.normal(-0.02, 0.03)), 0.006 + 0.005 * at
        worse = carrier in {"HA", "FL"}
        rows = int(58_000 / (at + 1))
        if worse:
            shift = 0.21 - 0.02 * at + 0.4 * (carrier == "HA")
        yield log_loss(
            slice={"carrier": carrier},
            rows=rows,
            challenger=0.31 + shift,
            champion=0.31,
            difference=difference(shift, shift - half, shift + half, "paired-t"),
            bound=DecidingBound(value=shift - 0.8 * half, against=0.0155, confidence=0.95),
            rule="max_regression 5%",
            verdict=FAIL if carrier == "HA" else INCONCLUSIVE if worse else Verdict.PASS,
            reason=f"Log loss for carrier {carrier} changed by {shift:+.4f}; allowed: +0.0155.",
        )
        yield compared(
            slice={"carrier": carrier},
            rows=rows,
            difference=difference(0.4 * half, -0.7 * half, 1.5 * half),
            judged=at < 10,
        )


def classified():
    """A binary model: the average improves, a slice collapses, the data moved."""
    missing = passed_check(
        verdict=FAIL,
        observed="8,255 missing",
        failing_rows=8255,
        sample=(RowSample(row=17, value=None), RowSample(row=1203, value=None)),
        reason="8,255 of 166,668 values of dep_delay are missing (4.95 %).",
    )
    distance = drifted(
        "distance",
        ("missing", "below 229", "229 to 502", "502 to 888", "888 to 1389", "1389 and above"),
        (0.0, 0.2, 0.2, 0.2, 0.2, 0.2),
        (0.0, 0.12, 0.16, 0.19, 0.23, 0.3),
        verdict=WARN,
        observed="0.23",
        reason="PSI 0.23 (Jensen-Shannon distance 0.12)",
    )
    origin = drifted(
        "origin",
        ("(missing)", "EWR", "JFK", "LGA", "(other)"),
        (0.0, 0.36, 0.33, 0.31, 0.0),
        (0.0, 0.35, 0.32, 0.33, 0.0),
    )
    mine, theirs = picture(2.2), picture(1.5)
    recall = compared(
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
    slow = bound(
        metric="latency_p95_ms", value=31.2, rule="at_most 50", reason="Latency p95 (ms) is 31.2."
    )
    return (
        data(missing, distance, origin, verdict=FAIL),
        evaluation(bound(), slow, curves=mine.curves, confusion=mine.confusion),
        comparison(
            compared(), log_loss(), recall, *_slices(), verdict=FAIL,
            champion_picture=theirs, history=history(), changes=CHANGES,
        ),
    )  # fmt: skip


def regressed():
    """A regression."""
    told = compared(
        metric="mean_absolute_error", challenger=8.1, champion=8.9,
        difference=difference(-0.8, -0.9, -0.7, "paired-t"), rule="max_regression 1%",
        bound=DecidingBound(value=-0.72, against=0.089, confidence=0.95),
        reason="Mean absolute error fell from 8.90 to 8.10 (−0.80); allowed: +0.089.",
    )  # fmt: skip
    measured = MetricValue(metric="mean_absolute_error", rows=166_668, value=8.1)
    return (
        data(),
        evaluation(bound(metric="r2", value=0.61, rule="at_least 0.5"), metrics=(measured,),
                   curves=residuals(1.0).curves),
        comparison(told, champion_picture=residuals(1.3)),
    )  # fmt: skip


def hostile(text):
    """Every text that is drawn is this one."""
    shown = picture(1.0, classes=(text[:200], f"{text[:200]}2"))
    found = drifted(text[:200], (text[:200], "b"), (0.5, 0.5), (0.1, 0.9))
    past = tuple(one.model_copy(update={"version": text[:200]}) for one in history(3))
    told: Comparison = comparison(champion_picture=shown, history=past)
    return (
        data(found),
        evaluation(curves=shown.curves, confusion=shown.confusion),
        told,
    )


def gathered(evidence):
    """Evidence as a report has gathered it."""
    by_type = {type(one): one for one in evidence}
    return EvidenceSet(
        data=by_type.get(DataEvidence),
        evaluation=by_type.get(Evaluation),
        comparison=by_type.get(Comparison),
        deployment=None,
        missing=(),
    )
