"""Running a model in a separate process."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cdml.common.progress import Progress
from cdml.config.class_labels import Class
from cdml.config.input_columns import NO_PURPOSES, Purposes
from cdml.config.output_columns import AnswerColumns
from cdml.tables.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What a scoring process left behind.

    The file has key, label, the carried columns, `prediction`, and `score` or
    `score_<class>`. Latencies are of rows asked alone; `isolation` is `namespaces`, `sudo`, `none`
    or `spark`. Predictions that stay where the rows are have the address of a `table`.
    """

    predictions: Path
    rows: int
    latency_ms: tuple[float, ...]
    isolation: str
    table: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringJob:
    """What to score and how.

    A model sees neither `folder`, the configuration's, nor what lies around it. So many rows as
    `known` are kept with what it said, as `cdml.evidence.reference_rows` reads them; where it was
    given a `classified` column none are, for without that they would not be what it answered to,
    and what its exceptions say is not shown, for they may quote it. `inputs` has the rows of `data`
    in the types that the model is given, and `purposes` decides what a model is given that names no
    inputs. Where the rows stay in their `table`, `data` only names it.
    """

    folder: Path
    model: Path
    data: Path
    key: tuple[str, ...]
    label: str
    carried: tuple[str, ...]
    task: str
    positive: bool | int | str | None
    environment: str
    timeout: float
    output: Path
    recorded_rows: int = 0
    classified: frozenset[str] = frozenset()
    classes: tuple[Class, ...] = ()
    answer: AnswerColumns | None = None
    inputs: Path | None = None
    hidden: tuple[Path, ...] = ()
    purposes: Purposes = NO_PURPOSES
    table: Table | None = None


class Scorer(Protocol):
    """Runs a model in a separate process."""

    @property
    def at_once(self) -> int:
        """How many models can be scored at once without slowing one another."""
        ...

    @property
    def isolations(self) -> frozenset[str]:
        """What `Scored.isolation` may be."""
        ...

    @property
    def times_rows(self) -> bool:
        """Whether single rows are sent as well, for `Scored.latency_ms`."""
        ...

    def score(self, job: ScoringJob, progress: Progress) -> Scored:
        """Score all rows.

        Raises:
            InputError: the model cannot be loaded, throws, or answers NaN or too few rows.
        """
        ...

    def keep(self, scored: str) -> None:
        """Leave predictions in a table, by its address, where they are after the command."""
        ...
