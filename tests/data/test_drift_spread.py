"""The histogram of a column that is compared with the reference."""

import pytest

from cdml.config.schema import DriftSettings
from cdml.data.drift.bins import Categories, Edges
from cdml.data.drift.judge import CurrentColumn, judge_drift
from cdml.data.drift.profile import ColumnProfile
from cdml.tables.query import LogicalType

CARRIER = ColumnProfile(
    name="carrier",
    type=LogicalType.STRING,
    bins=Categories(names=("UA", "HA")),
    counts=(0, 600, 400, 0),
)
DELAY = ColumnProfile(
    name="delay",
    type=LogicalType.NUMBER,
    bins=Edges(at=(0.0, 10.0)),
    counts=(100, 300, 300, 300),
)


def found(column, counts, *, shown=True):
    return judge_drift(
        column, CurrentColumn(counts=counts), DriftSettings(), may_disclose=shown
    ).histogram


def test_shares_are_told_by_bin():
    spread = found(CARRIER, (0, 500, 1500, 0))

    assert ("(missing)", "UA", "HA", "(other)") == spread.bins
    assert (0.0, 0.6, 0.4, 0.0) == spread.reference
    assert (0.0, 0.25, 0.75, 0.0) == spread.now


def test_missing_values_are_a_bin_of_their_own():
    spread = found(DELAY, (500, 500, 500, 500))

    assert ("missing", "below 0", "0 to 10", "10 and above") == spread.bins
    assert pytest.approx(1) == sum(spread.reference) == sum(spread.now)


@pytest.mark.parametrize(("column", "counts"), [(CARRIER, (0, 5, 5, 0)), (DELAY, (5, 5, 5, 5))])
def test_of_a_column_whose_values_may_not_be_told_there_is_none(column, counts):
    assert found(column, counts, shown=False) is None
    assert found(column, tuple(100 * count for count in counts), shown=False) is None
