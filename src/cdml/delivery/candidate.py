"""The version to deploy with its gate evidence, and the releases that the registry knows."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cdml.common.scratch_folders import prefix as scratch_prefix
from cdml.common.verdict import Verdict, worst
from cdml.config import Config
from cdml.delivery.operation.observation import Observation
from cdml.delivery.ports import DeliveryPorts
from cdml.delivery.rollout.plan import Refusal, RefusalReason, entry_of_version
from cdml.errors import InputError
from cdml.evidence import store
from cdml.evidence.schema import Comparison, DataEvidence, Evaluation, ModelRef
from cdml.gates.plausibility import contradictions
from cdml.gates.rejudge import recompute
from cdml.journal.records import JournalDocument, Release, Serving
from cdml.models.digest import model_digest
from cdml.models.registry import ModelVersion, Registry

_GATE = "Run `cdml gate` on this version and deploy with its evidence."


@dataclass(frozen=True, slots=True, kw_only=True)
class GateEvidence:
    """The evidence of one gate; data is None where the rows were not validated."""

    data: DataEvidence | None
    evaluation: Evaluation
    comparison: Comparison


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentCandidate:
    """A version that may be deployed, with the digest of the bytes that lie there now."""

    version: ModelVersion
    release: Release
    judged: GateEvidence | None
    trouble: str = ""  # why evidence that was stored cannot be had


def read_candidate(
    version: ModelVersion, *, registry: Registry, evidence: Path | None
) -> DeploymentCandidate:
    """Hash what lies in the registry and read what was judged.

    Raises:
        InputError: the model's files or the evidence cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix=scratch_prefix("cdml-deploy")) as scratch:
        folder = registry.fetch(f"models:/{version.name}/{version.version}", Path(scratch))
        digest = model_digest(folder)
        judged, trouble = None, ""
        try:
            stored = evidence or registry.evidence(version, Path(scratch) / "evidence")
            judged = _judged(stored) if stored else None
        except InputError as error:
            if evidence is not None:
                raise
            trouble = error.message
    release = Release(version=version.version, digest=digest, source=version.source)
    return DeploymentCandidate(version=version, release=release, judged=judged, trouble=trouble)


def find_objections(
    candidate: DeploymentCandidate, ledger: JournalDocument, config: Config
) -> Iterator[RefusalReason]:
    """All that speaks against deploying it now."""
    digest = candidate.release.digest
    label = f"v{candidate.release.version}"
    if candidate.version.digest not in (None, digest):
        yield RefusalReason(
            Refusal.DIGEST,
            f"The files of {label} have the digest {digest}, but the registry recorded"
            f" {candidate.version.digest}.",
            "The files changed after registration. Register the model again.",
        )
    if candidate.judged is None:
        yield RefusalReason(
            Refusal.NO_EVIDENCE,
            candidate.trouble or f"{label} has no evidence that it passed.",
            _GATE,
        )
    else:
        yield from _against(candidate.judged, label, digest, ledger, config)
    bad = ledger.quarantine(digest)
    if bad is not None:
        yield RefusalReason(
            Refusal.QUARANTINED,
            f"{label} was rolled back at {bad.at:%Y-%m-%d %H:%M}"
            f" UTC{f' ({bad.reason})' if bad.reason else ''}.",
            "Deploy a different model.",
        )


def _against(
    judged: GateEvidence, label: str, digest: str, ledger: JournalDocument, config: Config
) -> Iterator[RefusalReason]:
    """What the evidence itself says against it."""
    for spoken, subject in (
        (judged.evaluation.model.digest, "evaluation"),
        (judged.comparison.challenger.digest, "comparison"),
    ):
        if spoken != digest:
            yield RefusalReason(
                Refusal.DIGEST,
                f"{label} has the digest {digest}, but the {subject} was for {spoken}.",
                _GATE,
            )
    rows = {judged.evaluation.data.digest, judged.comparison.data.digest}
    rows |= {judged.data.data.digest} if judged.data else set()
    if len(rows) > 1:
        yield RefusalReason(
            Refusal.DIGEST,
            f"The evidence of {label} covers {len(rows)} different data sets.",
            _GATE,
        )
    if judged.data is None and config.data.checked:
        yield RefusalReason(
            Refusal.NO_EVIDENCE,
            f"There is no evidence that the data {label} was judged on was validated.",
            _GATE,
        )
    current = ledger.current.release if ledger.current else None
    champion = judged.comparison.champion
    if (champion.digest if champion else None) != (current.digest if current else None):
        yield RefusalReason(
            Refusal.CHAMPION_MOVED,
            f"{label} was compared with {_named(champion)}, but {_named(current)} serves now.",
            "Compare it with the model that serves now.",
        )
    impossible = list(contradictions(judged.data, judged.evaluation, judged.comparison, config))
    if impossible:
        more = f" {len(impossible) - 1:,} more contradictions were found." if impossible[1:] else ""
        yield RefusalReason(
            Refusal.VERDICT,
            f"The evidence of {label} contradicts its verdict: {impossible[0]}{more}",
            _GATE,
        )
    again = recompute(judged.evaluation, judged.comparison, config)
    verdict = worst((again.verdict, judged.data.verdict if judged.data else again.verdict))
    if verdict not in (Verdict.PASS, Verdict.WARN):
        why = again.reasons[0] if again.reasons else "the data did not pass"
        yield RefusalReason(
            Refusal.VERDICT,
            f"Under the deployed cdml.yaml, the verdict on {label} is {verdict}: {why}",
            "The report lists the gates that failed.",
        )


def _named(model: ModelRef | Release | None) -> str:
    return f"v{model.version or '?'}" if model else "no champion"


def _judged(folder: Path) -> GateEvidence | None:
    evaluation, comparison = (
        store.read_evidence(folder, Evaluation),
        store.read_evidence(folder, Comparison),
    )
    if evaluation is None or comparison is None:
        return None
    data = store.read_evidence(folder, DataEvidence)
    return GateEvidence(data=data, evaluation=evaluation, comparison=comparison)


def serving_release(observation: Observation, model: str, ports: DeliveryPorts) -> Release | None:
    """What serves, as far as the journal or the registry knows its digest.

    Raises:
        InputError: the registry has no such version.
        ServiceError: the registry does not answer.
    """
    version = observation.serving.version
    if version is None:
        return None
    entry = entry_of_version(observation.ledger, version)
    if entry is not None:
        return entry.release
    registered = ports.registry.version(model, version)
    digest = observation.serving.digest or registered.digest
    if digest is None:
        ports.progress.note(f"v{version} has no digest and is not quarantined.")
        return None
    return Release(version=version, digest=digest, source=registered.source)


def hashed_release(serving: Serving, model: str, ports: DeliveryPorts) -> Release:
    """What serves, with the digest of its bytes even where nobody recorded it.

    Raises:
        InputError: the registry has no such version, or its files are no model.
        ServiceError: the registry does not answer.
    """
    version = ports.registry.version(model, str(serving.version))
    digest = serving.digest or version.digest
    if digest is None:
        with tempfile.TemporaryDirectory(prefix=scratch_prefix("cdml-adopt")) as scratch:
            uri = f"models:/{model}/{version.version}"
            digest = model_digest(ports.registry.fetch(uri, Path(scratch)))
    return Release(version=version.version, digest=digest, source=version.source)
