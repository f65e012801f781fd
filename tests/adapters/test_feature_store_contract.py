"""What every feature store does: the fake, and Feast itself with SQLite and DuckDB."""

import math
from datetime import timedelta

import pytest

from fakes.feature_store import SERVICE, FakeFeatureStore, repository, sample, sampled
from fakes.progress import FakeProgress
from support import feast_repository

pytestmark = pytest.mark.xdist_group("feast")  # one worker builds its environment
FEAST = pytest.param("feast", marks=pytest.mark.long)


@pytest.fixture(scope="module", params=["fake", FEAST])
def store(request, tmp_path_factory):
    if request.param == "fake":
        held = sampled("spend", [1.0, 2.0, None], [1.0, 2.0, 3.0], age=timedelta(hours=1))
        counts = sampled("visits", [1, None, None], [1, None, 3], age=timedelta(hours=1))
        return FakeFeatureStore(repository(), sample(held, counts))
    folder = feast_repository.make_repository(tmp_path_factory.mktemp("feast") / "repository")
    feast_repository.prepare(folder)
    return feast_repository.store_of(folder)


@pytest.fixture(scope="module")
def progress():
    return FakeProgress()


@pytest.fixture(scope="module")
def reading(store, progress):
    return store.read(SERVICE, 40, progress)


def test_views_have_types_by_mlflows_names_and_seconds(reading):
    stats = reading.repository.views["stats"]
    assert stats.features == {"spend": "double", "visits": "long"}
    assert stats.join_keys == ("user_id",)
    assert stats.ttl_seconds == 172_800
    assert "data/stats.parquet" in stats.source


def test_a_service_names_its_features_with_their_views(reading):
    features = reading.repository.services[SERVICE].features
    assert [(one.name, one.view, one.type) for one in features] == [
        ("spend", "stats", "double"),
        ("visits", "stats", "long"),
    ]


def test_a_sample_has_as_many_values_as_entities(reading):
    of = reading.sample
    assert of.entities > 0
    for feature in of.features:
        assert {len(feature.online), len(feature.event_times), len(feature.offline)} == {
            of.entities
        }


def test_missing_values_are_none_and_others_have_an_event_time(reading):
    for feature in reading.sample.features:
        for value, at in zip(feature.online, feature.event_times, strict=True):
            assert value is None or (not math.isnan(value) and at.tzinfo is not None)
        assert not any(math.isnan(value) for value in feature.offline if value is not None)


def test_times_have_a_zone(reading):
    assert reading.sample.online_at.tzinfo is not None
    assert reading.sample.offline_at.tzinfo is not None


def test_without_entities_no_values_are_read(store):
    nothing = store.read(SERVICE, 0, FakeProgress())
    assert nothing.sample is None
    assert SERVICE in nothing.repository.services


def test_a_service_that_does_not_serve_has_no_sample(store):
    nothing = store.read("flight_delays_v2", 40, FakeProgress())
    assert nothing.sample is None
    assert "flight_delays_v2 is not applied" in nothing.skipped


def test_reading_is_reported_as_a_step(reading, progress):
    assert reading.repository
    assert "reading the feature store" in progress.steps
