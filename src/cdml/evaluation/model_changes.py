"""What changed in the model: as far as its files, its run and its scoring tell."""

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from cdml.errors import CdmlError
from cdml.evaluation.model_differences import Traits, changes
from cdml.evaluation.ports import EvaluationPorts
from cdml.evaluation.scored_model import Contender
from cdml.evidence.schema import Change

if TYPE_CHECKING:  # models that are scored bring contracts and profiles; predictions do not
    from cdml.evaluation.score_model import Identity

_LONGEST = 1000


def changed(
    ports: EvaluationPorts,
    champion: tuple["Identity | None", Contender],
    challenger: tuple["Identity | None", Contender],
) -> tuple[Change, ...]:
    """What sets the challenger apart from the champion, for evidence.

    Args:
        ports: the world; its registry is asked only about models that name their run.
        champion: who it is, where it is a model, and what its scoring cost.
        challenger: likewise.
    """
    return tuple(
        Change(
            what=one.what[:_LONGEST], champion=_cut(one.champion), challenger=_cut(one.challenger)
        )
        for one in changes(_traits(ports, *champion), _traits(ports, *challenger))
    )


def _cut(text: str | None) -> str | None:
    return None if text is None else text[:_LONGEST]


def _traits(ports: EvaluationPorts, identity: "Identity | None", contender: Contender) -> Traits:
    known = Traits(
        size_mb=contender.operations.get("model_size_mb"), latency_ms=contender.latency_ms
    )
    if identity is None:
        return known
    asked = identity.described
    features = None if asked.inputs is None else dict(zip(asked.inputs, asked.types, strict=True))
    known = replace(known, features=features, loader=asked.loader)
    run = asked.run or (identity.version.run if identity.version else None)
    if run is None or not re.fullmatch("[0-9a-f]{32}", run):
        return known
    try:
        training = ports.registry.training(run)
    except CdmlError:  # what nobody knows is not told; no verdict hangs on it
        return known
    return replace(known, parameters=training.parameters, data=training.data)
