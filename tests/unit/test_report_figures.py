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
