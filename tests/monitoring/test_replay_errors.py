"""How often a version that is no better would be restored: at most as often as promised."""

import numpy as np
import pytest

from cdml.monitoring.replay import MOST_WINDOWS, share_of_error
from cdml.statistics import engine
from cdml.statistics.difference import Side
from cdml.statistics.metrics import FEWEST_CLUSTERS, METRICS
from cdml.statistics.samples import Cells, Weighted
from cdml.statistics.sequential.degradation import DegradationTest, WindowSums

pytestmark = pytest.mark.long

ROWS, DAYS, WORLDS, LOOKS = 200, 60, 150, 4


def restored(random, spread, shared, better=0.0):
    """Whether the version before is restored; what serves is right in 80 % of the rows."""
    test = DegradationTest.start(bound=0.86, alpha=0.01, independent_rows=False)
    serving, before, number = [], [], 0
    for _ in range(DAYS):
        day = np.clip(0.8 + spread * random.normal(), 0, 1)
        draws = random.random(ROWS)
        others = np.where(random.random(ROWS) < shared, draws, random.random(ROWS))
        serving.append(draws < day)
        before.append(others < day + better)
        right = float(serving[-1].sum())
        test = test.observe(WindowSums(count=ROWS, sum=right, sum_of_squares=right))
        if test.degraded and len(serving) >= FEWEST_CLUSTERS:
            number += 1
            windows = before[-MOST_WINDOWS:], serving[-MOST_WINDOWS:]
            if lower_bound(*map(np.array, windows), 1 - share_of_error(0.95, number)) > 0:
                return True
        if number == LOOKS:
            return False
    raise AssertionError("the degradation was not found")


def lower_bound(before, serving, confidence):
    """That of the difference in accuracy, with the days as clusters."""
    days, rows = before.shape
    cells = Cells(
        classes=("no", "yes"),
        label=np.ones(days * rows, dtype=int),
        challenger=before.ravel().astype(int),
        champion=serving.ravel().astype(int),
        count=np.ones(days * rows, dtype=int),
    )
    sample = Weighted(
        weight=np.ones(days * rows), cluster=np.repeat(np.arange(days), rows), inner=cells
    )
    paired = engine.compare(METRICS["accuracy"], sample)
    return paired.difference.bound(Side.LOWER, confidence)


@pytest.mark.heavy
@pytest.mark.parametrize(("spread", "shared"), [(0.0, 0.0), (0.03, 0.5)])
def test_versions_that_are_no_better_are_rarely_restored(spread, shared):
    random = np.random.default_rng(19)

    wrong = sum(restored(random, spread, shared) for _ in range(WORLDS))

    better = [restored(random, spread, shared, better=0.1) for _ in range(10)]
    assert wrong <= 0.05 * WORLDS
    assert all(better)
