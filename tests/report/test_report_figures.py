"""How figures are drawn in characters."""

import random
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cdml.evidence.schema import Interval
from cdml.report import figures
from cdml.report.evidence_set import read_evidence_set
from cdml.report.figures import bar, plot, value
from cdml.report.view import lay_out
from support.evidence_builders import FAIL, comparison, criterion, difference, log_loss
from support.scenarios import configured, written

HUGE = 1.7e308


@pytest.mark.parametrize(
    ("low", "high", "drawn"), [(-HUGE, HUGE, False), (0.0, 0.0, False), (-1.0, 1.0, True)]
)
def test_only_what_a_scale_can_hold_is_drawn(low, high, drawn):
    gate = log_loss()
    difference = gate.difference.model_copy(update={"low": low, "high": high, "estimate": high})
    found = plot(gate.model_copy(update={"difference": difference, "bound": None}))

    assert drawn == (found is not None)
    assert drawn == bool(bar(found))


def drawn(estimate, low, high, against, **bounds):
    """The bar of a gate."""
    gate = log_loss()
    bound = gate.bound.model_copy(update={"against": against, **bounds})
    found = gate.difference.model_copy(update={"low": low, "high": high, "estimate": estimate})
    return bar(plot(gate.model_copy(update={"difference": found, "bound": bound})))


def test_the_bar_shows_the_bounds_that_decide_not_the_wider_interval():
    kept = drawn(0.01, -0.007, 0.027, -0.005, lower=-0.004, upper=0.024)

    assert "─│" not in kept
    assert "│─" in kept


@pytest.mark.parametrize("scale", [1e-12, 1e-3, 1.0, 1e9])
@pytest.mark.parametrize("seed", range(50))
def test_the_bar_lies_on_the_side_of_the_margin_that_it_really_does(seed, scale):
    dice = random.Random(seed)
    against = dice.uniform(-1, 1) * scale
    near = [against + dice.choice((1e-6, 0.01, 1.0)) * dice.uniform(-1, 1) * scale for _ in "123"]
    low, estimate, high = sorted(near)

    shown = drawn(estimate, low, high, against)

    line = shown.index("│")
    before, after = ("─" in part or "●" in part for part in (shown[:line], shown[line + 1 :]))
    assert (low < against, high > against) == (before, after)
    assert (estimate < against) == (shown.index("●") < line)


@pytest.mark.parametrize(
    ("low", "high", "first", "last"), [(None, 1, "─", "·"), (-1, None, "·", "─"), (-1, 1, "·", "·")]
)
def test_only_an_open_end_reaches_the_end_of_the_bar(low, high, first, last):
    shown = drawn(0.5, low, high, -0.5)

    assert (first, last) == (shown[0], shown[-1])


@pytest.mark.parametrize(
    ("metric", "rule", "against", "better"),
    [
        ("log_loss", "max_regression 0.01", 0.01, False),
        ("own:profit", "max_regression 0.01", -0.01, True),
        ("own:cost", "max_regression 0.01", 0.01, False),
        ("own:profit", "min_improvement 0.01", 0.01, True),
        ("own:cost", "min_improvement 0.01", -0.01, False),
        ("own:profit", "max_regression 0", 0.0, None),
        ("nonsense", "max_regression 0.01", -0.01, None),
    ],
)
def test_better_lies_where_the_metric_or_its_margin_says(metric, rule, against, better):
    gate = log_loss()
    bound = gate.bound.model_copy(update={"against": against})
    asked = criterion(metric, rule)
    found = plot(gate.model_copy(update={"metric": metric, "criterion": asked, "bound": bound}))

    assert better is found.better


def test_slices_are_sorted_by_how_near_they_come_to_their_margin(tmp_path):
    gates = [
        log_loss(slice={"carrier": name}, difference=difference(estimate, low, high), **more)
        for name, estimate, low, high, more in (
            ("far", -0.02, -0.03, -0.01, {}),
            ("few", 1.0, 0.9, 1.1, {"judged": False}),
            ("near", 0.003, -0.05, 0.056, {}),
            ("bad", 0.5, 0.4, 0.6, {"verdict": FAIL}),
        )
    ]
    unknown = log_loss(slice={"carrier": "unknown"}, difference=None)
    folder = written(tmp_path, comparison(*gates, unknown, verdict=FAIL))

    shown = lay_out(read_evidence_set(folder, configured(tmp_path).config), "flights", run=None)

    expected = ["bad", "near", "unknown", "far", "few"]
    assert expected == [row.slice.removeprefix("carrier = ") for row in shown.slices]


@pytest.mark.parametrize(
    ("champion", "challenger", "shown"),
    [
        (0.91012, 0.91014, ("0.91012", "0.91014")),
        (0.9, 0.9, ("0.900", "0.900")),
        (1e-9, 1.2e-9, ("1e−09", "1.2e−09")),
        (-3e15, 3.1e15, ("−3e+15", "3.1e+15")),
        (0.0, 1e-9, ("0", "1e−09")),
        (12.9, 13.4, ("12.9", "13.4")),
    ],
)
def test_two_values_that_differ_look_different_and_are_short(champion, challenger, shown):
    assert shown == (value(champion, like=(challenger,)), value(challenger, like=(champion,)))


def test_a_difference_that_is_tiny_is_told_as_a_power_of_ten():
    gate = log_loss(difference=difference(2e-10, 1e-10, None))

    assert figures.difference(gate) == ("+2e−10", "+1e−10 to ∞")


@pytest.mark.heavy
@given(st.floats(1e-5, 1e6), st.booleans())
def test_a_figure_alone_has_three_significant_digits(size, negative):
    shown = value(-size if negative else size)

    digits = re.sub(r"[^0-9]", "", shown).lstrip("0")
    assert 3 == len(digits) or (size >= 999.5 and "." not in shown)


@pytest.mark.parametrize(
    ("found", "limit", "shown"),
    [
        (0.84996, 0.85, "0.84996"),
        (0.850001, 0.85, "0.850001"),
        (0.85, 0.85, "0.850"),
        (0.8493, 0.85, "0.849"),
        (0.84996, 70.0, "0.850"),
    ],
)
def test_a_value_never_reads_like_the_bound_that_it_is_not(found, limit, shown):
    assert shown == value(found, like=(limit,))


@pytest.mark.heavy
@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(-1, 1))
def test_no_end_of_an_interval_reads_like_a_margin_that_it_is_not(low, high, against):
    low, high = sorted((low, high))
    bound = log_loss().bound.model_copy(update={"against": against})
    gate = log_loss(difference=difference((low + high) / 2, low, high), bound=bound)

    ends = figures.difference(gate)[1].split(" to ")

    assume("e" not in "".join(ends))
    for end, text in zip((low, high), ends, strict=True):
        if abs(end - against) > 1e-8:
            decimals = len(text.partition(".")[2])
            assert round(against, decimals) != float(text.replace("−", "-"))


def test_a_narrow_interval_shows_that_it_is_one():
    narrow = Interval(low=0.91061, high=0.91064, confidence=0.95, method="delong")

    assert "0.91061 to 0.91064" == figures.interval(narrow)
