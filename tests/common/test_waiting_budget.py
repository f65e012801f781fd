"""A command waits for all its services together no longer than it says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdml.common.time_budget import Budget, draw_from
from cdml.errors import ServiceError


class Watch:
    """Seconds that pass when a test says so."""

    def __init__(self):
        self.time = 0.0

    def __call__(self):
        return self.time


@pytest.mark.heavy
@given(st.lists(st.floats(0, 200), max_size=30))
def test_what_is_waited_in_all_overruns_by_one_answer_at_most(waits):
    watch = Watch()
    budget = Budget(600, now=watch)
    waited = []
    for seconds in waits:
        try:
            with budget.spending("It"):
                watch.time += seconds
        except ServiceError:
            assert sum(waited) >= 600
            break
        waited.append(seconds)
        watch.time += 10_000  # what is not waiting does not count
    assert sum(waited[:-1]) < 600
    assert budget.left == pytest.approx(max(0, 600 - sum(waited)))


def test_a_block_within_another_counts_once():
    watch = Watch()
    budget = Budget(10, now=watch)
    with budget.spending("One"), budget.spending("Two"):
        watch.time += 4
        assert 6 == budget.left
    assert 6 == budget.left


def test_a_failure_counts_too_and_the_next_is_refused_by_name():
    watch = Watch()
    budget = Budget(60, now=watch)

    def late():
        with budget.spending("The registry"):
            watch.time += 61
            raise OSError("late")

    def next_one():
        with budget.spending("GitHub"):
            raise AssertionError

    with pytest.raises(OSError, match="late"):
        late()
    assert not budget.allows(0)
    with pytest.raises(ServiceError, match=r"GitHub .* waited 1 minutes for services"):
        next_one()


def test_services_of_one_command_draw_from_one_budget():
    class Waits:
        budget = Budget()

    class DoesNot:
        pass

    shared, one, other, third = Budget(), Waits(), Waits(), DoesNot()
    for adapter in (one, other, third):
        draw_from(adapter, shared)
    assert shared is one.budget is other.budget
    assert not hasattr(third, "budget")
