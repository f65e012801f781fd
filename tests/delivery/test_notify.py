import hashlib
import hmac
import json

import pytest

from cdml.ci.code_host import PullRequest
from cdml.delivery.notify import EVENT, SIGNATURE, notify
from cdml.errors import ServiceError
from fakes.delivery import CONFIG, World

HOOK = "deploy: {notify: {webhook: 'https://hook.test/cdml', secret: s3cret}}\n"
COMMIT = "c" * 40


@pytest.fixture
def world(tmp_path):
    """A serves; the commit merged pull request 7."""
    world = World(tmp_path)
    world.configure(CONFIG + HOOK)
    world.code_host.merged = {COMMIT: (PullRequest(number=7, head="d" * 40),)}
    world.ship("A")
    return world


def told(world, evidence):
    notify(world.loaded, world._ports(None), evidence)
    return evidence


def test_a_rollback_is_told_to_everybody(world):
    world.register("B", against="1")
    world.deploy("2")
    told(world, world.rollback(reason="@all it *is* bad"))

    (comment,) = world.code_host.comments
    assert (7, "flights in production") == (comment.number, comment.report_id)
    assert "Rolled back" in comment.body
    assert "@all" not in comment.body
    assert "Rolled back" in world.ci_run.summaries[-1]


def test_the_webhook_is_signed_over_the_very_body(world):
    world.register("B", against="1")
    evidence = told(world, world.deploy("2"))

    ((url, body, headers),) = world.webhook.sent
    expected = hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    assert ("https://hook.test/cdml", "deploy") == (url, headers[EVENT])
    assert f"sha256={expected}" == headers[SIGNATURE]
    document = json.loads(body)
    assert ("cdml.deployment/1", "1", "2") == (
        document["schema"],
        document["from"]["version"],
        document["to"]["version"],
    )
    assert evidence.journal == document["journal"]


def test_without_a_secret_nothing_is_signed(world):
    world.configure(CONFIG + HOOK.replace(", secret: s3cret", ""))
    world.register("B", against="1")
    told(world, world.deploy("2"))

    assert SIGNATURE not in world.webhook.sent[0][2]


def test_nobody_is_told_that_nothing_was_done(world):
    told(world, world.deploy("1"))

    assert ([], [], []) == (world.webhook.sent, world.code_host.comments, world.ci_run.summaries)


def test_trouble_with_telling_stops_nobody_from_being_told(world):
    world.code_host.refuses = True
    world.register("B", against="1")
    world.webhook.down = True

    def broken(markdown):
        raise ServiceError(f"no page for {len(markdown)} characters.")

    world.ci_run.add_summary = broken
    told(world, world.deploy("2"))

    for what in ("The job summary failed", "The comment failed", "The webhook failed"):
        assert any(note.startswith(what) for note in world.progress.notes), what


def test_the_secret_is_shown_nowhere(world):
    assert "s3cret" not in repr(world.loaded)


def test_an_unset_secret_is_no_error_of_the_gate(world):
    world.configure(CONFIG + HOOK.replace("s3cret", "'${HOOK_SECRET}'"))

    assert not world.loaded.config.deploy.notify.secret.get_secret_value()


def test_the_environments_address_stands_with_its_deployments(world):
    world.configure(CONFIG + "deploy: {url: 'https://models.example.org'}\n")
    world.register("B", against="1")
    world.deploy("2")

    assert "https://models.example.org" == world.code_host.deployments[-1].url
