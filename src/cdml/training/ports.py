from typing import Protocol

from cdml.evaluation.ports import EvaluationPorts
from cdml.training.machine import TrainingMachine


class TrainingPorts(EvaluationPorts, Protocol):
    """What training may touch, in addition to what scoring needs."""

    @property
    def training_machine(self) -> TrainingMachine:
        """Runs the command."""
        ...
