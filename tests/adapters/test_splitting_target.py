"""What every target promises that serves two releases side by side, and its fake."""

import pytest

from cdml.delivery.rollout.state_machine import serves
from cdml.errors import InputError, ServiceError
from support.paths import FakePlace

BODY = b'{"dataframe_records": [{"x": 1}]}'


@pytest.fixture(
    params=[
        "fake",
        "haproxy",
        "kserve",
        "kubernetes",
        pytest.param("cluster", marks=pytest.mark.long),
    ]
)
def place(request):
    """A target that serves its first release since generation 1."""
    made = (
        FakePlace()
        if request.param == "fake"
        else request.getfixturevalue(f"{request.param}_place")
    )
    made.target.switch(made.releases[0], fence=1)
    return made


def shares(target):
    """Who has how much of the traffic, by version."""
    serving = target.observe()
    standby = serving.standby
    found = {serving.version: 100 - (standby.percent if standby else 0)}
    return {**found, **({standby.version: standby.percent} if standby else {})}


def test_what_is_staged_gets_no_traffic_and_answers(place):
    target, (first, second, *_) = place.target, place.releases
    target.stage(second, fence=2)
    serving = target.observe()

    assert serves(serving, first)
    assert (second.version, second.digest, 0) == (
        serving.standby.version,
        serving.standby.digest,
        serving.standby.percent,
    )
    assert serving.server != serving.standby.server
    assert 200 == target.send_request(second, BODY, timeout=60).status


def test_traffic_is_shifted_step_by_step_and_observed(place):
    target, (first, second, *_) = place.target, place.releases
    target.stage(second, fence=2)
    seen = []
    for percent in (5, 25, 50, 100):
        target.shift(second, percent, fence=2)
        seen.append(shares(target))

    assert [{"1": 95, "2": 5}, {"1": 75, "2": 25}, {"1": 50, "2": 50}, {"2": 100, "1": 0}] == seen
    assert serves(target.observe(), second)
    assert not serves(target.observe(), first)


def test_at_one_half_each_what_was_there_before_counts_as_serving(place):
    target, (first, second, *_) = place.target, place.releases
    target.stage(second, fence=2)
    target.shift(second, 50, fence=2)

    assert serves(target.observe(), first)


def test_everything_twice_is_everything_once(place):
    target, (first, second, *_) = place.target, place.releases
    for _ in range(2):
        target.stage(second, fence=2)
    for _ in range(2):
        target.shift(second, 25, fence=2)

    assert {first.version: 75, second.version: 25} == shares(target)


def test_a_canary_can_be_taken_back(place):
    target, (first, second, *_) = place.target, place.releases
    target.stage(second, fence=2)
    target.shift(second, 25, fence=2)
    target.shift(second, 0, fence=2)

    assert {first.version: 100, second.version: 0} == shares(target)


def test_what_served_is_kept_warm_until_it_is_retired(place):
    target, (first, second, *_) = place.target, place.releases
    target.switch(second, fence=2)

    assert 200 == target.send_request(first, BODY, timeout=60).status
    target.retire(fence=2)
    assert target.observe().standby is None
    assert serves(target.observe(), second)
    with pytest.raises(ServiceError):
        target.send_request(first, BODY, timeout=60)


def test_retiring_leaves_what_has_traffic(place):
    target, (first, second, *_) = place.target, place.releases
    target.stage(second, fence=2)
    target.shift(second, 25, fence=2)
    target.retire(fence=2)

    assert {first.version: 75, second.version: 25} == shares(target)


def test_a_staged_release_can_be_retired_when_nothing_serves(place):
    target, (first, second, *_) = place.target, place.releases
    target.stage(second, fence=2)
    target.shift(second, 0, fence=2)
    target.retire(fence=2)

    assert {first.version: 100} == shares(target)


def test_a_third_release_takes_the_place_of_what_was_kept_warm(place):
    target, (first, second, _, fourth) = place.target, place.releases
    target.switch(second, fence=2)
    target.stage(fourth, fence=3)

    assert {second.version: 100, fourth.version: 0} == shares(target)
    with pytest.raises(ServiceError):
        target.send_request(first, BODY, timeout=60)


def test_a_release_that_is_not_staged_gets_no_share(place):
    with pytest.raises(InputError):
        place.target.shift(place.releases[1], 5, fence=2)

    assert {"1": 100} == shares(place.target)


def test_a_first_release_has_all_traffic_or_none(place):
    first, *_ = place.releases
    with pytest.raises(InputError):
        place.target.shift(first, 50, fence=1)
    place.target.shift(first, 0, fence=1)

    assert place.target.observe().version is None
    assert place.target.observe().standby.version == first.version


def test_a_server_that_does_not_start_is_an_input_error_and_changes_nothing(place):
    target, (first, _, broken, _) = place.target, place.releases
    with pytest.raises(InputError, match="ended with exit code 1"):
        target.stage(broken, fence=2)

    assert {first.version: 100} == shares(target)
    assert 200 == target.send_request(first, BODY, timeout=60).status


def test_what_is_kept_warm_stays_when_the_registry_lost_the_new_one(place):
    target, (first, second, *_) = place.target, place.releases
    target.switch(second, fence=2)
    gone = type(first)(version="9", digest="sha256:" + "9" * 64, source="s")
    with pytest.raises(InputError):
        target.stage(gone, fence=3)

    assert {second.version: 100, first.version: 0} == shares(target)


@pytest.mark.parametrize("order", ["stage", "shift", "switch", "retire"])
def test_orders_of_an_operation_that_was_replaced_are_refused(place, order):
    first, second, *_ = place.releases
    place.target.stage(second, fence=5)
    target = place.again()
    orders = {
        "stage": lambda: target.stage(second, fence=4),
        "shift": lambda: target.shift(second, 50, fence=4),
        "switch": lambda: target.switch(second, fence=4),
        "retire": lambda: target.retire(fence=4),
    }
    with pytest.raises(ServiceError, match="5"):
        orders[order]()

    assert {first.version: 100, second.version: 0} == shares(target)


def test_weights_that_a_restart_reset_are_observed_and_repaired(place):
    target, (first, second, *_) = place.target, place.releases
    target.stage(second, fence=2)
    target.shift(second, 5, fence=2)
    place.restart()

    assert {first.version: 50, second.version: 50} == shares(target)
    target.shift(second, 5, fence=2)
    assert {first.version: 95, second.version: 5} == shares(target)


def test_a_server_that_died_serves_nothing_and_is_started_again(place):
    target, (first, *_) = place.target, place.releases
    place.kill(first)
    assert not serves(target.observe(), first)
    with pytest.raises(ServiceError):
        target.send_request(first, BODY, timeout=60)

    target.switch(first, fence=2)
    assert serves(target.observe(), first)
    assert 200 == target.send_request(first, BODY, timeout=60).status


def test_nothing_is_shifted_to_a_server_that_died(place):
    target, (first, second, *_) = place.target, place.releases
    target.stage(second, fence=2)
    place.kill(second)
    with pytest.raises(InputError):
        target.shift(second, 50, fence=2)

    assert serves(target.observe(), first)
    assert target.observe().standby is None
    target.stage(second, fence=2)
    assert {first.version: 100, second.version: 0} == shares(target)


def test_nothing_is_given_back_to_a_server_that_died(place):
    target, (first, second, *_) = place.target, place.releases
    target.stage(second, fence=2)
    target.shift(second, 50, fence=2)
    place.kill(first)
    with pytest.raises(ServiceError):
        target.shift(second, 5, fence=2)
