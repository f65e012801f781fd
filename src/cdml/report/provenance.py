"""Where a report's figures come from."""

from collections.abc import Iterator
from dataclasses import dataclass

from cdml.common.counts import count
from cdml.evidence.schema import DataRef, ModelRef
from cdml.report.evidence_set import EvidenceSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One line of provenance; `code` where the value is an identifier."""

    name: str
    value: str
    code: bool = False


def facts(gathered: EvidenceSet) -> tuple[Fact, ...]:
    """All of it, each thing once."""
    return tuple(_facts(gathered))


def _facts(gathered: EvidenceSet) -> Iterator[Fact]:
    evaluation, comparison = gathered.evaluation, gathered.comparison
    model = evaluation.model if evaluation else comparison.challenger if comparison else None
    if model:
        yield from _model("Challenger", model)
    if comparison and comparison.registered:
        yield Fact(name="Registered as", value=comparison.registered.uri)
    if comparison and comparison.champion:
        yield from _model("Champion", comparison.champion)
    data = next((s.data for s in (gathered.data, evaluation, comparison) if s), None)
    if data:
        yield from _data("Evaluation data", data)
    if gathered.data and gathered.data.reference:
        yield from _data("Reference data", gathered.data.reference)
    if evaluation:
        yield Fact(name="Predictions", value=evaluation.predictions.digest, code=True)
        yield Fact(name="Isolation", value=_isolation(evaluation.isolation))
    judged = evaluation or comparison
    if judged:
        yield Fact(name="Confidence", value=f"{judged.policy.confidence * 100:g} %")
        yield Fact(name="Policy", value=judged.policy.digest, code=True)
    yield from _delivery(gathered)
    if gathered.stages:
        produced = gathered.stages[-1].produced
        yield Fact(name="Commit", value=produced.commit or "none", code=True)
        if produced.run:
            yield Fact(name="Judged in", value=produced.run)
        yield Fact(name="Time", value=f"{produced.time:%Y-%m-%d %H:%M} UTC")
        yield Fact(name="cdml", value=produced.tool)


def _model(name: str, model: ModelRef) -> Iterator[Fact]:
    version = f" (version {model.version})" if model.version else ""
    yield Fact(name=name, value=f"{model.uri}{version}")
    if model.digest:
        yield Fact(name=f"{name}'s digest", value=model.digest, code=True)


def _data(name: str, data: DataRef) -> Iterator[Fact]:
    yield Fact(name=name, value=f"{data.uri}, {count(data.rows, 'row')}")
    yield Fact(name=f"{name}'s digest", value=data.digest, code=True)


def _delivery(gathered: EvidenceSet) -> Iterator[Fact]:
    deployment = gathered.deployment
    if deployment is None:
        return
    yield Fact(name="Environment", value=f"{deployment.environment}, target {deployment.target}")
    yield Fact(name="Serves now", value=f"version {deployment.to.version}")
    yield Fact(name="Its digest", value=deployment.to.digest, code=True)
    if deployment.journal:
        yield Fact(name="Journal", value=deployment.journal, code=True)
    if deployment.overrides:
        yield Fact(name="Overrides", value=", ".join(deployment.overrides))


def _isolation(name: str) -> str:
    return "cdml ran no model" if name == "elsewhere" else name
