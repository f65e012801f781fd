"""Whether the feature store serves what the judged model and the champion need."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cdml.common.scratch_folders import prefix as scratch_prefix
from cdml.common.verdict import Verdict
from cdml.config import LoadedConfig
from cdml.config.features import FeaturesSettings
from cdml.data.ports import DataPorts
from cdml.data.rules.signature import Signature
from cdml.errors import CdmlError
from cdml.evidence import store
from cdml.evidence.features import FeatureServiceRecord
from cdml.evidence.schema import Check, DataEvidence
from cdml.features.definitions import (
    CHANGE,
    COLUMNS,
    check_changes,
    check_inputs,
    check_service,
    finding,
    record_service,
)
from cdml.features.feature_store import FeatureReading
from cdml.features.values import PARITY, check_freshness, check_nulls, check_parity
from cdml.models.uri import NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureFacts:
    """What the store holds, and what is recorded with the champion.

    `no_champion` says why there is no record; `unknown` if that is not certain.
    """

    settings: FeaturesSettings
    reading: FeatureReading
    champion: FeatureServiceRecord | None = None
    no_champion: str = ""
    unknown: bool = False

    @property
    def record(self) -> FeatureServiceRecord | None:
        """The service, to be kept with a model that passes."""
        return record_service(self.reading.repository, self.settings.service)


def read_features(
    loaded: LoadedConfig, ports: DataPorts, champion: str | None
) -> FeatureFacts | None:
    """Read the feature store and the champion's record; None where none is configured.

    `champion` is an address, `none`, or None for the version that the registry's alias names.

    Raises:
        CdmlError: the store cannot be read (`FeatureStore.read`).
    """
    settings = loaded.config.features
    if settings is None:
        return None
    entities = settings.parity.entities if settings.parity else 0
    reading = ports.feature_store.read(settings.service, entities, ports.progress)
    try:
        record, why = _champion_record(loaded, ports, champion)
        unknown = False
    except CdmlError as error:
        record, why, unknown = None, error.message.rstrip("."), True
    return FeatureFacts(
        settings=settings, reading=reading, champion=record, no_champion=why, unknown=unknown
    )


def _champion_record(
    loaded: LoadedConfig, ports: DataPorts, champion: str | None
) -> tuple[FeatureServiceRecord | None, str]:
    """The record among the evidence of the champion, or why there is none."""
    config = loaded.config
    if champion is None:
        version = ports.registry.champion(config.model, config.registry.champion)
    elif champion != NONE and champion.startswith("models:/"):
        version = ports.registry.resolve(champion)
    else:
        version = None
    if version is None:
        return None, "there is no champion in the registry"
    called = f"v{version.version} of {version.name}"
    with tempfile.TemporaryDirectory(prefix=scratch_prefix("cdml-features")) as scratch:
        folder = ports.registry.evidence(version, Path(scratch))
        evidence = store.read_evidence(folder, DataEvidence) if folder else None
    if evidence is None or evidence.features is None:
        return None, f"no features are recorded with {called}"
    return evidence.features, ""


def judge_features(facts: FeatureFacts, judged: Signature | None) -> Iterator[Check]:
    """Definitions, then values."""
    repository, settings = facts.reading.repository, facts.settings
    defined = check_service(repository, settings.service)
    yield defined
    if facts.champion is not None:
        yield from check_changes(repository, facts.champion)
    elif facts.unknown:
        reason = f"the features that the champion reads are unknown: {facts.no_champion}"
        yield finding(CHANGE, None, Verdict.INCONCLUSIVE, "unchanged", "unknown", reason)
    else:
        reason = f"not compared: {facts.no_champion}"
        yield finding(CHANGE, None, Verdict.PASS, "unchanged", "no record", reason)
    if defined.verdict is not Verdict.PASS:
        return
    inputs = judged.types if judged else None
    if judged is not None and inputs is not None:
        service = repository.services[settings.service]
        yield from check_inputs(repository, service, inputs, judged.required, settings.request)
    else:
        reason = "not compared: the inputs of the model are unknown"
        yield finding(COLUMNS, None, Verdict.PASS, "features", "unknown", reason)
    sample = facts.reading.sample
    if sample is not None and settings.parity is not None:
        yield from check_freshness(repository, sample, settings.freshness)
        yield from check_nulls(sample, inputs or {})
        yield from check_parity(
            sample, tolerance=settings.parity.tolerance, at_most=settings.parity.at_most
        )
    elif facts.reading.skipped:
        reason = f"no values are compared: {facts.reading.skipped}"
        yield finding(PARITY, None, Verdict.WARN, "equal values", "no values", reason)
