"""Metrics of rows that carry weights, or come in clusters: one engine for all of them.

With D the figures of `statistics.influence` and S_g their sum over cluster g of G, the
variance of the value is G / (G - 1) times the sum of S_g^2 (cluster-robust: Liang & Zeger 1986;
Cameron & Miller 2015), and its bounds are t, corrected for skewness as everywhere else.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cdml.statistics import calibration, fairness, influence, student
from cdml.statistics.difference import Level, Paired
from cdml.statistics.influence import Influence
from cdml.statistics.interval import ConfidenceInterval, Unmeasured
from cdml.statistics.metrics import FEWEST_CLUSTERS, Metric
from cdml.statistics.proportions import wilson
from cdml.statistics.ranks import summed
from cdml.statistics.sample_size import counted, describe_count, effective_rows
from cdml.statistics.samples import Cells, Codes, Floats, OneVsRest, Ranked, RowFigures, Weighted
from cdml.statistics.skewed_means import Linear

_TOO_FEW = "are too few to estimate the spread"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowEstimator:
    """How a family's metrics are measured of rows with weights or in clusters.

    From `Weighted.of` of the classes `reads`, by the `influence` of each row (of the metric's name,
    the rows and their weights), or by functions that get the clusters, too, and the confidence.
    """

    reads: tuple[type, ...] = ()
    influence: Callable[[str, Any, Floats], Influence] | None = None
    compare: Callable[[str, Any, Floats, Codes], Paired | Unmeasured] | None = None
    measure: Callable[[str, Any, Floats, Codes, float], Level | Unmeasured] | None = None


NOTHING = RowEstimator()
BY_CELLS = RowEstimator(reads=(Cells,), influence=influence.influence_of_cells)
BY_FIGURES = RowEstimator(reads=(RowFigures,), influence=influence.influence_of_means)
BY_RANKS = RowEstimator(reads=(Ranked, OneVsRest), influence=influence.influence_of_ranks)
BY_BINS = RowEstimator(
    reads=(Ranked,),
    compare=lambda *_: Unmeasured(reason=calibration.NO_ERROR),
    measure=lambda _, scores, weight, *__: calibration.level(scores, weight),
)
BY_GROUPS = RowEstimator(
    reads=(Cells,),
    compare=lambda name, *rows: fairness.compared(name, fairness.rates(name, *rows)),
    measure=lambda name, cells, weight, clusters, confidence: fairness.level(
        name, fairness.rates(name, cells, weight, clusters), confidence
    ),
)
_SHARES = frozenset({"accuracy", "exact_match", "recall", "specificity", "precision"})


def compare(metric: Metric, sample: Weighted, estimator: RowEstimator) -> Paired | Unmeasured:
    """Two models on rows with weights or clusters."""
    weighted_sample = _drop_weightless(sample)
    if isinstance(weighted_sample, Unmeasured):
        return weighted_sample
    fewest = counted(metric, weighted_sample)
    if weighted_sample.cluster is not None and fewest < FEWEST_CLUSTERS:
        return Unmeasured(
            reason=f"{describe_count(metric.counts, fewest, clustered=True)} {_TOO_FEW}"
        )
    if problem := _problem(metric, weighted_sample, estimator):
        return problem
    inner, weight = weighted_sample.inner, weighted_sample.weight
    if estimator.compare is not None:
        return estimator.compare(metric.name, inner, weight, _clusters(weighted_sample))
    influence = _influence(metric, weighted_sample, estimator)
    if isinstance(influence, Unmeasured):
        return influence
    return _paired(weighted_sample, influence, fewest)


def measure(
    metric: Metric, sample: Weighted, confidence: float, estimator: RowEstimator
) -> Level | Unmeasured:
    """One model on such rows; the sample's challenger is measured."""
    weighted_sample = _drop_weightless(_alone(sample))
    if isinstance(weighted_sample, Unmeasured):
        return weighted_sample
    if problem := _problem(metric, weighted_sample, estimator):
        return problem
    inner, weight = weighted_sample.inner, weighted_sample.weight
    if estimator.measure is not None:
        return estimator.measure(metric.name, inner, weight, _clusters(weighted_sample), confidence)
    influence = _influence(metric, weighted_sample, estimator)
    if isinstance(influence, Unmeasured):
        return influence
    sums = _sums(weighted_sample, influence)
    if isinstance(sums, Unmeasured):
        return sums
    interval = _interval(metric, float(influence.value[0]), sums, confidence)
    return Level(value=float(influence.value[0]), interval=interval)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Sums:
    """What is independent of one another: how far each cluster, or row, `moves` the values.

    Shape (G, models); `scale` is G / (G - 1) of those that move anything, `df` the degrees of
    freedom that as many clusters of equal weight would leave.
    """

    moves: Floats
    scale: float
    df: float
    method: str

    @property
    def effective(self) -> float:
        """How many rows of equal weight there are."""
        return self.df + 1


def _drop_weightless(sample: Weighted) -> Weighted | Unmeasured:
    """Without rows of no weight, which tell nothing."""
    counts = sample.weight > 0
    if not counts.any():
        return Unmeasured(reason="all weights are 0")
    if counts.all():
        return sample
    cluster = None if sample.cluster is None else sample.cluster[counts]
    return Weighted(weight=sample.weight[counts], cluster=cluster, inner=_at(sample.inner, counts))


