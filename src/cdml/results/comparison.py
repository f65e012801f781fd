"""Two files of results compared, as values for whoever shows them."""

from collections.abc import Mapping
from dataclasses import dataclass

from cdml.common.verdict import Verdict
from cdml.evidence.cases import ChangedCases
from cdml.statistics.interval import ConfidenceInterval


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricComparison:
    """One metric on all cases or on those of one category.

    `interval` is of new - old. Without one, `reason` says why there is none. `greater_is_better`
    is None for figures that are only shown with the metrics, such as cost.
    """

    metric: str
    column: str
    category: Mapping[str, object] | None
    cases: int
    old: float | None
    new: float | None
    interval: ConfidenceInterval | None
    greater_is_better: bool
    is_share: bool = False
    reason: str = ""
    verdict: Verdict | None = None
    moved: bool = False

    @property
    def change(self) -> float | None:
        """New - old."""
        return None if self.old is None or self.new is None else self.new - self.old

    @property
    def sign(self) -> int:
        """+1 where greater is better, else -1."""
        return 1 if self.greater_is_better else -1


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultComparison:
    """What two files of results say of one another.

    The first of `metrics` answers for all. `operations` are cost, latency and tokens. `smallest` is
    the change that these cases detect with 80 % power, and `needed` how many would detect `target`.
    `changed` are the cases that got worse or better by the first metric, None if it has no column.
    The verdict is None without a margin.
    """

    old: str
    new: str
    cases: int
    confidence: float
    metrics: tuple[MetricComparison, ...]
    operations: tuple[MetricComparison, ...]
    categories: tuple[MetricComparison, ...]
    notes: tuple[str, ...]
    smallest: float | None
    target: float | None
    needed: int | None
    more_trials: int | None
    changed: ChangedCases | None = None
    rule: str = ""
    verdict: Verdict | None = None
    reason: str = ""

    @property
    def primary(self) -> MetricComparison:
        """The metric that answers."""
        return self.metrics[0]
