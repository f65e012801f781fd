"""The metrics a gate can name: their direction, what they read, how they are measured."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache, partial
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from cdml.errors import ConfigurationError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

FEWEST_ROWS = 100
"""Rows that a slice needs to be judged, unless cdml.yaml says otherwise."""
FEWEST_CASES = 20
"""The same of cases of a suite, of which there are never many."""
FEWEST_CLUSTERS = 10
"""The same of clusters. With fewer, the spread between them says too little of others."""


class Task(StrEnum):
    """What the model predicts."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"
    GENERATION = "generation"  # text or anything else, judged case by case


class Statistic(StrEnum):
    """Which statistics of the rows a family reads; `samples` has them."""

    CELLS = "cells"  # Cells
    GROUPS = "groups"  # Cells with the groups of data.sensitive
    LOSSES = "losses"  # Moments of a loss per row
    SQUARES = "squares"  # Moments of squared errors and labels
    CASES = "cases"  # CaseScores of a column; held in memory
    SCORES = "scores"  # Ranked or OneVsRest; held in memory
    REPLICATES = "replicates"  # Replicates, by a function of the user's
    TIMINGS = "timings"  # Timings, of the model's process
    FIGURE = "figure"  # one figure of the model, without an error


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Metrics whose sampling distribution is found in one way.

    `estimator` is the `module:attribute` of its `Estimator` (`statistics/engine.py`), imported when
    something is measured. A metric that is `reported` has values, and no comparison of them.
    """

    PROPORTION: ClassVar["Family"]  # share of rows that are right
    CELLS: ClassVar["Family"]  # a function of the joint confusion counts
    MEAN: ClassVar["Family"]  # mean of a loss per row
    MOMENTS: ClassVar["Family"]  # a function of squared errors and labels
    CASES: ClassVar["Family"]  # what a column comes to case by case
    RANKS: ClassVar["Family"]  # needs the order of the scores
    CALIBRATION: ClassVar["Family"]  # a reported figure of the scores
    FAIRNESS: ClassVar["Family"]  # gap between groups of rows
    CUSTOM: ClassVar["Family"]  # a function of the user's
    LATENCY: ClassVar["Family"]  # a quantile of what single requests took
    OPERATION: ClassVar["Family"]  # measured of the model, not of rows

    name: str
    reads: Statistic
    estimator: str = ""
    reported: bool = False


def _family(name: str, reads: Statistic, *, reported: bool = False) -> Family:
    estimator = f"cdml.statistics.engine:{name.upper()}"
    return Family(name=name, reads=reads, estimator=estimator, reported=reported)


Family.PROPORTION = _family("proportion", Statistic.CELLS)
Family.CELLS = _family("cells", Statistic.CELLS)
Family.MEAN = _family("mean", Statistic.LOSSES)
Family.MOMENTS = _family("moments", Statistic.SQUARES)
Family.CASES = Family(name="cases", reads=Statistic.CASES)
Family.RANKS = _family("ranks", Statistic.SCORES)
Family.CALIBRATION = _family("calibration", Statistic.SCORES, reported=True)
Family.FAIRNESS = _family("fairness", Statistic.GROUPS)
Family.CUSTOM = _family("custom", Statistic.REPLICATES)
Family.LATENCY = _family("latency", Statistic.TIMINGS)
Family.OPERATION = Family(name="operation", reads=Statistic.FIGURE)


class Loss(StrEnum):
    """What a metric of the family MEAN averages, per row; y label, p prediction or score."""

    LOG = "log"  # -ln of the label's probability, which is kept within [2^-52, 1 - 2^-52]
    BRIER = "brier"  # (score - [label is positive])^2
    ABSOLUTE = "absolute"  # |y - p|
    SQUARED = "squared"  # (y - p)^2
    ABSOLUTE_PERCENTAGE = "absolute_percentage"  # |y - p| / max(|y|, 2^-52)
    COLUMN = "column"  # a figure that stands in the predictions file


class Summary(StrEnum):
    """What a metric of a column makes of its cases."""

    MEAN = "mean"
    RATE = "rate"  # the mean of 0 and 1
    FAILURES = "failures"  # share of cases of which any trial is marked; less is better
    SHARE = "share"  # of cases that reach a threshold
    MEDIAN = "median"
    ANY_PASSES = "pass@"  # chance that any of k trials passes
    ALL_PASS = "pass^"  # noqa: S105 - chance that all of k trials pass


class Counts(StrEnum):
    """Which rows inform a metric; `policy.min_rows` is about these."""

    ROWS = "rows"
    POSITIVES = "positives"
    NEGATIVES = "negatives"
    PREDICTED = "predicted positives"  # of the model that predicts fewer
    SMALLER_CLASS = "rows of the smaller class"


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The values that a metric can have; the ends belong to it and may be infinite."""

    low: float
    high: float

    @property
    def width(self) -> float:
        """How far two values can lie apart."""
        return self.high - self.low

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def __str__(self) -> str:
        if math.isinf(self.high):
            return "any number" if math.isinf(self.low) else f"{self.low:g} or more"
        if math.isinf(self.low):
            return f"{self.high:g} or less"
        return f"between {self.low:g} and {self.high:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A metric in its natural sign, by scikit-learn's name without `neg_`.

    Without `tasks` it is one of any model. Where the `range` is not known, nothing is assumed of
    the direction either. `uninformed` is by task the value of a model that answers at random or
    always the same, where that does not depend on the rows; a `fraction` is one that others write
    in percent, without an upper end. `loss` is what a mean is of, times `scale`; of the loss COLUMN
    that `column`, or what `data.cost` names, by its `summary`; `threshold` is of shares, `k` of
    passes. `labels` are columns of human labels of the challenger's and the champion's answers,
    which correct the mean. `beta` is of F scores, `quantile` of latencies.
    """

    name: str
    greater_is_better: bool
    tasks: frozenset[Task]
    family: Family
    range: Range | None = None
    uninformed: Mapping[Task, float] = field(default_factory=dict, hash=False)
    fraction: bool = False
    counts: Counts = Counts.ROWS
    loss: Loss | None = None
    needs_score: bool = False
    column: str | None = None
    summary: Summary = Summary.MEAN
    threshold: float | None = None
    k: int | None = None
    labels: tuple[str, str | None] | None = None
    scale: float = 1.0
    beta: float | None = None
    quantile: float | None = None
    aliases: tuple[str, ...] = ()

    @property
    def worst(self) -> float:
        """The end of the range where no model is worse; NaN where the range is not known."""
        if self.range is None:
            return math.nan
        return self.range.low if self.greater_is_better else self.range.high

    @property
    def best(self) -> float:
        """The other end."""
        if self.range is None:
            return math.nan
        return self.range.high if self.greater_is_better else self.range.low

    @property
    def of_rows(self) -> bool:
        """Whether it is measured of rows, and thus of slices too."""
        return self.family.reads not in {Statistic.FIGURE, Statistic.TIMINGS}

    @property
    def described(self) -> bool:
        """Whether direction and range are known, and not for a gate to give."""
        return self.range is not None

    @property
    def of_outcomes(self) -> bool:
        """Whether it reads labels and predictions, and not just a column of figures."""
        return self.of_rows and self.loss is not Loss.COLUMN

    @property
    def corrected_by(self) -> str | None:
        """The columns of human labels, in words; None without labels."""
        return ", ".join(dict.fromkeys(filter(None, self.labels))) if self.labels else None

    @property
    def averaged(self) -> str:
        """What a metric of the family MEAN averages, by name."""
        if self.loss is Loss.COLUMN:
            return f"column {self.column}" if self.column else "cost"
        return self.loss.value if self.loss else self.name


_BINARY = frozenset({Task.BINARY})
_MULTICLASS = frozenset({Task.MULTICLASS})
_CLASSES = frozenset({Task.BINARY, Task.MULTICLASS})
_REGRESSION = frozenset({Task.REGRESSION})
_UNIT = Range(low=0.0, high=1.0)
_POSITIVE = Range(low=0.0, high=math.inf)


_confusion = partial(
    Metric, greater_is_better=True, tasks=_BINARY, family=Family.CELLS, range=_UNIT
)
_ranking = partial(
    Metric,
    greater_is_better=True,
    tasks=_BINARY,
    family=Family.RANKS,
    range=_UNIT,
    needs_score=True,
)
_mean = partial(
    Metric, greater_is_better=False, tasks=_REGRESSION, family=Family.MEAN, range=_POSITIVE
)
_fairness = partial(
    Metric, greater_is_better=False, tasks=_BINARY, family=Family.FAIRNESS, range=_UNIT
)
_latency = partial(
    Metric, greater_is_better=False, tasks=frozenset(), family=Family.LATENCY, range=_POSITIVE
)

_ALL = (
    _confusion(
        name="accuracy", aliases=("acc", "accuracy_score"), tasks=_CLASSES, family=Family.PROPORTION
    ),
    _confusion(
        name="balanced_accuracy",
        aliases=("balanced_accuracy_score", "bacc"),
        tasks=_CLASSES,
        counts=Counts.SMALLER_CLASS,
        uninformed={Task.BINARY: 0.5},
    ),
    _confusion(
        name="precision",
        aliases=("precision_score", "ppv", "positive_predictive_value"),
        counts=Counts.PREDICTED,
    ),
    _confusion(
        name="recall",
        aliases=("recall_score", "sensitivity", "tpr", "true_positive_rate"),
        counts=Counts.POSITIVES,
    ),
    _confusion(
        name="specificity",
        aliases=("specificity_score", "tnr", "true_negative_rate"),
        counts=Counts.NEGATIVES,
    ),
    _confusion(
        name="f1", aliases=("f1_score", "f_score", "fscore", "f_measure"), counts=Counts.POSITIVES
    ),
    _confusion(
        name="matthews_corrcoef",
        aliases=("mcc", "matthews_corr_coef", "matthews_correlation_coefficient"),
        tasks=_CLASSES,
        counts=Counts.SMALLER_CLASS,
        range=Range(low=-1.0, high=1.0),
        uninformed={Task.BINARY: 0.0, Task.MULTICLASS: 0.0},
    ),
    *(
        _confusion(
            name=f"{name}_{average}",
            aliases=(f"{name}_score_{average}", f"{average}_{name}"),
            tasks=_MULTICLASS,
            family=Family.PROPORTION if average == "micro" else Family.CELLS,
        )
        for name in ("precision", "recall", "f1")
        for average in ("micro", "macro", "weighted")
    ),
    _ranking(
        name="roc_auc",
        aliases=("auc", "auc_roc", "rocauc", "roc_auc_score", "area_under_roc"),
        counts=Counts.SMALLER_CLASS,
        uninformed={Task.BINARY: 0.5},
    ),
    _ranking(
        name="roc_auc_ovr",
        aliases=("auc_ovr", "roc_auc_score_ovr"),
        tasks=_MULTICLASS,
        counts=Counts.SMALLER_CLASS,
        uninformed={Task.MULTICLASS: 0.5},
    ),
    _ranking(
        name="average_precision",
        aliases=(
            "average_precision_score",
            "ap",
            "pr_auc",
            "prauc",
            "auc_pr",
            "aucpr",
            "auprc",
            "precision_recall_auc",
            "area_under_pr",
        ),
        counts=Counts.POSITIVES,
    ),
    _mean(
        name="log_loss",
        aliases=(
            "logloss",
            "mlogloss",
            "multi_logloss",
            "cross_entropy",
            "crossentropy",
            "cross_entropy_loss",
            "categorical_crossentropy",
            "nll",
        ),
        loss=Loss.LOG,
        needs_score=True,
        tasks=_CLASSES,
        uninformed={Task.BINARY: math.log(2)},
    ),
    _mean(
        name="brier_score_loss",
        aliases=("brier", "brier_score", "brier_loss"),
        loss=Loss.BRIER,
        needs_score=True,
        tasks=_BINARY,
        range=_UNIT,
        uninformed={Task.BINARY: 0.25},
    ),
    _mean(name="mean_absolute_error", aliases=("mae", "l1", "mean_abs_error"), loss=Loss.ABSOLUTE),
    _mean(name="mean_squared_error", aliases=("mse", "l2"), loss=Loss.SQUARED),
    _mean(
        name="mean_absolute_percentage_error",
        aliases=("mape",),
        loss=Loss.ABSOLUTE_PERCENTAGE,
        uninformed={Task.REGRESSION: 1.0},
        fraction=True,
    ),
    Metric(
        name="root_mean_squared_error",
        greater_is_better=False,
        tasks=_REGRESSION,
        family=Family.MOMENTS,
        range=_POSITIVE,
        aliases=("rmse", "l2_root", "root_mean_square_error"),
    ),
    Metric(
        name="r2",
        greater_is_better=True,
        tasks=_REGRESSION,
        family=Family.MOMENTS,
        range=Range(low=-math.inf, high=1.0),
        uninformed={Task.REGRESSION: 0.0},
        aliases=("r2_score", "r_squared", "r_2", "coefficient_of_determination"),
    ),
    _confusion(name="exact_match", tasks=frozenset({Task.GENERATION}), family=Family.PROPORTION),
    _fairness(
        name="demographic_parity_difference",
        aliases=("demographic_parity", "statistical_parity", "statistical_parity_difference"),
        counts=Counts.ROWS,
    ),
    _fairness(
        name="equal_opportunity_difference",
        aliases=("equal_opportunity", "true_positive_rate_difference"),
        counts=Counts.POSITIVES,
    ),
    _fairness(
        name="equalized_odds_difference",
        aliases=("equalized_odds", "equalised_odds", "equalised_odds_difference"),
        counts=Counts.SMALLER_CLASS,
    ),
    Metric(
        name="expected_calibration_error",
        greater_is_better=False,
        tasks=_BINARY,
        family=Family.CALIBRATION,
        range=_UNIT,
        needs_score=True,
        aliases=("ece", "calibration_error"),
    ),
    _mean(
        name="cost_per_1000_rows",
        tasks=frozenset(),
        range=Range(low=-math.inf, high=math.inf),
        loss=Loss.COLUMN,
        scale=1000.0,
    ),
    _latency(name="latency_p50_ms", quantile=0.50),
    _latency(name="latency_p95_ms", quantile=0.95),
    _latency(name="latency_p99_ms", quantile=0.99),
    _latency(name="model_size_mb", family=Family.OPERATION),
)

METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _ALL})
_BY_ANY_NAME = {name: m for m in _ALL for name in (m.name, *m.aliases)}
PATTERNS = (
    "f<beta>", "mean(<column>)", "rate(<column>)", "failures(<column>)", "median(<column>)",
    "share(<column> >= <number>)", "pass@<k>(<column>)", "pass^<k>(<column>)", "<module>:<function>"
)  # fmt: skip
"""How the metrics are named that no list can hold."""

_F_SCORE = re.compile(r"f(?:beta_)?(?P<beta>\d{1,3}(\.\d{1,3})?)")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_OTHER = re.compile(r"[^a-z0-9]+")
_WORDS = re.compile(r"[A-Za-z0-9_^ -]+")
_OF_COLUMN = re.compile(
    r"(?P<summary>mean|rate|failures|median|share|pass[@^](?=\d))(?P<k>(?<=[@^])\d{1,3})?"
    r"\((?P<column>(?:[^()]|\([^()]*\))+?)\s*(>=\s*(?P<threshold>-?\d+(\.\d*)?))?\)"
)
_FUNCTION = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)


def plain_name(name: str) -> str:
    """A name as the table has it: `F1Score`, `ROC AUC` and `f1-score` in small letters and `_`.

    `binary_` in front, as some libraries have it, says nothing that `data.positive` does not.
    """
    small = _HUMP.sub("_", name).lower()
    return _OTHER.sub("_", small).strip("_").removeprefix("binary_")


@lru_cache(maxsize=1024)
def find_metric(name: str) -> Metric | None:
    """The metric of this name or alias, or None.

    Names are understood however they are written: `F1Score`, `ROC AUC`, `roc-auc`. Besides those
    of `METRICS` and of installed packages there are the `PATTERNS`; of a mean and of a function a
    greater value is taken for better, as scikit-learn's `make_scorer` does.
    """
    if name in _BY_ANY_NAME:
        return _BY_ANY_NAME[name]
    if _WORDS.fullmatch(name) and (metric := _BY_ANY_NAME.get(plain_name(name))):
        return metric
    if (named := _F_SCORE.fullmatch(name)) and (beta := float(named["beta"])):
        return replace(METRICS["f1"], name=f"f{beta:g}", beta=beta, aliases=())
    if column := _OF_COLUMN.fullmatch(name):
        return _of_column(name, column)
    if _FUNCTION.fullmatch(name):
        return Metric(name=name, greater_is_better=True, tasks=frozenset(), family=Family.CUSTOM)
    return _find_added(name)


def _of_column(name: str, parts: re.Match[str]) -> Metric | None:
    """A metric of a column of results; None where a threshold or k is missing or out of place."""
    summary, threshold = Summary(parts["summary"]), parts["threshold"]
    if (summary is Summary.SHARE) is (threshold is None) or parts["k"] == "0":
        return None
    return Metric(
        name=name,
        greater_is_better=summary is not Summary.FAILURES,
        tasks=frozenset(),
        family=Family.MEAN if summary is Summary.MEAN else Family.CASES,
        range=None if summary in {Summary.MEAN, Summary.MEDIAN} else _UNIT,
        loss=Loss.COLUMN,
        column=parts["column"].strip(),
        summary=summary,
        threshold=None if threshold is None else float(threshold),
        k=int(parts["k"]) if parts["k"] else None,
    )


def metric_names() -> tuple[str, ...]:
    """The names of all metrics that have one, those of installed packages too."""
    return tuple(sorted({*METRICS, *_added()}))


def _added() -> Mapping[str, "EntryPoint"]:
    from importlib.metadata import entry_points  # takes long, and most names are ours

    return {point.name: point for point in entry_points(group="cdml.metrics")}


def _find_added(name: str) -> Metric | None:
    """A metric that an installed package brings, with its family."""
    if (point := _added().get(name)) is None:
        return None
    try:
        metric = point.load()
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(f"the metric {name!r} cannot be imported: {error}.") from error
    if isinstance(metric, Metric) and metric.name == name:
        return metric
    raise ConfigurationError(f"{point.value} is not a metric named {name!r}.")
