"""What a model reads from a feature store, as it is kept with the model."""

from pydantic import Field

from cdml.evidence.base import Digest, EvidenceModel, Number, Text


class FeatureViewRecord(EvidenceModel):
    """A view: all that decides which values a model gets of it."""

    name: Text
    """Name of the view."""
    features: dict[Text, Text]
    """Type of each feature that the service reads, in MLflow's words."""
    join_keys: tuple[Text, ...] = ()
    """Columns that identify an entity."""
    ttl_seconds: Number | None = None
    """Age after which a value is not served; null: it never expires."""
    source: Text
    """Where the values come from, in the store's words."""


class FeatureServiceRecord(EvidenceModel):
    """A service with everything that it reads."""

    service: Text
    """Name of the service."""
    digest: Digest
    """SHA-256 over the views."""
    views: tuple[FeatureViewRecord, ...] = Field(min_length=1)
    """The views, by name."""
