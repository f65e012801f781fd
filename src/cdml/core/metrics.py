"""The metrics a gate can name: their direction, what they read, how they are measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Task(StrEnum):
    """What the model predicts."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"


class Family(StrEnum):
    """How a metric's sampling distribution is found (see docs/statistics.md)."""

    PROPORTION = "proportion"  # mean of a 0/1 outcome per row
    CELLS = "cells"  # a function of the joint confusion counts
    MEAN = "mean"  # mean of a loss per row
    MOMENTS = "moments"  # a function of the moments of the errors
    RANKS = "ranks"  # needs the order of the scores
    OPERATION = "operation"  # measured of the model or its process, not of rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A metric in its natural sign.

    Attributes:
        name: scikit-learn's name without `neg_`.
        greater_is_better: the direction in which the metric improves.
        tasks: where it is defined; empty for metrics of any model.
        family: how its interval is found.
        needs_score: whether it reads probabilities rather than predictions.
        aliases: short names that mean the same.
    """

    name: str
    greater_is_better: bool
    tasks: frozenset[Task]
    family: Family
    needs_score: bool = False
    aliases: tuple[str, ...] = ()


_BINARY = frozenset({Task.BINARY})
_CLASSES = frozenset({Task.BINARY, Task.MULTICLASS})
_REGRESSION = frozenset({Task.REGRESSION})

_ALL = (
    Metric(
        name="accuracy",
        greater_is_better=True,
        tasks=_CLASSES,
        family=Family.PROPORTION,
        aliases=("acc",),
    ),
    Metric(name="precision", greater_is_better=True, tasks=_BINARY, family=Family.CELLS),
    Metric(name="recall", greater_is_better=True, tasks=_BINARY, family=Family.CELLS),
    Metric(name="f1", greater_is_better=True, tasks=_BINARY, family=Family.CELLS),
    Metric(
        name="roc_auc",
        greater_is_better=True,
        tasks=_BINARY,
        family=Family.RANKS,
        needs_score=True,
        aliases=("auc",),
    ),
    Metric(
        name="log_loss",
        greater_is_better=False,
        tasks=_CLASSES,
        family=Family.MEAN,
        needs_score=True,
        aliases=("logloss",),
    ),
    Metric(
        name="mean_absolute_error",
        greater_is_better=False,
        tasks=_REGRESSION,
        family=Family.MEAN,
        aliases=("mae",),
    ),
    Metric(
        name="latency_p95_ms",
        greater_is_better=False,
        tasks=frozenset(),
        family=Family.OPERATION,
    ),
)

METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _ALL})
_BY_ANY_NAME = {name: m for m in _ALL for name in (m.name, *m.aliases)}


def find(name: str) -> Metric | None:
    """The metric of this name or alias, or None."""
    return _BY_ANY_NAME.get(name)
