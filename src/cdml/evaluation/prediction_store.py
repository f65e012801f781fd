"""Predictions reduced to what inference needs to know of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cdml.errors import ConfigurationError
from cdml.evaluation.cases import CaseFiles
from cdml.statistics.metrics import Metric, Statistic, Task
from cdml.tables.query import Field
from cdml.tables.table import Table

if TYPE_CHECKING:  # numpy is not there where nothing is measured
    from cdml.statistics.curves import ScoreBins
    from cdml.statistics.samples import Sample

PredictionValue = bool | int | float | str | None
OTHER = "other"
"""The value that stands for those beyond `Layout.max_slices`."""
RESIDUALS: Mapping[str, float] = {
    "residuals_p05": 0.05,
    "residuals_p25": 0.25,
    "residuals_p50": 0.5,
    "residuals_p75": 0.75,
    "residuals_p95": 0.95,
}
"""The quantiles of residuals that are drawn, by the name of their curve."""
RESIDUAL_BINS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What the columns of a predictions file mean.

    Every value of `slices` is a slice, of which `max_slices` stand alone, largest first. Without
    `weight` all rows count the same, without `cluster` they are independent. Where rows are cases
    (`by_case`), metrics of columns are measured case by case; where it is `partial`, without the
    cases for which neither file has a figure. `styles` are columns, by name, in which a judge may
    see something else than quality; of a text its length counts.
    """

    key: tuple[str, ...]
    label: str | None
    slices: tuple[str, ...]
    task: Task
    positive: bool | int | str | None
    max_slices: int
    weight: str | None = None
    cluster: str | None = None
    sensitive: str | None = None
    cost: str | None = None
    classes: tuple[bool | int | float | str, ...] = ()
    by_case: bool = False
    partial: bool = False
    styles: Mapping[str, str] = field(default_factory=dict)

    def reads_cases(self, metric: Metric) -> bool:
        """Whether a metric is measured case by case."""
        in_memory = metric.family.reads is Statistic.CASES or metric.labels is not None
        plain = self.weight is None and self.cluster is None
        return in_memory or (self.by_case and plain and metric.column is not None)

    @property
    def required_label(self) -> str:
        """The label's column, of metrics that read one.

        Raises:
            ConfigurationError: there is none.
        """
        if self.label is None:
            raise ConfigurationError("data.label is missing.", "Name the column to predict.")
        return self.label

    @property
    def extra_columns(self) -> tuple[str, ...]:
        """What the challenger's file holds in addition to key, label and predictions."""
        return (*self.slices, *(name for name in (self.weight, self.cluster) if name))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PredictionSlice:
    """All rows, or those of one slice.

    `slice` is None for all rows. A missing value is None, and `OTHER` stands for all values beyond
    the largest.
    """

    slice: Mapping[str, PredictionValue] | None
    rows: int
    sample: "Callable[[Metric], Sample]"


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedRows:
    """The rows of one model or of two, side by side, for functions that read rows.

    The Parquet file has the columns `y_true`; `c_pred` of the challenger and `p_pred` of the
    champion, in the label's own values; `c_score0`, `p_score0` where there are scores, of a
    multiclass task (`matrix`) one for each class in the label's order; `weight` and `cluster` where
    the layout names them; `s0`, `s1`, … the code of the value of each slice column. `parts` are in
    the order of `Samples.reduce`, `places` of each its slice column and code.
    """

    path: Path
    sides: str
    matrix: bool
    weighted: bool
    clustered: bool
    parts: tuple[Mapping[str, PredictionValue] | None, ...]
    places: tuple[tuple[int, int] | None, ...]
    rows: tuple[int, ...]


class Samples(CaseFiles, Protocol):
    """Reads predictions files: key, label, slices, `prediction`, `score` or `score_<class>`."""

    def columns(self, predictions: Path) -> tuple[Field, ...]:
        """The columns of a predictions file.

        Raises:
            InputError: it does not exist or is not Parquet.
        """
        ...

    def texts(self, files: Sequence[Path], column: str) -> frozenset[str]:
        """The different texts of a column; of the first few only where there are many."""
        ...

    def match(self, predictions: Path, rows: Path, layout: Layout) -> None:
        """Make sure that predictions are of exactly these rows.

        Raises:
            InputError: rows stand in one file only, or their labels differ; with how many.
        """
        ...

    def reduce(
        self,
        challenger: Path,
        champion: Path | None,
        layout: Layout,
        metrics: tuple[Metric, ...],
    ) -> tuple[PredictionSlice, ...]:
        """All rows first, then slice by slice: columns as configured, largest value first.

        The parts will measure `metrics`, which are `of_rows`.

        Raises:
            InputError: columns are missing, there are no rows, keys are missing or repeated,
                rows stand in one file only, labels are missing or differ, predictions are
                missing, scores are not probabilities; each with how many rows.
        """
        ...

    def rows(
        self, challenger: Path, champion: Path | None, layout: Layout, into: Path
    ) -> PairedRows:
        """Write the rows themselves, for metrics that only a function of the user's can measure.

        Raises:
            InputError: as `reduce` does; of a classifier's file that holds scores, also where
                they are not probabilities; and where weights are negative or clusters missing.
        """
        ...

    def residuals(
        self, predictions: Path, layout: Layout
    ) -> Mapping[str, tuple[Sequence[float], Sequence[float]]]:
        """Quantiles of a regression's prediction - label, over the mean prediction, by name.

        The rows, in the order of prediction and then of residual, are cut into `RESIDUAL_BINS`
        bins of equally many (fewer where there are fewer rows); quantiles lie between rows as
        numpy has them. Weights of rows do not count, and rows without a number are left out.

        Raises:
            InputError: a column is missing or holds no numbers.
        """
        ...

    def score_bins(
        self, predictions: Path, layout: Layout, classes: tuple[str, ...]
    ) -> "ScoreBins":
        """The scores of one model counted by bin, for pictures: no memory for each row.

        Weights of rows do not count. Of a multiclass model all classes together, each against the
        rest. Labels and scores have been found to be sound.

        Raises:
            InputError: a column is missing.
        """
        ...


class TableSamples(Protocol):
    """Reduces predictions in tables of databases and clusters, whose rows stay where they are.

    An engine is trusted after it gave DuckDB's figures for rows made for the purpose.
    """

    def describe_proof(self, predictions: Table) -> tuple[str, ...]:
        """What the engine of these predictions has proven, for the evidence."""
        ...

    def measures(self, metric: Metric, layout: Layout) -> bool:
        """Whether a metric needs no rows."""
        ...

    def match(self, predictions: Table, rows: Table, layout: Layout) -> None:
        """As `PredictionStore.match`, of tables in one place.

        Raises:
            ConfigurationError: the evaluation rows are not where the predictions are.
            InputError: as `PredictionStore.match`.
            ServiceError: the engine fails.
        """
        ...

    def reduce(
        self,
        challenger: Table,
        champion: Table | None,
        layout: Layout,
        metrics: tuple[Metric, ...],
    ) -> tuple[PredictionSlice, ...]:
        """As `Samples.reduce`, with the same figures, rows paired by key.

        Raises:
            ConfigurationError: a metric needs the rows, the tables are not in one engine, or the
                engine has other figures than DuckDB.
            InputError: as `Samples.reduce`; or a table changed while it was read.
            ServiceError: the engine fails.
        """
        ...
