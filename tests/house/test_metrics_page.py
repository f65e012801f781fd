"""The reference of metrics has every metric, and the interval that it is really measured by."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from cdml.statistics.engine import compare
from cdml.statistics.metrics import METRICS, PATTERNS, Metric, Statistic
from cdml.statistics.samples import Cells, OneVsRest, Ranked, Sample, Timings

ROOT = Path(__file__).parents[2]
RANDOM = np.random.default_rng(7)


@pytest.fixture(scope="module")
def page():
    sys.path.insert(0, str(ROOT))
    yield importlib.import_module("generate.metrics")
    sys.path.remove(str(ROOT))


def test_every_metric_has_a_meaning(page):
    assert {*METRICS, *PATTERNS} == set(page.MEANINGS)


def test_every_metric_is_in_the_reference_with_all_its_names():
    lines = (ROOT / "docs/metrics.md").read_text("utf-8").splitlines()
    for metric in METRICS.values():
        row = next(line for line in lines if line.startswith(f"| `{metric.name}` |"))
        assert [] == [name for name in metric.aliases if f"`{name}`" not in row]


def ranked(positive: np.ndarray) -> Ranked:
    first, second = RANDOM.normal(positive, 1), RANDOM.normal(positive, 1)
    return Ranked(positive=positive, challenger=first, champion=second)


def sample_of(metric: Metric) -> Sample | None:
    """Some 600 rows of the metric's task; none where cells, ranks and times are not read."""
    classes = 3 if "multiclass" in metric.tasks and "binary" not in metric.tasks else 2
    labels = RANDOM.integers(0, classes, 600)
    match metric.family.reads:
        case Statistic.CELLS | Statistic.GROUPS:
            codes = [np.where(RANDOM.random(600) < 0.7, labels, 0) for _ in range(2)]
            groups = RANDOM.integers(0, 2, 600)
            table, count = np.unique([labels, *codes, groups], axis=1, return_counts=True)
            grouped = metric.family.reads is Statistic.GROUPS
            return Cells(
                classes=("a", "b", "c")[:classes],
                label=table[0],
                challenger=table[1],
                champion=table[2],
                count=count,
                groups=("x", "y") if grouped else (),
                group=table[3] if grouped else None,
            )
        case Statistic.SCORES if "multiclass" in metric.tasks:
            return OneVsRest(classes=tuple(ranked(labels == code) for code in range(3)))
        case Statistic.SCORES:
            return ranked(labels == 1)
        case Statistic.TIMINGS:
            return Timings(challenger=RANDOM.random(600), champion=RANDOM.random(600))
    return None


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_the_interval_is_that_of_a_comparison(page, metric):
    sample = sample_of(metric)
    if sample is None or metric.family.reported:
        assert page.interval_of(metric).startswith(("paired t", "delta", "none"))
        return

    difference = compare(metric, sample, resamples=200).difference
    assert f"(`{difference.interval(0.95).method}`)" in page.interval_of(metric)


@pytest.mark.parametrize(("quantile", "requests"), [("p50", 20), ("p95", 60), ("p99", 300)])
def test_a_latency_is_measured_from_so_many_requests_on(page, quantile, requests):
    metric = METRICS[f"latency_{quantile}_ms"]
    fewest = Timings(challenger=RANDOM.random(requests), champion=RANDOM.random(requests))
    fewer = Timings(challenger=fewest.challenger[1:], champion=fewest.champion[1:])

    assert (
        f"| {requests} requests |"
        in page.metric_tables().split(f"`{metric.name}`")[1].partition("\n")[0]
    )
    assert hasattr(compare(metric, fewest, resamples=200), "difference")
    assert not hasattr(compare(metric, fewer, resamples=200), "difference")
