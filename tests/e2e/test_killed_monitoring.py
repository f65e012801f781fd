"""Real processes of cdml are killed at each write of a look, and the next look finishes it.

One look proves a degradation, opens the issue, starts the retraining by a workflow and rolls back;
others send an event instead, bring the issue up to date, or close it. Git, the registry and the
files are real.
"""

import signal
from contextlib import ExitStack

import pytest

from support.kill_monitoring import BY_EVENT, ONLY_ISSUE, KillingOfMonitoring

OF_DELIVERY = ("FolderRegistry.", "Request.")
"""Writes inside of a rollback, at which `test_killed_on_haproxy` kills it."""


@pytest.fixture
def make_place(tmp_path):
    with ExitStack() as stack:
        yield lambda **words: stack.enter_context(KillingOfMonitoring(tmp_path, **words))


def finish_wherever_killed(place, undisturbed, writes):
    """Kill a look after each of these writes; later looks leave what an undisturbed one does."""
    for at, write in enumerate(writes):
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


def undisturbed_look(place, code=1):
    """The writes of a look that nothing disturbs, and what it and the next one leave."""
    place.begin_anew()
    clean = place.look()
    assert code == clean.code, clean.said
    assert not [line for line in clean.writes if line.startswith("uncounted")]
    place.look()
    return clean.writes, place.outcome()


@pytest.mark.long
def test_a_look_that_is_killed_at_any_write_is_finished_by_the_next(make_place):
    place = make_place()
    place.degrade()

    writes, undisturbed = undisturbed_look(place)

    assert "1" == undisturbed["serving"]
    assert [("flights in production has degraded", "closed")] == undisturbed["issues"]
    assert ["train.yml"] == undisturbed["started"]
    assert [("cdml:rollback", "success")] == undisturbed["deployments"]
    finish_wherever_killed(place, undisturbed, writes)


@pytest.mark.long
def test_an_event_is_sent_once_wherever_the_look_is_killed(make_place):
    place = make_place(reactions=BY_EVENT)
    place.degrade()

    writes, undisturbed = undisturbed_look(place)

    assert ["model-degraded"] == undisturbed["started"]
    assert [("flights in production has degraded", "open")] == undisturbed["issues"]
    assert 2 == len([one for one in writes if "Client.send" in one])
    finish_wherever_killed(place, undisturbed, writes)


@pytest.mark.long
def test_an_issue_is_brought_up_to_date_wherever_the_look_is_killed(make_place):
    place = make_place(reactions=ONLY_ISSUE)
    place.degrade()
    undisturbed_look(place)
    place.keep_look()
    (place.folder / "labels.parquet").unlink()  # there is something new to report

    writes, undisturbed = undisturbed_look(place)

    assert [("flights in production has degraded", "open")] == undisturbed["issues"]
    assert ["PATCH"] == [one.split()[1] for one in writes if "Client.send" in one]
    finish_wherever_killed(place, undisturbed, writes)


@pytest.mark.long
def test_an_issue_is_closed_once_wherever_the_look_is_killed(make_place):
    place = make_place(reactions=ONLY_ISSUE)
    place.degrade(accuracy=0.95)
    labels = place.folder / "labels.parquet"
    away = labels.rename(labels.with_suffix(".away"))
    place.begin_anew()
    assert 3 == place.look().code
    place.keep_look()
    away.rename(labels)

    writes, undisturbed = undisturbed_look(place, code=0)

    assert [("flights in production is not watched", "closed")] == undisturbed["issues"]
    assert ["PATCH"] == [one.split()[1] for one in writes if "Client.send" in one]
    assert undisturbed["issue"] is None
    finish_wherever_killed(place, undisturbed, writes)
