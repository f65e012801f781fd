from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from cdml.delivery.ports import DeliveryPorts
from cdml.evaluation.ports import EvaluationPorts

if TYPE_CHECKING:  # whoever uses a port imports it
    from cdml.features.feature_store import FeatureStore
    from cdml.journal.port import Journal
    from cdml.monitoring.windows import PredictionLog


class MonitoringPorts(DeliveryPorts, EvaluationPorts, Protocol):
    """What monitoring may touch, besides what a delivery and an evaluation may."""

    @property
    def monitoring_state(self) -> Journal:
        """What earlier looks remembered, in the environment of this run."""
        ...

    @property
    def prediction_log(self) -> PredictionLog:
        """Joins predictions with labels."""
        ...

    @property
    def feature_store(self) -> FeatureStore:
        """What `features` names; a ConfigurationError where it is missing."""
        ...
