"""Two files with a column on two scales are told from a model that became better or worse."""

import math
from random import Random

import pytest

from cdml.results.scales import Spread, describe_two_scales

DRAW = Random(3)
SHARES = [DRAW.betavariate(8, 2) for _ in range(300)]
WORSE = [DRAW.betavariate(3, 9) for _ in range(300)]
FLAGS = [float(DRAW.random() < 0.7) for _ in range(300)]


def logs(mean, deviation):
    return [DRAW.lognormvariate(mean, deviation) for _ in range(300)]


def times(factor, figures):
    return [factor * figure for figure in figures]


def spread(figures):
    found = [math.log(figure) for figure in figures if figure > 0]
    mean = sum(found) / len(found) if found else math.nan
    square = sum(one * one for one in found) / len(found) if found else math.nan
    return Spread(
        low=min(figures),
        high=max(figures),
        mean=sum(figures) / len(figures),
        log_mean=mean,
        log_deviation=math.sqrt(max(0.0, square - mean * mean)),
        fractions=any(figure != int(figure) for figure in figures),
    )


def described(column, one, other, *, better=True):
    found = {
        describe_two_scales(column, spread(a), spread(b), greater_is_better=better)
        for a, b in ((one, other), (other, one))
    }
    assert len(found) == 1, "the order of the files tells nothing"
    return found.pop()


@pytest.mark.parametrize(
    ("column", "one", "other"),
    [
        ("score", SHARES, times(100, SHARES)),
        ("score", SHARES, times(100, WORSE)),
        ("score", WORSE, times(100, SHARES)),
        ("passed", FLAGS, times(100, FLAGS)),
        ("latency", logs(6, 0.5), times(1e-3, logs(6.4, 0.55))),
        ("cost", logs(-3, 0.5), times(1e6, logs(-3, 0.5))),
        ("rating", [1 + i % 5 for i in range(300)], [1 + i % 10 for i in range(300)]),
    ],
    ids=["per cent", "worse", "better", "flags", "milliseconds", "millionths", "grades"],
)
def test_another_unit_is_told(column, one, other):
    assert "in the other" in described(column, one, other)


@pytest.mark.parametrize(
    ("column", "one", "other"),
    [
        ("score", SHARES, WORSE),
        ("score", FLAGS, SHARES),
        ("latency_ms", logs(6, 0.5), logs(3.7, 0.5)),
        ("latency", [0.5] * 299 + [0.9], [0.5] * 299 + [40.0]),
        ("cost", logs(-3, 0.5), logs(-7.6, 0.5)),
        ("output_tokens", logs(7, 0.5), logs(2.4, 0.5)),
        ("loss", logs(0.8, 0.3), logs(-3.8, 1.2)),
        ("violations", [i % 25 for i in range(300)], [float(i % 7 == 0) for i in range(300)]),
        ("change", [-one for one in SHARES], times(-100, SHARES)),
        ("score", [0.0] * 300, SHARES),
        ("rating", [1 + i % 5 for i in range(300)], [3 + i % 3 for i in range(300)]),
    ],
    ids=[
        "shares",
        "flags and shares",
        "ten times faster",
        "one that hangs",
        "a hundredth of the price",
        "a hundredth of the tokens",
        "a trained model",
        "counts",
        "below 0",
        "all 0",
        "grades",
    ],
)
@pytest.mark.parametrize("better", [True, False])
def test_a_model_that_became_better_or_worse_is_none(column, one, other, better):
    assert not described(column, one, other, better=better)
