"""What a deploy refuses, and how that is overridden."""

import pytest

from cdml.cli import exit_codes
from cdml.errors import ConfigurationError, DeploymentRefused
from fakes.delivery import CONFIG, OTHER_ROWS, World


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def refused(world, **words):
    before = world.journal.documents.copy()
    with pytest.raises(DeploymentRefused) as caught:
        world.deploy(**words)
    assert before == world.journal.documents
    assert not (world.output / "deployment.json").exists()
    return caught.value.reason


def test_without_evidence_it_is_refused(world):
    world.register("A", kept=False)

    assert "no-evidence" == refused(world, model="1")


def test_evidence_that_is_gone_is_refused_by_name_and_can_be_overridden(world):
    world.register("A")
    world.registry.kept["flights", "1"] = {"evaluation.json": b"{}"}

    assert "no-evidence" == refused(world, model="1")
    told = world.deploy("1", override=("no-evidence",), reason="the store was emptied")
    assert ("no-evidence",) == told.overrides


def test_evidence_can_be_given_as_a_folder(world):
    version = world.register("A", kept=False)

    told = world.deploy("1", evidence=world.evidence(version))

    assert "1" == told.to.version


def test_evidence_of_another_model_is_refused(world):
    other = world.register("A")
    world.register("B")

    assert "digest" == refused(world, model="2", evidence=world.evidence(other))


def test_bytes_that_changed_since_they_were_judged_are_refused(world):
    world.register("A")
    world.tamper("1")

    assert "digest" == refused(world, model="1")


def test_evidence_whose_stages_saw_different_rows_is_refused(world):
    world.register("A", rows=OTHER_ROWS)

    assert "digest" == refused(world, model="1")


def test_the_verdict_is_formed_anew_under_the_deployed_configuration(world):
    world.register("A", auc=0.85)
    world.configure(CONFIG.replace("0.8}", "0.88}"))

    assert "verdict" == refused(world, model="1")


def test_data_that_failed_is_refused(world):
    world.register("A", data_verdict="fail")

    assert "verdict" == refused(world, model="1")


def test_a_contract_nobody_held_the_data_against_is_refused(world):
    version = world.register("A", kept=False)
    world.configure(CONFIG.replace("data: {", "data: {reference: before.parquet, "))
    folder = world.evidence(version)
    (folder / "data.json").unlink()

    assert "no-evidence" == refused(world, model="1", evidence=folder)
    assert "1" == world.deploy("1", evidence=world.evidence(version)).to.version


def test_a_comparison_with_somebody_who_serves_no_more_is_refused(world):
    world.ship("A")
    world.register("B", against="1")
    world.register("C", against="1")
    world.deploy("2")

    assert "champion-moved" == refused(world, model="3")


def test_a_model_judged_as_the_first_is_refused_where_one_serves(world):
    world.ship("A")
    world.register("B", against=None)

    assert "champion-moved" == refused(world, model="2")


def test_what_was_rolled_back_is_refused(world):
    world.ship("A", "B")
    world.rollback(reason="bad")

    assert "quarantined" == refused(world, model="2")


def test_an_override_ships_it_and_stands_in_journal_and_evidence(world):
    world.register("A", kept=False)

    told = world.deploy("1", override=("no-evidence", "verdict"), reason="we know better")

    assert ("no-evidence",) == told.overrides == world.ledger.current.overrides
    assert "we know better" in told.reason
    assert "we know better" == world.ledger.current.reason


def test_what_is_shipped_over_a_wrong_digest_is_known_by_its_bytes(world):
    world.register("A")
    digest = world.tamper("1")

    told = world.deploy("1", override=("digest",), reason="fixed by hand")

    assert digest == told.to.digest == world.registry.version("flights", "1").digest
    assert not world.deploy("1").changed


@pytest.mark.parametrize(
    ("override", "reason", "told"), [(("verdict",), "", "needs a reason"), (("x",), "y", "unknown")]
)
def test_an_override_is_checked_before_anything_else(world, override, reason, told):
    with pytest.raises(ConfigurationError, match=told):
        world.deploy("1", override=override, reason=reason)


def test_a_dry_run_refuses_what_a_deploy_would_refuse(world):
    world.register("A", kept=False)
    world.output.mkdir()

    assert "no-evidence" == refused(world, model="1", dry_run=True)


def test_overrides_may_be_given_one_by_one_or_with_commas(world, monkeypatch, capsys):
    monkeypatch.delenv("CI", raising=False)
    config = ["--config", str(world.folder / "cdml.yaml"), "--reason", "x"]
    for words in (
        ["--override", "nobody", "--override", "verdict"],
        ["--override", "verdict,nobody"],
    ):
        code = exit_codes.run(["deploy", "--model", "1", *words, *config])

        assert 2 == code
        assert "nobody" in capsys.readouterr().err
