from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from cdml.evaluation.ports import EvaluationPorts

if TYPE_CHECKING:  # whoever uses a port imports it
    from cdml.training.machine import TrainingMachine


class TrainingPorts(EvaluationPorts, Protocol):
    """What training may touch, in addition to what scoring needs."""

    @property
    def training_machine(self) -> TrainingMachine:
        """Runs the command."""
        ...

    def may_be_registered(self, tag: tuple[str, str]) -> bool:
        """Whether a version may have this tag; False only if the registry says that none has."""
        ...
