"""Windows of time, and what the rows of each come to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cdml.evaluation.prediction_store import Layout
from cdml.statistics.sequential.degradation import WindowSums
from cdml.statistics.sequential.figures import Figure, Part
from cdml.tables.table import Table

if TYPE_CHECKING:  # `cdml history` measures nothing, and numpy takes a while
    from cdml.data.drift.profile import ColumnProfile

WINDOW_COLUMN = "cdml_window"
"""The column of exported rows with the number of their window."""
MOST_CLASSES = 1_000
"""Classes of a window that are listed: the most frequent."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Windows of equal length, numbered from 1970; those of whole days begin at midnight UTC."""

    length: timedelta
    delay: timedelta

    def number(self, at: datetime) -> int:
        """The window that a time is in."""
        return (at - _EPOCH) // self.length

    def start(self, number: int) -> datetime:
        """When a window begins."""
        return _EPOCH + number * self.length

    def closed(self, now: datetime) -> int:
        """The first window whose labels may still arrive; all before it are closed."""
        return self.number(now - self.delay)


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """What the columns of the two tables mean.

    `score` is the name of the column of the positive class's probability, or of several by class.
    `negatives` is the other class of a binary task as text, in all its spellings; None if
    it is unknown. A label or a prediction of neither class is in no figure.
    """

    key: tuple[str, ...]
    time: str
    prediction: str
    scores: Mapping[str, str]
    version: str | None
    label_time: str | None
    layout: Layout
    negatives: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowQuery:
    """Which windows are reduced to figures, of all rows and of the slices in `parts`.

    `starts` are when versions began to serve. With `classes`, the labels of each class are counted.
    """

    columns: Columns
    grid: Grid
    first: int
    last: int
    starts: tuple[datetime, ...]
    figures: tuple[Figure, ...]
    parts: tuple[Part, ...] = ()
    classes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedRows:
    """Which labelled rows are exported: those that this version served since the last start.

    `columns` of the predictions go with key, label and window. Windows with a smaller share of
    labels than `min_labelled` are left out, and of more than `most` rows a fixed sample is taken.
    """

    version: str
    columns: tuple[str, ...]
    min_labelled: float
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRows:
    """The predictions of one window, one serving period by time, and one version by the log.

    `at` is the index of the last start before them, -1 before the first. Unusable rows have no
    prediction, or no probability between 0 and 1; they are in no figure. `unknown` counts labels of
    a class that the task does not have; such a row counts as one without a label. `figures` are by
    `Figure.key_of`. `classes` are the labels of each class, at most `MOST_CLASSES` of them.
    """

    window: int
    at: int
    version: str | None
    predictions: int
    labelled: int
    unusable: int
    unknown: int = 0
    figures: Mapping[str, WindowSums] = field(default_factory=dict)
    classes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowCounts:
    """The same rows as a `WindowRows`, counted in bins; by column, missing values first."""

    window: int
    at: int
    version: str | None
    counts: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedCells:
    """Confusion counts that the scores of the same rows lead one to expect; only usable rows.

    Of several classes there is one for each `label`, against all others; of two, that of the
    positive class.
    """

    window: int
    at: int
    version: str | None
    label: str | None = None
    true_positives: float
    false_positives: float
    false_negatives: float
    true_negatives: float

    @property
    def rows(self) -> float:
        """All of them."""
        return (
            self.true_positives + self.false_positives + self.false_negatives + self.true_negatives
        )


class PredictionLog(Protocol):
    """Joins logged predictions with the labels that arrived, and reduces them to sums."""

    def summarise(
        self, predictions: Table, labels: Table | None, query: WindowQuery
    ) -> tuple[WindowRows, ...]:
        """The rows of each window; one scan, without memory for each row.

        Raises:
            InputError: a column is missing or of another type, a key is repeated on one side, or
                a label is older than its prediction.
        """
        ...

    def count(
        self, predictions: Table, query: WindowQuery, columns: "Sequence[ColumnProfile]"
    ) -> tuple[WindowCounts, ...]:
        """Count these columns of the predictions in their bins, by window; reads no labels.

        Raises:
            InputError: a column is missing, or the times are of another type.
        """
        ...

    def expect(self, predictions: Table, query: WindowQuery) -> tuple[ExpectedCells, ...]:
        """The confusion counts that scores lead one to expect, of a classification.

        Raises:
            InputError: a column is missing, or the times are of another type.
        """
        ...

    def export(
        self, predictions: Table, labels: Table, query: WindowQuery, served: ServedRows, into: Path
    ) -> int:
        """Write these rows to a Parquet file, and give their number.

        Raises:
            InputError: as `summarise`, where columns are missing or of another type.
        """
        ...
