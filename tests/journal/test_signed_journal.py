"""Journals that are signed, and journals in which anything was changed."""

import copy
import json
from dataclasses import replace

import pytest

from cdml.adapters.journals.signed import SignedJournal
from cdml.delivery.branch_protection import warn_unprotected
from cdml.errors import CdmlError, ConfigurationError, InputError, ServiceError
from cdml.journal import file as document
from cdml.journal.history import read_history, sign_journal
from cdml.journal.records import GIVEN_BACK, EntryKind, Lock, Operation, Phase
from cdml.journal.signature import FIELD, Keys
from fakes.delivery import World
from fakes.faults import Faults, Killed
from fakes.split_delivery import SplitWorld
from support.delivery_scenarios import agreed

OLD, NEW = "0" * 32, "1" * 32


def keys(newest="", previous=""):
    return Keys.from_environment(
        {"CDML_JOURNAL_KEY": newest, "CDML_JOURNAL_KEY_PREVIOUS": previous}
    )


def under(world, *given):
    """The journal as a run with these keys has it; `raw` stays what is in the repository."""
    world.raw = getattr(world, "raw", world.journal)
    world.journal = SignedJournal(journal=world.raw, keys=keys(*given))
    return world


@pytest.fixture
def world(tmp_path):
    """A and B served, each signed for; C is judged and waits."""
    world = under(World(tmp_path), NEW)
    world.ship("A", "B")
    world.register("C", against="2")
    return world


def served(world):
    return world.deploy("3").changed and "3" == agreed(world)


def test_every_entry_is_signed_and_the_next_run_believes_it(world):
    assert all(FIELD in json.loads(one) for one in world.raw.documents)
    assert served(world)
    assert "2" == world.rollback().to.version


