"""Alarms of the feature store: features that are stale, or differ from those of training."""

from collections.abc import Iterator

from cdml.common.verdict import Verdict
from cdml.config import LoadedConfig
from cdml.errors import CdmlError
from cdml.evidence.monitor import Alarm
from cdml.features.values import check_freshness, check_parity
from cdml.monitoring.ports import MonitoringPorts


def feature_alarms(loaded: LoadedConfig, ports: MonitoringPorts) -> Iterator[Alarm]:
    """Freshness and parity again, where `features` has them checked at the gate."""
    settings = loaded.config.features
    if settings is None or settings.parity is None:
        return
    try:
        parity = settings.parity
        reading = ports.feature_store.read(settings.service, parity.entities, ports.progress)
    except CdmlError as error:
        reason = f"The feature store cannot be read: {error.message}"
        yield Alarm(kind="features", verdict=Verdict.INCONCLUSIVE, reason=reason)
        return
    if reading.sample is None:
        reason = f"No features are compared: {reading.skipped}."
        yield Alarm(kind="features", verdict=Verdict.INCONCLUSIVE, reason=reason)
        return
    for check in (
        *check_freshness(reading.repository, reading.sample, settings.freshness),
        *check_parity(reading.sample, tolerance=parity.tolerance, at_most=parity.at_most),
    ):
        if check.verdict is not Verdict.PASS:
            warns = check.verdict is Verdict.WARN
            yield Alarm(
                kind="features",
                verdict=Verdict.WARN if warns else Verdict.INCONCLUSIVE,
                reason=f"{check.name} of {check.column}: {check.reason}.",
            )