def _at(values: Any, rows: Any) -> Any:
    match values:
        case RowFigures():
            return RowFigures(values=values.values[rows])
        case OneVsRest():
            return OneVsRest(classes=tuple(_at(one, rows) for one in values.classes))
        case Ranked():
            champion = None if values.champion is None else values.champion[rows]
            return Ranked(
                positive=values.positive[rows],
                challenger=values.challenger[rows],
                champion=champion,
            )
        case _:
            return replace(
                values,
                label=values.label[rows],
                challenger=values.challenger[rows],
                champion=None if values.champion is None else values.champion[rows],
                count=values.count[rows],
                group=None if values.group is None else values.group[rows],
            )


def _alone(sample: Weighted) -> Weighted:
    inner: Any = sample.inner
    match inner:
        case RowFigures():
            pair = inner.values.shape[1] % 2 == 0
            inner = _without_champion(inner) if pair else inner
        case OneVsRest():
            inner = OneVsRest(classes=tuple(replace(one, champion=None) for one in inner.classes))
        case _:
            inner = replace(inner, champion=None)
    return replace(sample, inner=inner)


def _without_champion(figures: RowFigures) -> RowFigures:
    varied = None if figures.varied is None else np.delete(figures.varied, 1, axis=1)
    return RowFigures(values=np.delete(figures.values, 1, axis=1), varied=varied)


def _clusters(sample: Weighted) -> Codes:
    return np.arange(sample.rows) if sample.cluster is None else sample.cluster


def _problem(metric: Metric, sample: Weighted, estimator: RowEstimator) -> Unmeasured | None:
    if isinstance(sample.inner, estimator.reads):
        return None
    kind = type(sample.inner).__name__.lower()
    return Unmeasured(reason=f"{metric.name} cannot be measured from weighted {kind}")


def _influence(metric: Metric, sample: Weighted, estimator: RowEstimator) -> Influence | Unmeasured:
    if isinstance(sample.inner, Ranked | OneVsRest):
        classes = sample.inner.classes if isinstance(sample.inner, OneVsRest) else (sample.inner,)
        if any(not 1 < c.positive.sum() < c.rows - 1 for c in classes):
            return Unmeasured(reason=f"{metric.name} needs at least two rows of each class")
    if estimator.influence is None:
        return Unmeasured(reason=f"{metric.name} cannot be measured on weighted rows")
    result = estimator.influence(metric.name, sample.inner, sample.weight)
    if not (np.isfinite(result.value).all() and np.isfinite(result.moves).all()):
        return Unmeasured(reason=f"{metric.name} has no value on these rows")
    return result


def _sums(sample: Weighted, influence: Influence) -> _Sums | Unmeasured:
    """By cluster; those that cannot move the value are no evidence of how far it moves."""
    cluster = _clusters(sample)
    groups = int(cluster.max()) + 1
    moves = np.stack([summed(cluster, m, groups) for m in influence.moves.T], axis=1)
    telling = summed(cluster, np.abs(influence.moves).sum(axis=1), groups) > 0
    if isinstance(sample.inner, RowFigures) and sample.inner.varied is not None:
        telling |= summed(cluster, sample.inner.varied.any(axis=1).astype(float), groups) > 0
    weight = summed(cluster, sample.weight, groups)
    if telling.any():
        moves, weight = moves[telling], weight[telling]
    else:
        moves, weight = moves[weight > 0], weight[weight > 0]
    if len(moves) <= 1 or (sample.cluster is not None and len(moves) < FEWEST_CLUSTERS):
        named = "clusters" if sample.cluster is not None else "rows"
        return Unmeasured(reason=f"{len(moves)} informative {named} {_TOO_FEW}")
    return _Sums(
        moves=moves,
        scale=len(moves) / (len(moves) - 1),
        df=max(1.0, effective_rows(weight) - 1),
        method="weighted-t" if sample.cluster is None else "cluster-t",
    )


def _paired(sample: Weighted, influence: Influence, fewest: int) -> Paired | Unmeasured:
    if len(influence.value) == 1:
        return Unmeasured(reason="the champion has no predictions")
    sums = _sums(sample, influence)
    if isinstance(sums, Unmeasured):
        return sums
    challenger, champion = map(float, influence.value)
    distances = np.abs(sums.moves[:, 0] - sums.moves[:, 1])
    extreme = max(float(distances.max()), influence.unseen)
    by_moments = isinstance(sample.inner, RowFigures)
    difference = Linear(
        challenger=challenger,
        champion=champion,
        covariance=sums.scale * sums.moves.T @ sums.moves,
        third=np.einsum("gi,gj,gk->ijk", sums.moves, sums.moves, sums.moves, optimize=True),
        rows=len(sums.moves),
        method=sums.method,
        df=sums.df,
        extreme=(0.0, 0.0) if by_moments else (extreme, float(np.abs(sums.moves[:, 1]).max())),
        extreme_of_harm=influence.unseen if sample.cluster is None else 0.0,
        fewest=min(len(sums.moves), max(1, fewest)),
        published=sums.df if distances.any() else None,
    )
    return Paired(challenger=challenger, champion=champion, difference=difference)


def _interval(
    metric: Metric, value: float, sums: _Sums, confidence: float
) -> ConfidenceInterval | Unmeasured:
    """Wilson's for shares, on as many rows as have this variance; t for others."""
    variance = sums.scale * float((sums.moves[:, 0] ** 2).sum())
    if metric.name in _SHARES:
        rows = value * (1 - value) / variance if variance > 0 else sums.effective
        return replace(wilson(value * rows, rows, confidence), method=sums.method)
    if not variance > 0:
        return Unmeasured(reason=f"{metric.name} is {value:g} on these rows and does not vary")
    reach = student.quantile((1 + confidence) / 2, sums.df) * math.sqrt(variance)
    return ConfidenceInterval(
        low=value - reach,
        high=value + reach,
        confidence=confidence,
        method=sums.method,
    )
