"""A first model: only if the registry and the journal say so."""

from dataclasses import replace

import pytest

from cdml.common.verdict import Verdict
from cdml.errors import ServiceError
from cdml.evidence import store
from cdml.evidence.schema import Comparison
from cdml.journal.file import dump_journal
from cdml.journal.records import JournalDocument
from fakes.journals import ledger_of, release
from fakes.judging import World

PASS, WARN, INCONCLUSIVE, FAIL = Verdict


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.mark.parametrize(
    ("gates", "policy", "verdict"),
    [
        ("{metric: accuracy, at_least: 0.5, max_regression: 0.01}", "", PASS),
        ("{metric: accuracy, at_least: 0.999}", "", FAIL),
        ("{metric: accuracy, max_regression: 0.01}", "", INCONCLUSIVE),
        ("{metric: accuracy, max_regression: 0.01}", "on_inconclusive: warn", INCONCLUSIVE),
        ("{metric: accuracy, at_least: 0.5}", "first_model: hold", INCONCLUSIVE),
        ("", "", INCONCLUSIVE),
    ],
)
def test_a_first_model_is_decided_by_bounds_or_held(world, gates, policy, verdict):
    world.gates, world.policy = gates, policy
    found = world.compare(world.model("good"))
    assert (verdict, None) == (found.verdict, found.champion)
    assert "max_regression" not in gates or found.gates
    assert all("not compared" in gate.reason and not gate.judged for gate in found.gates)


def test_no_champion_in_the_registry_but_one_in_the_journal_is_an_error(world):
    ledger = replace(ledger_of(release(3)), model="late")
    world.journal.write(dump_journal(ledger), "deployed", None)
    with pytest.raises(ServiceError, match="journal"):
        world.compare(world.model("good"))


def test_a_journal_in_which_nothing_serves_yet_leaves_room_for_a_first_model(world):
    world.journal.write(
        dump_journal(JournalDocument(model="late", environment="production")), "undone", None
    )

    assert world.compare(world.model("good")).champion is None


def test_a_journal_that_cannot_be_read_tells_how_to_say_that_this_is_the_first(world):
    def refuse():
        raise ServiceError("the remote refused")

    world.journal.read = refuse
    with pytest.raises(ServiceError, match="the remote refused") as caught:
        world.compare(world.model("good"))

    assert "--champion none" in caught.value.hint


def test_an_unreachable_registry_is_never_a_first_model(world):
    world.registry.down = True
    with pytest.raises(ServiceError):
        world.compare(world.model("good"))
    assert store.read_evidence(world.output, Comparison) is None
