"""What a pull request may not change, and whether a service has what a model reads."""

from dataclasses import replace

import pytest

from cdml.common.verdict import Verdict
from cdml.features.definitions import (
    accepts,
    check_changes,
    check_inputs,
    check_service,
    record_service,
)
from cdml.features.feature_store import FeatureRepository, FeatureService, ServiceFeature
from fakes.feature_store import SERVICE, repository, view

RECORD = record_service(repository(), SERVICE)


def changes(changed: FeatureRepository) -> list[str]:
    found = list(check_changes(changed, RECORD))
    return [check.observed for check in found if check.verdict is Verdict.FAIL]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"features": {"spend": "float", "visits": "long"}}, "spend changes from double to float"),
        ({"features": {"spend": "double"}}, "visits is removed"),
        ({"ttl_seconds": 86_400.0}, "TTL changes from 48 h to 24 h"),
        ({"ttl_seconds": None}, "TTL changes from 48 h to unlimited"),
        ({"source": "elsewhere"}, "source changes"),
        ({"join_keys": ("account_id",)}, "join keys change from user_id to account_id"),
    ],
)
def test_a_change_of_what_the_champion_reads_is_refused(changed, words):
    (change,) = changes(repository(view(**changed)))
    assert words in change


def test_a_removed_view_is_refused():
    assert changes(FeatureRepository(views={}, services={})) == ["it is removed"]


def test_new_features_and_new_views_are_allowed():
    more = repository(view(features={"spend": "double", "visits": "long", "clicks": "long"}))
    more = replace(more, views={**more.views, "other": view()})
    assert changes(more) == []


def test_a_service_without_a_feature_of_the_champion_is_refused():
    less = FeatureService(features=(ServiceFeature(name="spend", view="stats", type="double"),))
    assert changes(repository(**{SERVICE: less})) == [
        f"the service {SERVICE} does not read visits any more"
    ]


def test_a_new_service_may_replace_that_of_the_champion():
    """What serves the champion is applied; its views are what must stay."""
    whole = repository()
    renamed = replace(whole, services={"flight_delays_v2": whole.services[SERVICE]})
    assert changes(renamed) == []


def test_a_view_that_is_transformed_counts_as_read():
    transformed = view(
        features={"ratio": "double"}, reads=("stats",), source="code 1", join_keys=()
    )
    service = FeatureService(
        features=(ServiceFeature(name="ratio", view="on_demand", type="double"),)
    )

    def with_stats(**changed):
        views = {"stats": view(**changed), "on_demand": transformed}
        return FeatureRepository(views=views, services={SERVICE: service})

    record = record_service(with_stats(), SERVICE)
    found = list(check_changes(with_stats(ttl_seconds=1.0), record))
    assert [check.column for check in found] == ["stats"]
    assert not [c for c in check_changes(with_stats(), record) if c.verdict is Verdict.FAIL]


def test_the_digest_is_of_what_the_service_reads():
    other = view(features={"visits": "long", "spend": "double"})
    assert record_service(repository(other), SERVICE).digest == RECORD.digest
    assert record_service(repository(view(ttl_seconds=1.0)), SERVICE).digest != RECORD.digest
    unread = replace(repository(), views={**repository().views, "other": view(source="x")})
    assert record_service(unread, SERVICE).digest == RECORD.digest


def test_an_unknown_service_fails_and_names_those_there_are():
    check = check_service(repository(), "flight_delay")
    assert check.verdict is Verdict.FAIL
    assert SERVICE in check.reason
    assert record_service(repository(), "flight_delay") is None


def test_a_service_of_an_undefined_view_fails():
    lost = FeatureService(features=(ServiceFeature(name="x", view="gone", type="long"),))
    check = check_service(repository(lost=lost), "lost")
    assert check.verdict is Verdict.FAIL
    assert "gone" in check.reason


def inputs(types, *, required=None, request=()):
    whole = repository()
    checks = check_inputs(
        whole, whole.services[SERVICE], types, list(required or types), list(request)
    )
    return {(check.name, check.column): check.verdict for check in checks}


def test_a_service_with_all_inputs_passes():
    assert set(inputs({"spend": "double", "visits": "long"}).values()) == {Verdict.PASS}


def test_an_input_without_a_feature_fails_unless_it_is_optional():
    missing = ("feature_columns", "clicks")
    assert inputs({"spend": "double", "clicks": "long"})[missing] is Verdict.FAIL
    optional = inputs({"spend": "double", "clicks": "long"}, required=["spend"])
    assert optional[missing] is Verdict.WARN


def test_join_keys_and_inputs_of_the_request_need_no_feature():
    types = {"spend": "double", "user_id": "long", "amount": "double"}
    assert set(inputs(types, request=["amount"]).values()) == {Verdict.PASS}


def test_a_type_that_loses_digits_fails():
    assert inputs({"visits": "integer"})["feature_types", "visits"] is Verdict.FAIL


@pytest.mark.parametrize(
    ("wanted", "given", "fine"),
    [
        ("double", "double", True),
        ("double", "float", True),
        ("double", "long", True),
        ("float", "double", False),
        ("long", "integer", True),
        ("long", "double", False),
        ("string", "long", False),
        ("float64", "double", True),
        ("int64", "long", True),
        ("array(double)", "array(float)", True),
        ("array(float)", "float", False),
    ],
)
def test_types_that_lose_nothing_are_accepted(wanted, given, fine):
    assert accepts(wanted, given) is fine
