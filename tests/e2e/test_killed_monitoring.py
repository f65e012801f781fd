"""Real processes of cdml are killed at each write of a look, and the next look finishes it.

The look proves a degradation, opens the issue, starts the retraining and rolls back, so that it
makes every write of monitoring. Git, the registry and the files are real.
"""

import signal

import pytest

from support.kill_monitoring import KillingOfMonitoring

OF_DELIVERY = ("FolderRegistry.", "Request.")
"""Writes inside of a rollback, at which `test_killed_on_haproxy` kills it."""


@pytest.fixture
def place(tmp_path):
    with KillingOfMonitoring(tmp_path) as place:
        place.degrade()
        yield place


@pytest.mark.long
def test_a_look_that_is_killed_at_any_write_is_finished_by_the_next(place):
    place.begin_anew()
    clean = place.look()
    assert 1 == clean.code, clean.said
    assert not [line for line in clean.writes if line.startswith("uncounted")]
    place.look()
    undisturbed = place.outcome()
    assert "1" == undisturbed["serving"]
    assert [("flights in production has degraded", "closed")] == undisturbed["issues"]
    assert ["train.yml"] == undisturbed["started"]
    assert [("cdml:rollback", "success")] == undisturbed["deployments"]
    for at, write in enumerate(clean.writes):
        if write.startswith(OF_DELIVERY):
            continue
        place.begin_anew()
        killed = place.look(at, "after")
        assert -signal.SIGKILL == killed.code, killed.said
        place.expire()
        for _ in range(2):
            mended = place.look()
            assert mended.code in (0, 1), (write, mended.said)

        assert undisturbed == place.outcome(), write
