"""A deploy a day, and labels that arrive weeks later: the state stays small, and all are judged."""

from datetime import timedelta

import pytest

from cdml.monitoring import state_size
from support.monitoring_scenarios import DAY, MONITORING, MonitoredWorld

DELAY = 12
LATE = MONITORING.replace("label_delay: 2d", f"label_delay: {DELAY}d")


def deploy_daily(world, days):
    """Versions that serve for a day each, with a look at its end; how many versions each lists."""
    listed = []
    for day in range(days):
        world.ship(f"v{day}")
        world.clock.pass_by(timedelta(minutes=1))
        world.serve(1, rows=40, accuracy=0.9)
        world.monitor()
        listed.append(len(world.remembered.periods))
    return listed


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A world whose state has room for a few versions."""
    monkeypatch.setattr(state_size, "MOST_BYTES", 800)
    assert LATE != MONITORING
    return MonitoredWorld(tmp_path, monitoring=LATE)


def test_versions_wait_in_the_journal_until_a_window_of_theirs_is_closed(world, monkeypatch):
    listed = deploy_daily(world, DELAY + 4)

    assert max(listed) < DELAY
    assert state_size.stored_bytes(world.remembered) <= 800
    waiting = world.remembered.waiting_since
    assert waiting is not None
    world.clock.pass_by((DELAY + 2) * DAY)
    monkeypatch.setattr(state_size, "MOST_BYTES", 10**6)
    late = [one for one in world.monitor().versions if one.since >= waiting]
    assert len(late) > DELAY / 2
    assert all(one.judged_windows >= 1 for one in late)
    assert world.remembered.waiting_since is None


def test_no_version_waits_while_there_is_room(world, monkeypatch):
    monkeypatch.setattr(state_size, "MOST_BYTES", 10**6)

    listed = deploy_daily(world, 5)

    assert [1, 2, 3, 4, 5] == listed
    assert world.remembered.waiting_since is None
