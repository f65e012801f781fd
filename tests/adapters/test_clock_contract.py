"""What every clock promises, and its fake."""

from datetime import UTC, datetime, timedelta

import pytest

from cdml.adapters.local import SystemClock
from fakes.clock import FakeClock


@pytest.fixture(params=["fake", "system"])
def clock(request):
    return FakeClock() if request.param == "fake" else SystemClock()


def test_it_tells_the_time_in_utc(clock):
    assert timedelta(0) == clock.now().utcoffset()
    assert UTC is clock.now().tzinfo


def test_it_never_goes_back(clock):
    told = [clock.now() for _ in range(100)]

    assert sorted(told) == told


def test_waiting_takes_at_least_as_long_as_was_asked(clock):
    before = clock.now()
    clock.sleep(0.05)

    assert timedelta(seconds=0.049) <= clock.now() - before


def test_waiting_no_time_is_no_error(clock):
    clock.sleep(0)


def test_the_machines_clock_tells_the_machines_time():
    before = datetime.now(UTC)

    assert before <= SystemClock().now() <= datetime.now(UTC)
