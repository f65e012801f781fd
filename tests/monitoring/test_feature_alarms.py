"""Features that went stale in production, or differ from those of training, are alarms."""

from datetime import timedelta

import pytest

from cdml.common.verdict import Verdict
from cdml.errors import ServiceError
from fakes.feature_store import FakeFeatureStore, repository, sample, sampled
from support.monitoring_scenarios import GATES, MonitoredWorld

FEATURES = "features: {repository: feature_repo, service: flight_delays, freshness: 24h}\n"


@pytest.fixture
def world(tmp_path):
    world = MonitoredWorld(tmp_path, gates=f"{GATES}\n{FEATURES.rstrip()}")
    world.ship("A")
    world.features = FakeFeatureStore(
        repository(), sample(sampled("spend", [1.0] * 500, [1.0] * 500))
    )
    world.serve(3)
    return world


def alarms(world):
    return [
        (alarm.verdict, alarm.reason)
        for alarm in world.monitor().alarms
        if alarm.kind == "features"
    ]


def test_fresh_and_equal_features_are_no_alarm(world):
    assert alarms(world) == []


def test_stale_features_are_an_alarm(world):
    old = sampled("spend", [1.0] * 500, [1.0] * 500, age=timedelta(hours=30))
    world.features.values = sample(old)
    [(verdict, reason)] = alarms(world)
    assert verdict is Verdict.INCONCLUSIVE
    assert "30 h old" in reason
    assert world.monitor().verdict is Verdict.INCONCLUSIVE


def test_values_that_differ_are_an_alarm(world):
    world.features.values = sample(sampled("spend", [2.0] * 500, [1.0] * 500))
    [(verdict, reason)] = alarms(world)
    assert verdict is Verdict.INCONCLUSIVE
    assert "feature_parity of spend" in reason


def test_a_store_that_does_not_answer_is_an_alarm_and_the_model_is_judged(world):
    world.features.error = ServiceError("the online store does not answer: refused.")
    seen = world.monitor()
    assert any("the online store does not answer" in alarm.reason for alarm in seen.alarms)
    assert seen.versions[0].judged_windows


def test_a_service_that_no_longer_serves_is_an_alarm(world):
    world.features.values = None
    [(verdict, reason)] = alarms(world)
    assert verdict is Verdict.INCONCLUSIVE
    assert "No features are compared" in reason
