"""What differs between challenger and champion: files, parameters, training run, scoring."""

import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from cdml.common.scratch_folders import prefix as scratch_prefix
from cdml.errors import CdmlError
from cdml.evaluation.ports import EvaluationPorts
from cdml.evaluation.scored_model import ScoredModel
from cdml.evidence.lineage import (
    FINGERPRINT,
    Lineage,
    differences,
    lineage_of,
    training_circumstances,
    training_facts,
)
from cdml.evidence.schema import Change

if TYPE_CHECKING:  # models that are scored bring contracts and profiles; predictions do not
    from cdml.evaluation.score_model import Identity

MOST = 100
"""Changes that are listed of each kind; further ones are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What is known of a model; what is unknown is empty or None.

    `features` have their types, None without a signature; `data` are digests or names of what it
    was trained on; `loader` is the module that loads it; `lineage` what `train-model` recorded.
    """

    features: Mapping[str, str] | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    data: tuple[str, ...] = ()
    loader: str = ""
    lineage: Lineage | None = None
    size_mb: float | None = None
    latency_ms: tuple[float, ...] = ()


_LONGEST = 1000


def _change(subject: str, champion: str | None, challenger: str | None) -> Change:
    champion, challenger = (one and one[:_LONGEST] for one in (champion, challenger))
    return Change(what=subject[:_LONGEST], champion=champion, challenger=challenger)


def compare_traits(champion: Traits, challenger: Traits) -> tuple[Change, ...]:
    """Everything known of both that differs.

    Size and latency are reported whenever both are known: how much is too much is for the gates.
    """
    return (
        *_capped(_by_name("parameter", champion.parameters, challenger.parameters), "parameters"),
        *_capped(_features(champion, challenger), "features"),
        *_data(champion, challenger),
        *_capped(_lineage(champion.lineage, challenger.lineage), "differences of the training"),
        *_loader(champion, challenger),
        *_figure("size (MB)", champion.size_mb, challenger.size_mb),
        *_figure("median latency (ms)", _median(champion), _median(challenger)),
    )


def _by_name(kind: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Change]:
    """Nothing where one side is unknown: that nobody recorded it is no change."""
    for name in dict.fromkeys((*before, *after)) if before and after else ():
        if before.get(name) != after.get(name):
            yield _change(f"{kind} {name}", before.get(name), after.get(name))


def _features(champion: Traits, challenger: Traits) -> Iterator[Change]:
    return _by_name("feature", champion.features or {}, challenger.features or {})


def _capped(changes: Iterator[Change], kind: str) -> Iterator[Change]:
    every = tuple(changes)
    yield from every[:MOST]
    if every[MOST:]:
        yield _change(f"{len(every) - MOST:,} more {kind}", None, "differ too")


def _data(champion: Traits, challenger: Traits) -> Iterator[Change]:
    before, after = sorted(champion.data), sorted(challenger.data)
    if before and after and before != after:
        yield _change("training data", ", ".join(before), ", ".join(after))


def _lineage(before: Lineage | None, after: Lineage | None) -> Iterator[Change]:
    if before is not None and after is not None:
        for facts in (training_facts, training_circumstances):
            for name, old, new in differences(facts(before), facts(after)):
                yield _change(name, old, new)


def _loader(champion: Traits, challenger: Traits) -> Iterator[Change]:
    if champion.loader and challenger.loader and champion.loader != challenger.loader:
        yield _change("loaded by", champion.loader, challenger.loader)


def _figure(subject: str, before: float | None, after: float | None) -> Iterator[Change]:
    if before is not None and after is not None:
        yield _change(subject, f"{before:,.3g}", f"{after:,.3g}")


def _median(traits: Traits) -> float | None:
    return median(traits.latency_ms) if traits.latency_ms else None


def describe_changes(
    ports: EvaluationPorts,
    champion: tuple["Identity | None", ScoredModel],
    challenger: tuple["Identity | None", ScoredModel],
    output: Path,
) -> tuple[Change, ...]:
    """What sets the challenger apart from the champion, for evidence.

    Of each: who it is, where it is a model, and what its scoring cost. The registry is queried only
    about models that name their run or their training. The lineage of the challenger may be in the
    folder `output`.
    """
    return compare_traits(_traits(ports, *champion, output), _traits(ports, *challenger, output))


def _traits(
    ports: EvaluationPorts, identity: "Identity | None", contender: ScoredModel, output: Path
) -> Traits:
    traits = Traits(
        size_mb=contender.operations.get("model_size_mb"), latency_ms=contender.latency_ms
    )
    if identity is None:
        return traits
    model = identity.described
    features = None if model.inputs is None else dict(zip(model.inputs, model.types, strict=True))
    lineage = _recorded_lineage(ports, identity, output)
    traits = replace(traits, features=features, loader=model.loader, lineage=lineage)
    if lineage is not None:
        traits = replace(traits, parameters=lineage.parameters)
    run = model.run or (identity.version.run if identity.version else None)
    if run is None or not re.fullmatch("[0-9a-f]{32}", run):
        return traits
    try:
        training = ports.registry.training(run)
    except CdmlError:  # what is unknown is left out; no verdict depends on it
        return traits
    parameters = {**training.parameters, **traits.parameters}
    return replace(traits, parameters=parameters, data=training.data)


def _recorded_lineage(ports: EvaluationPorts, identity: "Identity", output: Path) -> Lineage | None:
    """What `train-model` recorded of a model, here or with its version; what is unknown is None."""
    try:
        lineage = lineage_of(output, identity.model.digest)
        version = identity.version
        if lineage is not None or version is None or FINGERPRINT not in version.tags:
            return lineage
        with tempfile.TemporaryDirectory(prefix=scratch_prefix("cdml-lineage")) as scratch:
            folder = ports.registry.evidence(version, Path(scratch))
            return lineage_of(folder, identity.model.digest) if folder else None
    except CdmlError:
        return None
