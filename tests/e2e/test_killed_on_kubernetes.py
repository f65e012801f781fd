"""Real processes of cdml are killed at each of their writes, on the fake API server.

As on HAProxy: after each kill the same is asked for again, and the cluster, the registry and the
journal have to agree. At no moment has a release traffic whose pods are not there.
"""

import pytest

from support.kill_kubernetes import KillingOnKserve, KillingOnKubernetes
from support.kill_stories import CANARY, STORIES, ask_again, begin, ended, kill, prepare

CASES = [
    *((KillingOnKubernetes, name, "after") for name in STORIES),
    (KillingOnKubernetes, "deploy", "before"),
    (KillingOnKubernetes, "rollback", "before"),
    # The ramp is the same code; these make, serve and delete an InferenceService.
    (KillingOnKserve, "deploy", "after"),
    (KillingOnKserve, "deploy", "before"),
    (KillingOnKserve, "harmful", "after"),
    (KillingOnKserve, "rollback", "after"),
]


@pytest.fixture
def place(request, tmp_path):
    kind, name = request.param
    story = STORIES[name]
    canary = CANARY if story.verdicts else None
    with kind(tmp_path, canary=canary, verdicts=story.verdicts) as place:
        prepare(place, story)
        yield place


@pytest.mark.long
@pytest.mark.parametrize(
    ("place", "when"),
    [
        pytest.param(case[:2], case[2], id="-".join((case[0].TARGET.name, *case[1:])))
        for case in CASES
    ],
    indirect=["place"],
)
def test_a_process_killed_at_any_write_to_a_cluster_is_mended_by_the_next(place, when):
    begin(place)
    clean = place.run(*place.story.command)
    ended(place)
    assert not [line for line in clean.writes if line.startswith("uncounted")]
    assert [line for line in clean.writes if line.startswith("ApiClient._send")]
    for at, write in enumerate(clean.writes):
        begin(place)
        killed = kill(place, at, when)
        assert at + 1 == len(killed.writes), write
        ask_again(place, write)
