"""A year of daily looks at models that keep their bound, and at models that fall below it.

`benchmarks/degradation.py` draws the traffic, and prints the same of many more models.
"""

import math
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"

pytestmark = [pytest.mark.heavy, pytest.mark.long]


@pytest.fixture(scope="module")
def simulation():
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import degradation

        yield degradation
    finally:
        sys.path.remove(str(BENCHMARKS))


MODELS = 400


@pytest.mark.parametrize("place", range(7))
def test_at_most_one_in_a_hundred_models_alarms_in_a_year(simulation, place):
    """Also with days that differ, resemble the day before, or follow the week."""
    share = simulation.false_alarms(simulation.TRAFFIC[place], MODELS)
    assert share["windows"] <= simulation.ALPHA + 3 * math.sqrt(simulation.ALPHA / MODELS)
    assert share["daily z-test"] > 0.5
    assert share["threshold"] > 0.5


@pytest.mark.parametrize("place", range(7))
def test_slices_do_not_make_false_alarms_more_frequent(simulation, place):
    """All rows and eight slices share one chance, whatever the days have in common."""
    share = simulation.false_alarms_of_slices(simulation.TRAFFIC[place], MODELS)
    assert share["either"] <= simulation.ALPHA + 3 * math.sqrt(simulation.ALPHA / MODELS)
    assert share["either"] <= share["either, without sharing"]
    assert share["daily z-test"] > 0.9


def test_every_kind_of_traffic_is_simulated(simulation):
    assert len(simulation.TRAFFIC) == 7


def test_independent_rows_may_only_be_claimed_where_they_are(simulation):
    independent, clustered = (
        simulation.false_alarms(simulation.TRAFFIC[place], MODELS)["independent rows"]
        for place in (0, 1)
    )
    assert independent <= simulation.ALPHA + 3 * math.sqrt(simulation.ALPHA / MODELS)
    assert clustered > 0.2


def test_a_fall_is_found_also_after_half_a_year(simulation):
    found = simulation.delays(simulation.TRAFFIC[1], 40, before=0.87, after=0.75, healthy=180)
    (windows, early), (rows, _) = found["windows"], found["independent rows"]
    assert windows <= 28
    assert rows <= 2
    assert early == 0
