from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from cdml.data.ports import DataPorts

if TYPE_CHECKING:  # whoever uses a port imports it
    from cdml.evaluation.metric_runner import Measurer
    from cdml.evaluation.prediction_store import Samples, TableSamples
    from cdml.evaluation.scorer import Scorer
    from cdml.journal.port import Journal
    from cdml.results.reader import ResultFiles


class EvaluationPorts(DataPorts, Protocol):
    """What scoring, measuring and comparing may touch, besides the data's."""

    @property
    def scorer(self) -> Scorer:
        """Runs models."""
        ...

    @property
    def samples(self) -> Samples:
        """Reduces predictions to sufficient statistics."""
        ...

    @property
    def table_samples(self) -> TableSamples:
        """Reduces predictions that lie in tables."""
        ...

    @property
    def results(self) -> ResultFiles:
        """Reads what evaluation tools wrote."""
        ...

    @property
    def measurer(self) -> Measurer:
        """Measures with the user's own functions."""
        ...

    @property
    def journal(self) -> Journal:
        """What served when."""
        ...
