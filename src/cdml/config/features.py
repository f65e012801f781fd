"""The words of cdml.yaml below `features`: the store that serves a model's features."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from cdml.config.base import Duration, SettingsModel
from cdml.config.delivery import TypedSettings
from cdml.config.kinds import Kind, Kinds
from cdml.config.values import Share

Filled = Annotated[str, Field(min_length=1)]


class FeastSettings(SettingsModel):
    """A repository of Feast."""

    repository: Filled
    """Folder of the Feast repository."""
    python: str | None = None
    """Interpreter that has feast; by default an environment is built from `requirements.txt` of the
    repository."""
    timeout: Duration = 600.0
    """Time after which reading the store is aborted."""


class ParitySettings(SettingsModel):
    """How online and offline values of sampled entities are compared."""

    entities: int = Field(default=500, ge=1, le=100_000)
    """How many entities are sampled."""
    tolerance: float = Field(default=1e-6, ge=0, allow_inf_nan=False)
    """Relative difference of two numbers that still counts as equal."""
    at_most: Share = 0.005
    """Share of entities whose values of a feature may differ, such as `0.5%`."""


class FeaturesSettings(TypedSettings):
    """The features that a model reads from a store."""

    type: str = "feast"
    service: Filled
    """Name of the feature service that the model reads."""
    request: tuple[Filled, ...] = ()
    """Inputs of the model that come with the request and not from the store."""
    freshness: Duration | None = None
    """Greatest age of the newest value in the online store; null: ages are not judged."""
    parity: ParitySettings | None = ParitySettings()
    """Comparison of online and offline values; null: no values are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureStoreType(Kind):
    """A feature store. `adapter` makes a `FeatureStore` (`features/feature_store.py`).

    It gets its settings (a model of `settings`, or a mapping where there is none), `locate` (a path
    of cdml.yaml as the process opens it) and `variables` (the process's).
    """


FEATURE_STORES: Mapping[str, FeatureStoreType] = {
    "feast": FeatureStoreType(
        adapter="cdml.adapters.features.feast:FeastStore",
        summary="a Feast repository",
        settings=FeastSettings,
    ),
}
"""Our own feature stores."""


def feature_store_types() -> Kinds[FeatureStoreType]:
    """All feature stores by name."""
    return Kinds("feature store", "cdml.feature_stores", FEATURE_STORES, FeatureStoreType)
