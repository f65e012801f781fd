"""How figures are drawn in characters."""

import pytest

from cdml.report.figures import bar, plot
from pieces import log_loss

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
    found = plot(gate.model_copy(update={"metric": metric, "rule": rule, "bound": bound}))

    assert better is found.better
