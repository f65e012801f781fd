"""Running functions of the user's that measure rows."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cdml.common.progress import Progress
from cdml.evaluation.prediction_store import PairedRows

if TYPE_CHECKING:  # numpy is not there where nothing is measured
    from collections.abc import Mapping, Sequence

    from cdml.statistics.samples import Replicates


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricJob:
    """What to measure and how.

    `metrics` are `module:function`, looked for in the configuration's `folder` first; `parts` says
    how many of the rows' parts to measure. `environment` is an interpreter's path; `model` and
    `current` are cdml's own.
    """

    folder: Path
    metrics: tuple[str, ...]
    rows: PairedRows
    parts: int
    environment: str
    timeout: float


class Measurer(Protocol):
    """Runs the user's functions in a separate process."""

    def measure(self, job: MetricJob, progress: Progress) -> "Mapping[str, Sequence[Replicates]]":
        """By metric, what it says to each of the first `parts` parts.

        A function is called with y_true, y_pred, y_score and weight, or those of them that it
        takes. Where it raises or has no value on a slice, the replicates say so.

        Raises:
            InputError: there is no such module or function; on all rows it raises or answers no
                number; it is not done in time.
            ConfigurationError: there is no such interpreter, or rows have weights and a function
                takes none.
        """
        ...
