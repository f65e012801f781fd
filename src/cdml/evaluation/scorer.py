"""Running a model in a process of its own."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cdml.common.progress import Progress
from cdml.config.class_labels import Class
from cdml.config.input_columns import NO_PURPOSES, Purposes
from cdml.config.output_columns import AnswerColumns


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What a scoring process left behind.

    Attributes:
        predictions: Parquet file: key, label, what is carried beside them, `prediction`, and
            `score` or `score_<class>`.
        rows: how many rows were scored.
        latency_ms: per-request latencies, milliseconds per row asked alone.
        isolation: the walls around the process: `namespaces`, `sudo`, or `none`.
    """

    predictions: Path
    rows: int
    latency_ms: tuple[float, ...]
    isolation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringJob:
    """What to score and how.

    Attributes:
        folder: of the configuration; a model sees neither it nor what lies around it.
        model: folder with MLmodel.
        data: Parquet file of the evaluation rows.
        key, label, carried: columns copied beside the predictions.
        task: binary, multiclass or regression.
        positive: the positive class of a binary task.
        environment: `model`, `current` or an interpreter's path.
        timeout: seconds.
        output: where the predictions go.
        known: how many rows are kept beside them with what the model said, as
            `cdml.evidence.reference_rows` reads them; 0 for none.
        classified: columns whose values must be neither kept nor shown. Where the model was given
            one of them no rows are kept, for without it they would not be what it answered to; and
            what an exception of the model's says is not told, for it may quote them.
        classes: the classes in the order of the model's probabilities; empty where only the model
            can say.
        answer: which columns of the model's answer count; None where their names have to say.
        inputs: Parquet file of the same rows in the types that the model is given; `data` where
            they are the same.
        purposes: what cdml.yaml names columns for, which decides what a model is given that names
            no inputs.
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
    known: int = 0
    classified: frozenset[str] = frozenset()
    classes: tuple[Class, ...] = ()
    answer: AnswerColumns | None = None
    inputs: Path | None = None
    hidden: tuple[Path, ...] = ()
    purposes: Purposes = NO_PURPOSES


class Scorer(Protocol):
    """Runs a model in a process of its own."""

    @property
    def at_once(self) -> int:
        """How many models can be scored at once without slowing one another."""
        ...

    def score(self, job: ScoringJob, progress: Progress) -> Scored:
        """Score all rows.

        Raises:
            InputError: the model cannot be loaded, throws, or answers NaN or too few rows.
        """
        ...
