"""A feature store in memory."""

from datetime import UTC, datetime, timedelta

from cdml.features.feature_store import (
    FeatureReading,
    FeatureRepository,
    FeatureSample,
    FeatureService,
    FeatureView,
    SampledFeature,
    ServiceFeature,
)

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)
SERVICE = "flight_delays"


def view(**changes) -> FeatureView:
    """The view of the tests: two features of a user that live two days."""
    given = {
        "features": {"spend": "double", "visits": "long"},
        "join_keys": ("user_id",),
        "ttl_seconds": 172_800.0,
        "source": '{"uri": "data/stats.parquet"}',
    }
    return FeatureView(**{**given, **changes})


def repository(changed: FeatureView | None = None, **services) -> FeatureRepository:
    """One view, and a service that reads all of it."""
    stats = changed or view()
    whole = FeatureService(
        features=tuple(
            ServiceFeature(name=name, view="stats", type=kind)
            for name, kind in stats.features.items()
        )
    )
    return FeatureRepository(views={"stats": stats}, services={SERVICE: whole, **services})


def sampled(name, online, offline, *, age=timedelta(hours=1), view="stats") -> SampledFeature:
    """A feature whose online values all have one age."""
    times = tuple(None if value is None else NOW - age for value in online)
    return SampledFeature(
        view=view, name=name, online=tuple(online), event_times=times, offline=tuple(offline)
    )


def sample(*features, **changes) -> FeatureSample:
    """A sample of these features."""
    given = {"online_at": NOW, "offline_at": NOW, "entities": len(features[0].online)}
    return FeatureSample(**{**given, **changes}, features=features)


class FakeFeatureStore:
    """Gives what it holds; `error` is raised instead."""

    def __init__(self, held: FeatureRepository, values: FeatureSample | None = None):
        self.repository, self.values = held, values
        self.error = None

    def read(self, service, entities, progress):
        with progress.step("reading the feature store"):
            if self.error is not None:
                raise self.error
        if not entities:
            return FeatureReading(repository=self.repository)
        if service not in self.repository.services or self.values is None:
            skipped = f"the service {service} is not applied yet"
            return FeatureReading(repository=self.repository, skipped=skipped)
        return FeatureReading(repository=self.repository, sample=self.values)
