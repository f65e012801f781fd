"""What cdml reads from a feature store, and the port of stores."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from cdml.common.progress import Progress

FeatureValue = bool | int | float | str | datetime | bytes | tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureView:
    """A view as the repository defines it; types are MLflow's names.

    `source` is one line, equal only if the values come from the same place in the same way; `reads`
    are other views that it transforms. `materializing` is of the view that serves.
    """

    features: Mapping[str, str]
    join_keys: tuple[str, ...]
    ttl_seconds: float | None
    source: str
    reads: tuple[str, ...] = ()
    materializing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceFeature:
    """A feature under the name by which a model gets it."""

    name: str
    view: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureService:
    """The features of a service, and the types of inputs that come with the request."""

    features: tuple[ServiceFeature, ...]
    request: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureRepository:
    """Views and services by name."""

    views: Mapping[str, FeatureView]
    services: Mapping[str, FeatureService]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledFeature:
    """One feature of the sampled entities, in their order; None is a missing value.

    `event_times` are those of the online values.
    """

    view: str
    name: str
    online: tuple[FeatureValue | None, ...]
    event_times: tuple[datetime | None, ...]
    offline: tuple[FeatureValue | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSample:
    """Values of entities: online as they are served at `online_at`, offline as of `offline_at`.

    `lost_offline` entities were left out by the offline store; `on_demand` features are computed
    for each request, so there is nothing stored to compare.
    """

    entities: int
    features: tuple[SampledFeature, ...]
    online_at: datetime
    offline_at: datetime
    lost_offline: int = 0
    on_demand: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureReading:
    """The repository, and a sample or the reason why there is none."""

    repository: FeatureRepository
    sample: FeatureSample | None = None
    skipped: str = ""


class FeatureStore(Protocol):
    """A feature store, which is only read."""

    def read(self, service: str, entities: int, progress: Progress) -> FeatureReading:
        """The definitions; and values of so many entities of a service that serves, unless 0.

        Raises:
            ConfigurationError: there is no interpreter, or it lacks the store's package.
            InputError: the definitions cannot be read.
            ServiceError: the registry, the online store or the offline store does not answer.
        """
        ...
