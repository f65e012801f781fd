"""The metrics a gate can name: their direction, what they read, how they are measured."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType


class Task(StrEnum):
    """What the model predicts."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"
    GENERATION = "generation"  # text or anything else, judged case by case


class Family(StrEnum):
    """How a metric's sampling distribution is found, and from which statistics of `core.sample`."""

    PROPORTION = "proportion"  # share of rows that are right; from Cells
    CELLS = "cells"  # a function of the joint confusion counts; from Cells
    MEAN = "mean"  # mean of a loss per row; from Moments of that loss
    MOMENTS = "moments"  # a function of squared errors and labels; from Moments of those
    RANKS = "ranks"  # needs the order of the scores; from Ranked or OneVsRest
    CALIBRATION = "calibration"  # a reported figure of the scores; from Ranked
    FAIRNESS = "fairness"  # gap between groups of rows; from Cells with groups
    CUSTOM = "custom"  # a function of the user's; from Replicates
    LATENCY = "latency"  # a quantile of what single requests took; from Timings
    OPERATION = "operation"  # measured of the model, not of rows


class Loss(StrEnum):
    """What a metric of the family MEAN averages, per row; y label, p prediction or score."""

    LOG = "log"  # -ln of the label's probability, which is kept within [2^-52, 1 - 2^-52]
    BRIER = "brier"  # (score - [label is positive])^2
    ABSOLUTE = "absolute"  # |y - p|
    SQUARED = "squared"  # (y - p)^2
    ABSOLUTE_PERCENTAGE = "absolute_percentage"  # |y - p| / max(|y|, 2^-52)
    COLUMN = "column"  # a figure that stands in the predictions file


