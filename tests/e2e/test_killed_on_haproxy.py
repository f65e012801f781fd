"""Real processes of cdml are killed at each of their writes, on a real HAProxy with traffic.

Which writes there are is found out by a clean run. After each kill the same is asked for again,
and HAProxy, its servers, the registry and the journal have to agree on what was asked for. All
the while clients ask: no request is lost, and no model answers one that was not checked.
"""

import pytest

from support.kill_points import Killing, sound
from support.kill_stories import (
    CANARY,
    DEPLOY,
    STORIES,
    Story,
    ask_again,
    begin,
    ended,
    kill,
    prepare,
)

PUSHED = {"pushed deploy": Story(DEPLOY, ends="2", origin=True)}
# Before a write the world is as it was after the one before it; but servers come up meanwhile.
CASES = [(name, "after") for name in STORIES] + [("deploy", "before"), ("rollback", "before")]


@pytest.fixture
def place(request, tmp_path):
    story = {**STORIES, **PUSHED}[request.param]
    canary = CANARY if story.verdicts else None
    with Killing(tmp_path, canary=canary, verdicts=story.verdicts, origin=story.origin) as place:
        prepare(place, story)
        yield place


@pytest.mark.long
@pytest.mark.parametrize(("place", "when"), CASES, indirect=["place"])
def test_a_process_killed_at_any_write_is_mended_by_the_next(place, when, record_property):
    ever = {*place.story.served, place.story.ends or "2", "2" if place.story.begun else "1"}
    digests = [place.release(version).digest for version in ever]
    begin(place)
    clean = place.run(*place.story.command)
    ended(place)
    record_property("writes", clean.writes)
    assert not [line for line in clean.writes if line.startswith("uncounted")]
    for at, write in enumerate(clean.writes):
        begin(place)
        with place.load(a_second=10) as load:
            killed = kill(place, at, when)
            assert at + 1 == len(killed.writes), write
            ask_again(place, write)
        sound(load.answers, *digests)


@pytest.mark.long
@pytest.mark.parametrize(
    ("place", "write", "meanwhile"),
    [
        ("pushed deploy", "Git.", lambda _: None),
        ("deploy", "Runtime.", lambda place: place.haproxy.restart()),
        ("rollback", "Runtime.", lambda place: place.haproxy.restart()),
    ],
    indirect=["place"],
    ids=["the journal is pushed", "HAProxy restarts in a deploy", "HAProxy restarts in a rollback"],
)
def test_a_process_killed_after_such_a_write_is_mended_by_the_next(place, write, meanwhile):
    begin(place)
    clean = place.run(*place.story.command).writes
    chosen = [at for at, one in enumerate(clean) if one.startswith(write)]
    assert chosen
    for at in chosen:
        begin(place)
        kill(place, at, "after")
        meanwhile(place)
        ask_again(place, clean[at])
