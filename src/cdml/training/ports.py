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
