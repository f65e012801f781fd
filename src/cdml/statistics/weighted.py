"""Metrics of rows that carry weights, or come in clusters: one engine for all of them.

With D the figures of `statistics.influence` and S_g their sum over cluster g of G, the
variance of the value is G / (G - 1) times the sum of S_g^2 (cluster-robust: Liang & Zeger 1986;
Cameron & Miller 2015), and its bounds are t, corrected for skewness as everywhere else.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from cdml.statistics import calibration, fairness, influence, student
from cdml.statistics.difference import Level, Paired
from cdml.statistics.influence import ROUNDING, Influence
from cdml.statistics.interval import ConfidenceInterval, Unmeasured
from cdml.statistics.metrics import FEWEST_CLUSTERS, Metric
from cdml.statistics.proportions import wilson
from cdml.statistics.ranks import summed
from cdml.statistics.sample_size import (
    counted,
    describe_count,
    effective_of_sums,
    effective_rows,
    near_one,
)
from cdml.statistics.samples import (
    Cells,
    Codes,
    Floats,
    MoveSums,
    OneVsRest,
    Ranked,
    RowFigures,
    Weighted,
    WeightPowers,
)
from cdml.statistics.skewed_means import Linear

_TOO_FEW = "are too few to estimate the spread"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowEstimator:
    """How a family's metrics are measured of rows with weights or in clusters.

    From `Weighted.of` of the classes `reads`, by the `influence` of each row (of the metric's name,
    the rows and their weights), or by functions of the sample, and of the confidence.
    """

    reads: tuple[type, ...] = ()
    influence: Callable[[str, Any, Floats], Influence] | None = None
    compare: Callable[[str, Weighted], Paired | Unmeasured] | None = None
    measure: Callable[[str, Weighted, float], Level | Unmeasured] | None = None


NOTHING = RowEstimator()
BY_CELLS = RowEstimator(reads=(Cells,), influence=influence.influence_of_cells)
BY_FIGURES = RowEstimator(reads=(RowFigures, MoveSums), influence=influence.influence_of_means)
BY_RANKS = RowEstimator(reads=(Ranked, OneVsRest), influence=influence.influence_of_ranks)
BY_BINS = RowEstimator(
    reads=(Ranked,),
    compare=lambda *_: Unmeasured(reason=calibration.NO_ERROR),
    measure=lambda _, sample, __: calibration.level(cast("Ranked", sample.inner), sample.weight),
)
BY_GROUPS = RowEstimator(
    reads=(Cells,),
    compare=lambda name, sample: fairness.compared(name, _rates(name, sample)),
    measure=lambda name, sample, confidence: fairness.level(name, _rates(name, sample), confidence),
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
    if estimator.compare is not None:
        return estimator.compare(metric.name, weighted_sample)
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
    if estimator.measure is not None:
        return estimator.measure(metric.name, weighted_sample, confidence)
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
    """How far what is independent of one another moves the values: clusters, or rows.

    `squares` and `cubes` are sums of products of their moves, shapes (models,) * 2 and * 3;
    `farthest` the largest distance of two models' moves, and the largest of the last model's;
    `telling` how many move anything, `df` the degrees of freedom that as many clusters of equal
    weight would leave.
    """

    squares: Floats
    cubes: Floats
    farthest: tuple[float, float]
    telling: int
    df: float
    method: str

    @property
    def covariance(self) -> Floats:
        """Of the values."""
        return self.telling / (self.telling - 1) * self.squares

    @property
    def effective(self) -> float:
        """How many rows of equal weight there are."""
        return self.df + 1


def _rates(name: str, sample: Weighted) -> fairness.Rates | Unmeasured:
    return fairness.rates(name, cast("Cells", sample.inner), sample)


def _drop_weightless(sample: Weighted) -> Weighted | Unmeasured:
    """Without rows of no weight, which tell nothing; only shares of the weights count."""
    counts = sample.weight > 0
    if not counts.any():
        return Unmeasured(reason="all weights are 0")
    if sample.powers is None:
        sample = replace(sample, weight=near_one(sample.weight))
    if counts.all():
        return sample
    cluster = sample.cluster
    return Weighted(
        weight=sample.weight[counts],
        cluster=None if cluster is None else np.unique(cluster[counts], return_inverse=True)[1],
        inner=_at(sample.inner, counts),
        times=None if sample.times is None else sample.times[counts],
        powers=None if sample.powers is None else sample.powers.at(counts),
    )


def _at(values: Any, rows: Any) -> Any:
    match values:
        case RowFigures():
            varied = None if values.varied is None else values.varied[rows]
            return RowFigures(values=values.values[rows], varied=varied)
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
        case MoveSums():
            inner = inner.alone
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
    """Of what can move the value: the rest is no evidence of how far it moves."""
    if isinstance(sample.inner, MoveSums):
        sums = _of_moves(sample, sample.inner)
    elif sample.powers is not None:
        sums = _of_kinds(sample, influence)
    else:
        sums = _of_clusters(sample, influence)
    if sums.telling <= 1 or (sample.cluster is not None and sums.telling < FEWEST_CLUSTERS):
        named = "clusters" if sample.cluster is not None else "rows"
        return Unmeasured(reason=f"{sums.telling} informative {named} {_TOO_FEW}")
    return sums


def _of_clusters(sample: Weighted, influence: Influence) -> _Sums:
    cluster = sample.codes
    groups = int(cluster.max()) + 1
    moves, sizes = (
        np.stack([summed(cluster, m, groups) for m in some.T], axis=1)
        for some in (influence.moves, np.abs(influence.moves))
    )
    moves[np.abs(moves) <= ROUNDING * sizes] = 0.0
    telling = sizes.sum(axis=1) > 0
    if isinstance(sample.inner, RowFigures) and sample.inner.varied is not None:
        telling |= summed(cluster, sample.inner.varied.any(axis=1).astype(float), groups) > 0
    weight = summed(cluster, sample.weight, groups)
    if telling.any():
        moves, weight = moves[telling], weight[telling]
    else:
        moves, weight = moves[weight > 0], weight[weight > 0]
    return _Sums(
        squares=moves.T @ moves,
        cubes=np.einsum("gi,gj,gk->ijk", moves, moves, moves, optimize=True),
        farthest=_farthest(moves),
        telling=len(moves),
        df=max(1.0, effective_rows(weight) - 1),
        method="weighted-t" if sample.cluster is None else "cluster-t",
    )


def _of_kinds(sample: Weighted, influence: Influence) -> _Sums:
    """Of rows that move the values alike, each times its weight."""
    powers, times = cast("WeightPowers", sample.powers), cast("Codes", sample.times)
    slopes = influence.moves / sample.weight[:, None]
    telling = np.abs(slopes).sum(axis=1) > 0
    if not telling.any():
        telling[:] = True
    weight, draws = powers.typical
    moves = weight[:, None] * slopes
    squares = float(powers.squares[telling].sum())
    return _Sums(
        squares=(draws[:, None] * moves).T @ moves,
        cubes=np.einsum("g,gi,gj,gk->ijk", draws, moves, moves, moves, optimize=True),
        farthest=_farthest(powers.largest[:, None] * slopes),
        telling=int(times[telling].sum()),
        df=max(1.0, effective_of_sums(float(sample.weight[telling].sum()), squares) - 1),
        method="weighted-t",
    )


def _of_moves(sample: Weighted, moves: MoveSums) -> _Sums:
    powers, times = cast("WeightPowers", sample.powers), cast("Codes", sample.times)
    at = len(moves.value) - 1
    telling, effective = moves.telling[at], moves.effective[at]
    if telling == 0:
        telling = int(times[0])
        effective = effective_of_sums(float(sample.weight[0]), float(powers.squares[0]))
    return _Sums(
        squares=moves.squares,
        cubes=moves.cubes,
        farthest=(moves.farthest, 0.0),
        telling=telling,
        df=max(1.0, effective - 1),
        method="weighted-t",
    )


def _farthest(moves: Floats) -> tuple[float, float]:
    distances = np.abs(moves[:, 0] - moves[:, -1])
    return float(distances.max()), float(np.abs(moves[:, -1]).max())


def _paired(sample: Weighted, influence: Influence, fewest: int) -> Paired | Unmeasured:
    if len(influence.value) == 1:
        return Unmeasured(reason="the champion has no predictions")
    sums = _sums(sample, influence)
    if isinstance(sums, Unmeasured):
        return sums
    challenger, champion = map(float, influence.value)
    extreme = max(sums.farthest[0], influence.unseen)
    by_moments = isinstance(sample.inner, RowFigures | MoveSums)
    difference = Linear(
        challenger=challenger,
        champion=champion,
        covariance=sums.covariance,
        third=sums.cubes,
        rows=sums.telling,
        method=sums.method,
        df=sums.df,
        extreme=(0.0, 0.0) if by_moments else (extreme, sums.farthest[1]),
        extreme_of_harm=influence.unseen if sample.cluster is None else 0.0,
        fewest=min(sums.telling, max(1, fewest)),
        published=sums.df if sums.farthest[0] > 0 else None,
    )
    return Paired(challenger=challenger, champion=champion, difference=difference)


def _interval(
    metric: Metric, value: float, sums: _Sums, confidence: float
) -> ConfidenceInterval | Unmeasured:
    """Wilson's for shares, on as many rows as have this variance; t for others."""
    variance = float(sums.covariance[0, 0])
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