def places(value, path=()):
    """Every place in a document, the inner ones too."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        yield (*path, key)
        if isinstance(inner, dict | list):
            yield from places(inner, (*path, key))


def changed(whole, path, value):
    whole = copy.deepcopy(whole)
    *outer, last = path
    inner = whole
    for key in outer:
        inner = inner[key]
    inner[last] = value
    return whole


def test_with_a_key_no_changed_entry_is_read(world):
    with pytest.raises(Killed):
        world.deploy("3", faults=Faults(4))
    whole = json.loads(world.raw.documents[-1])
    before = list(world.raw.documents)
    tried = 0
    for path in places(whole):
        for value in (None, "", "3", 7, [], {}, True):
            if changed(whole, path, value) == whole:
                continue
            world.raw.documents = [*before[:-1], json.dumps(changed(whole, path, value))]
            with pytest.raises(InputError):
                world.journal.read()
            tried += 1
    assert tried > 100


RUNS = {
    "deploy": lambda world: world.deploy("2"),
    "rollback": lambda world: world.rollback(),
}


@pytest.mark.parametrize("run", RUNS)
def test_without_a_key_a_changed_entry_ships_nothing_that_nobody_approved(run, tmp_path):
    """v3 was registered by somebody, and no gate ever judged it."""
    world = World(tmp_path)
    world.ship("A", "B")
    evil = world.register("evil", kept=False)
    ledger = world.ledger
    operation = Operation(
        id="f" * 16,
        kind=EntryKind.DEPLOY,
        from_=ledger.current.from_,
        to=ledger.current.release,
        phase=Phase.PUBLISH,
        started_at=world.clock.now(),
    )
    lock = Lock(operation="f" * 16, run=None, expires_at=GIVEN_BACK)
    whole = document.dump_journal(replace(ledger, operation=operation, lock=lock))
    kept = list(world.journal.documents)
    aliases = dict(world.registry.aliases)
    release = {"version": "3", "digest": evil.digest, "source": evil.source}
    for path in places(whole):
        for value in (None, "", "3", 9, [], release, evil.digest, *("publish", "rollback")):
            forged = changed(whole, path, value)
            if isinstance(value, dict) and path[-1] in ("current", "from", "to"):
                inner = whole
                for key in path:
                    inner = inner[key]
                forged = changed(whole, path, {**(inner or {}), **release})
            world.journal.documents = [*kept, json.dumps(forged)]
            world.registry.aliases = dict(aliases)
            try:
                RUNS[run](world)
            except CdmlError:
                assert world.serving in ("1", "2"), path
            assert world.serving in ("1", "2"), path


@pytest.mark.parametrize("index", [0, 1, 2, -2])
def test_an_older_entry_that_is_pushed_once_more_is_found(world, index):
    world.raw.documents.append(world.raw.documents[index])

    for run in (lambda: world.deploy("3"), world.rollback, lambda: history_of(world)):
        with pytest.raises(InputError, match="does not match CDML_JOURNAL_KEY"):
            run()
    assert "2" == world.serving


@pytest.mark.parametrize("kind", [World, SplitWorld])
@pytest.mark.parametrize("given", [(), (NEW,)], ids=["no key", "a key"])
def test_a_branch_that_is_set_back_is_found_by_what_the_registry_has_deployed(
    tmp_path, kind, given
):
    world = under(kind(tmp_path), *given)
    world.ship("A")
    before = len(world.raw.documents)
    world.ship("B")
    world.register("C", against="2")
    del world.raw.documents[before:]

    for cure in (None, "repair"):
        with pytest.raises(ServiceError, match=r"v2 does .* older than the last deployment"):
            world.deploy("3", cure=cure, reason="it must go on")
        assert "2" == world.serving

    world.deploy(cure="adopt", reason="the branch was lost")
    assert "2" == agreed(world)
    assert world.deploy("3").changed


@pytest.mark.parametrize("kind", [World, SplitWorld])
def test_a_branch_that_is_deleted_is_found_by_what_the_registry_has_deployed(tmp_path, kind):
    world = under(kind(tmp_path))
    world.ship("A")
    world.register("B", against="1")
    world.raw.documents.clear()

    for rehearsal in (True, False):
        with pytest.raises(ServiceError, match=r"has no entry\. .* reset or deleted"):
            world.deploy("2", dry_run=rehearsal)
        assert "1" == world.serving

    assert world.deploy("2", cure="adopt", reason="the branch was lost").changed
    assert "2" == agreed(world)


def history_of(world):
    return read_history(world.loaded, journal=world.journal)


def test_an_unsigned_entry_is_refused(world):
    bare = json.loads(world.raw.documents[-1])
    del bare[FIELD]
    world.raw.documents.append(json.dumps(bare))

    with pytest.raises(InputError, match="is not signed") as caught:
        world.deploy("3")

    assert "cdml history --sign" in caught.value.hint
    assert "2" == world.serving


def test_a_key_is_changed_while_the_one_before_is_believed(world):
    under(world, OLD)
    with pytest.raises(InputError, match="does not match CDML_JOURNAL_KEY") as caught:
        world.deploy("3")
    assert "CDML_JOURNAL_KEY_PREVIOUS" in caught.value.hint

    under(world, OLD, NEW)
    assert served(world)
    under(world, OLD)
    assert "2" == world.rollback().to.version


def test_who_has_no_key_reads_a_signed_journal_and_does_not_write_it(world):
    under(world)

    assert "2" == history_of(world)["current"]["version"]
    with pytest.raises(ConfigurationError, match="is signed, but CDML_JOURNAL_KEY is not set"):
        world.deploy("3")
    assert "2" == world.serving


def signed(world, given=NEW):
    journal = SignedJournal(journal=world.raw, keys=keys(given), accepts=True)
    return sign_journal(world.loaded, journal=journal, keys=keys(given))


def test_an_older_journal_is_signed_once_by_hand(tmp_path):
    world = World(tmp_path)
    world.ship("A", "B")
    world.register("C", against="2")
    under(world, NEW)
    with pytest.raises(InputError, match="is not signed"):
        world.deploy("3")

    assert signed(world) == str(len(world.raw.documents))

    assert served(world)
    assert "sign: the journal of flights in production as it is" in world.raw.subjects


def test_an_open_operation_is_not_signed(tmp_path):
    world = World(tmp_path)
    world.ship("A")
    world.register("B", against="1")
    with pytest.raises(Killed):
        world.deploy("2", faults=Faults(3))
    under(world, NEW)

    with pytest.raises(InputError, match="is still open in the journal"):
        signed(world)
    with pytest.raises(ConfigurationError, match="is not set"):
        signed(world, "")


def test_nothing_is_nothing_to_sign(tmp_path):
    with pytest.raises(InputError, match="no journal to sign"):
        signed(under(World(tmp_path), NEW))


def test_keys_that_keep_no_secret_are_refused_and_never_shown():
    with pytest.raises(ConfigurationError, match="has 31 characters"):
        keys("x" * 31)
    with pytest.raises(ConfigurationError, match="CDML_JOURNAL_KEY is not"):
        keys("", NEW)
    assert NEW not in repr(keys(NEW, OLD))
    assert OLD not in repr(SignedJournal(journal=None, keys=keys(NEW, OLD)))


@pytest.mark.parametrize("protected", [True, False, None])
def test_a_deploy_says_where_others_can_push_to_the_journal(tmp_path, protected):
    world = World(tmp_path)
    world.code_host.protected = protected

    warn_unprotected(world.loaded, world._ports(None), "50% off")

    assert ["cdml/50%25%20off/flights"] == world.code_host.branches
    told = [(one.level, "cdml/**" in one.message) for one in world.ci_run.annotations]
    assert ([("warning", True)] if protected is False else []) == told
    assert len(world.progress.notes) == len(told)
