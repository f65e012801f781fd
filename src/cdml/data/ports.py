from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from cdml.report.ports import ReportPorts

if TYPE_CHECKING:  # whoever uses a port imports it
    from cdml.features.feature_store import FeatureStore
    from cdml.models.registry import Registry
    from cdml.tables.table import Tables


class DataPorts(ReportPorts, Protocol):
    """What the validation of data may touch, besides what every run has."""

    @property
    def registry(self) -> Registry:
        """Where models and their profiles are."""
        ...

    @property
    def tables(self) -> Tables:
        """Opens data."""
        ...

    @property
    def feature_store(self) -> FeatureStore:
        """What `features` names; a ConfigurationError where it is missing."""
        ...
