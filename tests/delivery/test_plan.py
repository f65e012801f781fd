from datetime import UTC, datetime

import pytest

from cdml.delivery.rollout.plan import entry_of_version, planned_steps, rollback_target
from cdml.journal.records import EntryKind, Operation, Phase, Serving
from fakes.journals import ledger_of, release

A, B, C, D = (release(number) for number in range(1, 5))
A_AGAIN = release(9, digest=1)
NOW = datetime(2026, 5, 1, tzinfo=UTC)
NOTHING = Serving(version=None, digest=None)


def seen(of):
    return Serving(version=of.version, digest=None)


@pytest.mark.parametrize(
    ("served", "quarantined", "serving", "expected"),
    [
        ((A, B), (), seen(B), A),
        ((A, C), (), seen(C), A),
        ((A, B, C), (B,), seen(C), A),
        ((A, B, A), (), seen(A), B),
        ((A, B, A), (B,), seen(A), None),
        ((A, B, A_AGAIN), (), seen(A_AGAIN), B),
        ((A, A_AGAIN), (), seen(A_AGAIN), None),
        ((A,), (), seen(A), None),
        ((), (), seen(A), None),
        ((A, B), (), seen(D), B),
        ((A, B), (B,), seen(D), A),
        ((A, B), (), NOTHING, B),
        ((A, B), (), Serving(version="2", digest=C.digest), B),
    ],
    ids=[
        "the one before",
        "not version - 1",
        "over a quarantined one",
        "back and forth",
        "never into quarantine",
        "the same bytes under two numbers are one",
        "only the same bytes",
        "a first release",
        "an empty journal",
        "drift: what the journal says",
        "drift: what the journal says, unless in quarantine",
        "nothing serves: what should",
        "another digest under the same number",
    ],
)
def test_the_way_back_leads_to_the_newest_good_release_that_differs(
    served, quarantined, serving, expected
):
    entry = rollback_target(ledger_of(*served, quarantined=quarantined), serving)

    assert expected == (entry.release if entry else None)


def test_a_version_is_named_by_its_newest_entry():
    ledger = ledger_of(A, B, A)

    assert ledger.entries[0] == entry_of_version(ledger, "1")
    assert entry_of_version(ledger, "4") is None


def test_a_plan_names_its_steps_in_order():
    operation = Operation(
        id="1", kind=EntryKind.DEPLOY, from_=A, to=B, phase=Phase.RECORD, started_at=NOW
    )

    assert ["lock", "record", "commit", "switch", "close"] == list(planned_steps(operation))