class Counts(StrEnum):
    """Which rows inform a metric; `policy.min_rows` is about these."""

    ROWS = "rows"
    POSITIVES = "positives"
    NEGATIVES = "negatives"
    PREDICTED = "predicted positives"  # of the model that predicts fewer
    SMALLER_CLASS = "rows of the smaller class"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A metric in its natural sign.

    Attributes:
        name: scikit-learn's name without `neg_`.
        greater_is_better: the direction in which the metric improves.
        tasks: where it is defined; empty for metrics of any model.
        family: how its interval is found.
        counts: which rows inform it.
        loss: what a metric of the family MEAN averages, else None.
        needs_score: whether it reads probabilities rather than predictions.
        column: what a metric of the loss COLUMN reads; None: what `data.cost` names.
        scale: what that column is multiplied by.
        beta: how much more recall counts than precision in an F score; else None.
        quantile: the share of requests that a latency is the quantile of; else None.
        aliases: short names that mean the same.
    """

    name: str
    greater_is_better: bool
    tasks: frozenset[Task]
    family: Family
    counts: Counts = Counts.ROWS
    loss: Loss | None = None
    needs_score: bool = False
    column: str | None = None
    scale: float = 1.0
    beta: float | None = None
    quantile: float | None = None
    aliases: tuple[str, ...] = ()

    @property
    def of_rows(self) -> bool:
        """Whether it is measured of rows, and thus of slices too."""
        return self.family not in {Family.OPERATION, Family.LATENCY}

    @property
    def of_outcomes(self) -> bool:
        """Whether it reads labels and predictions, and not just a column of figures."""
        return self.of_rows and self.loss is not Loss.COLUMN

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


def _confusion(
    name: str,
    *aliases: str,
    tasks: frozenset[Task] = _BINARY,
    family: Family = Family.CELLS,
    counts: Counts = Counts.ROWS,
) -> Metric:
    return Metric(
        name=name,
        greater_is_better=True,
        tasks=tasks,
        family=family,
        counts=counts,
        aliases=aliases,
    )


def _ranking(name: str, *aliases: str, tasks: frozenset[Task] = _BINARY, counts: Counts) -> Metric:
    return Metric(
        name=name,
        greater_is_better=True,
        tasks=tasks,
        family=Family.RANKS,
        counts=counts,
        needs_score=True,
        aliases=aliases,
    )


def _mean(name: str, loss: Loss, *aliases: str, tasks: frozenset[Task] = _REGRESSION) -> Metric:
    return Metric(
        name=name,
        greater_is_better=False,
        tasks=tasks,
        family=Family.MEAN,
        loss=loss,
        needs_score=loss in {Loss.LOG, Loss.BRIER},
        aliases=aliases,
    )


def _operation(name: str, family: Family, quantile: float | None = None) -> Metric:
    return Metric(
        name=name, greater_is_better=False, tasks=frozenset(), family=family, quantile=quantile
    )


def _fairness(name: str, counts: Counts, *aliases: str) -> Metric:
    return Metric(
        name=name,
        greater_is_better=False,
        tasks=_BINARY,
        family=Family.FAIRNESS,
        counts=counts,
        aliases=aliases,
    )


_ALL = (
    _confusion("accuracy", "acc", tasks=_CLASSES, family=Family.PROPORTION),
    _confusion("balanced_accuracy", tasks=_CLASSES, counts=Counts.SMALLER_CLASS),
    _confusion("precision", counts=Counts.PREDICTED),
    _confusion("recall", "sensitivity", "tpr", counts=Counts.POSITIVES),
    _confusion("specificity", "tnr", counts=Counts.NEGATIVES),
    _confusion("f1", counts=Counts.POSITIVES),
    _confusion("matthews_corrcoef", "mcc", tasks=_CLASSES, counts=Counts.SMALLER_CLASS),
    *(
        _confusion(
            f"{name}_{average}",
            tasks=_MULTICLASS,
            family=Family.PROPORTION if average == "micro" else Family.CELLS,
        )
        for name in ("precision", "recall", "f1")
        for average in ("micro", "macro", "weighted")
    ),
    _ranking("roc_auc", "auc", counts=Counts.SMALLER_CLASS),
    _ranking("roc_auc_ovr", "auc_ovr", tasks=_MULTICLASS, counts=Counts.SMALLER_CLASS),
    _ranking("average_precision", "pr_auc", "ap", counts=Counts.POSITIVES),
    _mean("log_loss", Loss.LOG, "logloss", tasks=_CLASSES),
    _mean("brier_score_loss", Loss.BRIER, "brier", "brier_score", tasks=_BINARY),
    _mean("mean_absolute_error", Loss.ABSOLUTE, "mae"),
    _mean("mean_squared_error", Loss.SQUARED, "mse"),
    _mean("mean_absolute_percentage_error", Loss.ABSOLUTE_PERCENTAGE, "mape"),
    Metric(
        name="root_mean_squared_error",
        greater_is_better=False,
        tasks=_REGRESSION,
        family=Family.MOMENTS,
        aliases=("rmse",),
    ),
    Metric(name="r2", greater_is_better=True, tasks=_REGRESSION, family=Family.MOMENTS),
    _confusion("exact_match", tasks=frozenset({Task.GENERATION}), family=Family.PROPORTION),
    _fairness("demographic_parity_difference", Counts.ROWS, "demographic_parity"),
    _fairness("equal_opportunity_difference", Counts.POSITIVES, "equal_opportunity"),
    _fairness(
        "equalized_odds_difference", Counts.SMALLER_CLASS, "equalized_odds", "equalised_odds"
    ),
    Metric(
        name="expected_calibration_error",
        greater_is_better=False,
        tasks=_BINARY,
        family=Family.CALIBRATION,
        needs_score=True,
        aliases=("ece",),
    ),
    Metric(
        name="cost_per_1000_rows",
        greater_is_better=False,
        tasks=frozenset(),
        family=Family.MEAN,
        loss=Loss.COLUMN,
        scale=1000.0,
    ),
    _operation("latency_p50_ms", Family.LATENCY, 0.50),
    _operation("latency_p95_ms", Family.LATENCY, 0.95),
    _operation("latency_p99_ms", Family.LATENCY, 0.99),
    _operation("model_size_mb", Family.OPERATION),
)

METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _ALL})
_BY_ANY_NAME = {name: m for m in _ALL for name in (m.name, *m.aliases)}
PATTERNS = ("f<beta>", "mean(<column>)", "<module>:<function>")
"""How the metrics are named that no list can hold."""

_F_SCORE = re.compile(r"f(?:beta_)?(?P<beta>\d{1,3}(\.\d{1,3})?)")
_MEAN = re.compile(r"mean\((?P<column>[^()]+)\)")
_FUNCTION = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)


def find(name: str) -> Metric | None:
    """The metric of this name or alias, or None.

    Beside those of `METRICS`: `f2`, `f0.5` and other F scores, `mean(column)` of a column of the
    predictions file, and `module:function`. Of the last two a greater value is taken for better,
    as scikit-learn's `make_scorer` does.
    """
    if name in _BY_ANY_NAME:
        return _BY_ANY_NAME[name]
    if (found := _F_SCORE.fullmatch(name)) and (beta := float(found["beta"])):
        return replace(METRICS["f1"], name=f"f{beta:g}", beta=beta, aliases=())
    if found := _MEAN.fullmatch(name):
        return Metric(
            name=name,
            greater_is_better=True,
            tasks=frozenset(),
            family=Family.MEAN,
            loss=Loss.COLUMN,
            column=found["column"].strip(),
        )
    if _FUNCTION.fullmatch(name):
        return Metric(name=name, greater_is_better=True, tasks=frozenset(), family=Family.CUSTOM)
    return None
