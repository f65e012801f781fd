"""Freshness, missing values and parity, judged by values and event times."""

from datetime import timedelta

import pytest

from cdml.common.verdict import Verdict
from cdml.features.values import (
    check_freshness,
    check_nulls,
    check_parity,
    equal,
    mismatch_interval,
)
from fakes.feature_store import repository, sample, sampled, view


def freshness(of, limit=86_400.0, changed=None):
    (check,) = check_freshness(repository(changed), of, limit)
    return check


def parity(*features, at_most=0.005, **changes):
    return list(check_parity(sample(*features, **changes), tolerance=1e-6, at_most=at_most))


def test_recent_values_are_fresh():
    assert freshness(sample(sampled("spend", [1.0] * 9, [1.0] * 9))).verdict is Verdict.PASS


def test_a_feed_that_stopped_fails():
    old = sampled("spend", [1.0] * 9, [1.0] * 9, age=timedelta(hours=30))
    check = freshness(sample(old))
    assert check.verdict is Verdict.FAIL
    assert "30 h old" in check.reason
    assert freshness(sample(old), limit=None).verdict is Verdict.PASS


def test_values_beyond_their_ttl_are_warned_of_although_the_store_serves_them():
    expired = sampled("spend", [1.0] * 9, [None] * 9, age=timedelta(days=3))
    check = freshness(sample(expired), limit=None)
    assert check.verdict is Verdict.WARN
    assert "9 of 9 entities are served values beyond the TTL of 2 d" in check.reason
    unlimited = freshness(sample(expired), limit=None, changed=view(ttl_seconds=None))
    assert unlimited.verdict is Verdict.PASS


def test_an_event_time_without_a_value_is_no_value():
    """Redis answers PRESENT for entities that it does not know, with a null and the time 0."""
    nothing = sampled("spend", [None] * 9, [1.0] * 9)
    check = freshness(sample(nothing))
    assert check.verdict is Verdict.FAIL
    assert "no value" in check.reason


def test_entities_without_a_value_are_counted():
    some = sampled("spend", [1.0, None, None], [1.0] * 3)
    assert "2 of 3 have no value" in freshness(sample(some)).reason


def test_a_view_that_is_being_materialized_is_named():
    check = freshness(sample(sampled("spend", [1.0], [1.0])), changed=view(materializing=True))
    assert "being materialized now" in check.reason


def test_missing_values_warn_where_the_model_takes_whole_numbers():
    """An integer feature comes back as floating point once a value is missing."""
    some = sample(sampled("visits", [1, None], [1, None]), sampled("spend", [None, 1.0], [1.0] * 2))
    checks = {c.column: c for c in check_nulls(some, {"visits": "long", "spend": "double"})}
    assert checks["visits"].verdict is Verdict.WARN
    assert checks[None].verdict is Verdict.PASS
    assert checks[None].observed == "2"


def test_equal_values_pass_parity_also_as_other_numbers():
    (check,) = parity(sampled("visits", [1, 2, None], [1.0, 2.0, None]))
    assert check.verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("differing", "verdict"), [(0, Verdict.PASS), (1, Verdict.INCONCLUSIVE), (30, Verdict.FAIL)]
)
def test_parity_fails_only_where_too_many_differences_are_proven(differing, verdict):
    online = [2.0] * differing + [1.0] * (100 - differing)
    (check,) = parity(sampled("spend", online, [1.0] * 100))
    assert check.verdict is verdict
    assert f"{differing} of 100 entities differ" in check.reason


def test_an_entity_that_the_offline_store_leaves_out_is_a_difference():
    """An inner join would find no difference here."""
    lost = sampled("spend", [1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, None])
    (check,) = parity(lost, at_most=0.0, lost_offline=1)
    assert check.verdict is not Verdict.PASS
    assert "1 have a value only online" in check.reason
    assert "the offline store left out 1" in check.reason


def test_features_that_are_computed_for_a_request_are_listed():
    checks = parity(sampled("spend", [1.0], [1.0]), on_demand=("ratio",))
    assert "ratio" in checks[-1].reason


def test_values_are_compared_with_a_relative_tolerance():
    assert equal(1_000_000.0, 1_000_000.5, 1e-6)
    assert not equal(1.0, 1.1, 1e-6)
    assert equal((1, 2.0), (1.0, 2), 0)
    assert not equal((1.0,), (1.0, 2.0), 0)
    assert not equal(None, 0.0, 1e-6)
    assert equal("a", "a", 0)
    assert not equal("1", 1, 0)


def test_the_interval_of_a_mismatch_rate_is_exact():
    """Clopper and Pearson's, where it has a closed form."""
    none, every = mismatch_interval(0, 500), mismatch_interval(20, 20)
    assert (none.low, every.high) == (0.0, 1.0)
    assert none.high == pytest.approx(1 - 0.025 ** (1 / 500))
    assert every.low == pytest.approx(0.025 ** (1 / 20))
