import pytest

from cdml.delivery.rollout.plan import Refusal, RefusalReason, needed_overrides, overridden_refusals
from cdml.errors import ConfigurationError, DeploymentRefused


def objection(refusal):
    return RefusalReason(refusal=refusal, message=f"{refusal} says no.", hint="Do better.")


def test_without_objections_nothing_is_overridden():
    assert () == needed_overrides((), frozenset({Refusal.VERDICT}))


@pytest.mark.parametrize("refusal", list(Refusal))
def test_an_objection_that_is_not_overridden_refuses_by_its_name(refusal):
    with pytest.raises(DeploymentRefused) as caught:
        needed_overrides((objection(refusal),), frozenset(set(Refusal) - {refusal}))

    assert (refusal, 4) == (caught.value.reason, caught.value.exit_code)
    assert f"--override {refusal}" in caught.value.hint


def test_all_that_speaks_against_it_is_told_at_once():
    against = tuple(map(objection, (Refusal.DIGEST, Refusal.VERDICT, Refusal.QUARANTINED)))

    with pytest.raises(DeploymentRefused, match=r"Refused \(digest\).* quarantined, verdict"):
        needed_overrides(against, frozenset())


def test_only_overrides_that_were_needed_are_recorded():
    overrides = frozenset({Refusal.VERDICT, Refusal.DIGEST})

    assert (Refusal.VERDICT,) == needed_overrides((objection(Refusal.VERDICT),), overrides)


def test_an_unknown_override_is_told_with_the_nearest_name():
    with pytest.raises(ConfigurationError, match="did you mean 'verdict'"):
        overridden_refusals(("verdikt",), "because")


@pytest.mark.parametrize("reason", ["", "  "])
def test_an_override_needs_a_reason(reason):
    with pytest.raises(ConfigurationError, match="needs a reason"):
        overridden_refusals(("verdict",), reason)
