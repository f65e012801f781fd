"""Metrics of rows that carry weights, or come in clusters: one engine for all of them.

With D the figures of `statistics.influence` and S_g their sum over cluster g of G, the
variance of the value is G / (G - 1) times the sum of S_g^2 (cluster-robust: Liang & Zeger 1986;
Cameron & Miller 2015), and its bounds are t, corrected for skewness as everywhere else.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cdml.statistics import calibration, fairness, influence, student
from cdml.statistics.difference import Level, Paired
from cdml.statistics.influence import Influence
from cdml.statistics.interval import ConfidenceInterval, Unmeasured
from cdml.statistics.metrics import FEWEST_CLUSTERS, Family, Metric
from cdml.statistics.proportions import wilson
from cdml.statistics.ranks import summed
from cdml.statistics.sample_size import counted, describe_count, effective_rows
from cdml.statistics.samples import Cells, Codes, Floats, OneVsRest, Ranked, RowFigures, Weighted
from cdml.statistics.skewed_means import Linear

_TOO_FEW = "are too few to know how far others lie"

_Reader = Callable[[str, Any, Floats], Influence]
_READERS: Mapping[Family, tuple[tuple[type, ...], _Reader]] = {
    Family.PROPORTION: ((Cells,), influence.influence_of_cells),
    Family.CELLS: ((Cells,), influence.influence_of_cells),
    Family.MEAN: ((RowFigures,), influence.influence_of_means),
    Family.MOMENTS: ((RowFigures,), influence.influence_of_means),
    Family.RANKS: ((Ranked, OneVsRest), influence.influence_of_ranks),
}
_SHARES = frozenset({"accuracy", "exact_match", "recall", "specificity", "precision"})


def compare(metric: Metric, sample: Weighted) -> Paired | Unmeasured:
    """Two models on rows with weights or clusters."""
    kept = _drop_weightless(sample)
    if isinstance(kept, Unmeasured):
        return kept
    fewest = counted(metric, kept)
    if kept.cluster is not None and fewest < FEWEST_CLUSTERS:
        return Unmeasured(
            reason=f"{describe_count(metric.counts, fewest, clustered=True)} {_TOO_FEW}"
        )
    if metric.family is Family.FAIRNESS and isinstance(kept.of, Cells):
        rates = fairness.rates(metric.name, kept.of, kept.weight, _clusters(kept))
        return fairness.compared(metric.name, rates)
    found = _influence(metric, kept)
    if isinstance(found, Unmeasured):
        return found
    if len(found.value) == 1:
        return Unmeasured(reason="there are no predictions of a champion")
    return _paired(metric, kept, found, fewest)


def measure(metric: Metric, sample: Weighted, confidence: float) -> Level | Unmeasured:
    """One model on such rows; the sample's challenger is measured."""
    kept = _drop_weightless(_alone(sample))
    if isinstance(kept, Unmeasured):
        return kept
    if metric.family is Family.FAIRNESS and isinstance(kept.of, Cells):
        rates = fairness.rates(metric.name, kept.of, kept.weight, _clusters(kept))
        return fairness.level(metric.name, rates, confidence)
    if metric.family is Family.CALIBRATION and isinstance(kept.of, Ranked):
        return calibration.level(kept.of, kept.weight)
    found = _influence(metric, kept)
    if isinstance(found, Unmeasured):
        return found
    sums = _sums(kept, found)
    if isinstance(sums, Unmeasured):
        return sums
    interval = _interval(metric, float(found.value[0]), sums, confidence)
    return Level(value=float(found.value[0]), interval=interval)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Sums:
    """What is independent of one another.

    Attributes:
        moves: how far each cluster, or row, moves the values, shape (G, models).
        scale: G / (G - 1), of those that move anything.
        df: degrees of freedom: as many clusters of equal weight would leave.
        method: `cluster-t` or `weighted-t`.
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
    return Weighted(weight=sample.weight[counts], cluster=cluster, of=_at(sample.of, counts))


def _at(of: Any, rows: Any) -> Any:
    match of:
        case RowFigures():
            return RowFigures(values=of.values[rows])
        case OneVsRest():
            return OneVsRest(classes=tuple(_at(one, rows) for one in of.classes))
        case Ranked():
            champion = None if of.champion is None else of.champion[rows]
            return Ranked(
                positive=of.positive[rows], challenger=of.challenger[rows], champion=champion
            )
        case _:
            return replace(
                of,
                label=of.label[rows],
                challenger=of.challenger[rows],
                champion=None if of.champion is None else of.champion[rows],
                count=of.count[rows],
                group=None if of.group is None else of.group[rows],
            )


def _alone(sample: Weighted) -> Weighted:
    of: Any = sample.of
    match of:
        case RowFigures():
            pair = of.values.shape[1] % 2 == 0
            of = RowFigures(values=np.delete(of.values, 1, axis=1)) if pair else of
        case OneVsRest():
            of = OneVsRest(classes=tuple(replace(one, champion=None) for one in of.classes))
        case _:
            of = replace(of, champion=None)
    return replace(sample, of=of)


def _clusters(sample: Weighted) -> Codes:
    return np.arange(sample.rows) if sample.cluster is None else sample.cluster


def _influence(metric: Metric, sample: Weighted) -> Influence | Unmeasured:
    if metric.family is Family.CALIBRATION:
        return Unmeasured(reason=calibration.NO_ERROR)
    reads, reader = _READERS.get(metric.family, ((), influence.influence_of_means))
    if not isinstance(sample.of, reads):
        kind = type(sample.of).__name__.lower()
        return Unmeasured(reason=f"{metric.name} cannot be measured from weighted {kind}")
    if isinstance(sample.of, Ranked | OneVsRest):
        classes = sample.of.classes if isinstance(sample.of, OneVsRest) else (sample.of,)
        if any(not 1 < c.positive.sum() < c.rows - 1 for c in classes):
            return Unmeasured(reason=f"{metric.name} needs at least two rows of each class")
    found = reader(metric.name, sample.of, sample.weight)
    if not (np.isfinite(found.value).all() and np.isfinite(found.moves).all()):
        return Unmeasured(reason=f"{metric.name} has no value on these rows")
    return found


def _sums(sample: Weighted, found: Influence) -> _Sums | Unmeasured:
    """By cluster; those that cannot move the value are no evidence of how far it moves."""
    cluster = _clusters(sample)
    groups = int(cluster.max()) + 1
    moves = np.stack([summed(cluster, m, groups) for m in found.moves.T], axis=1)
    telling = summed(cluster, np.abs(found.moves).sum(axis=1), groups) > 0
    weight = summed(cluster, sample.weight, groups)
    if telling.any():
        moves, weight = moves[telling], weight[telling]
    else:
        moves, weight = moves[weight > 0], weight[weight > 0]
    if len(moves) <= 1 or (sample.cluster is not None and len(moves) < FEWEST_CLUSTERS):
        named = "clusters" if sample.cluster is not None else "rows"
        return Unmeasured(reason=f"{len(moves)} {named} that tell anything {_TOO_FEW}")
    return _Sums(
        moves=moves,
        scale=len(moves) / (len(moves) - 1),
        df=max(1.0, effective_rows(weight) - 1),
        method="weighted-t" if sample.cluster is None else "cluster-t",
    )


def _paired(metric: Metric, sample: Weighted, found: Influence, fewest: int) -> Paired | Unmeasured:
    sums = _sums(sample, found)
    if isinstance(sums, Unmeasured):
        return sums
    challenger, champion = map(float, found.value)
    apart = np.abs(sums.moves[:, 0] - sums.moves[:, 1])
    extreme = max(float(apart.max()), found.unseen)
    by_moments = metric.family in {Family.MEAN, Family.MOMENTS}
    difference = Linear(
        challenger=challenger,
        champion=champion,
        covariance=sums.scale * sums.moves.T @ sums.moves,
        third=np.einsum("gi,gj,gk->ijk", sums.moves, sums.moves, sums.moves, optimize=True),
        rows=len(sums.moves),
        method=sums.method,
        df=sums.df,
        extreme=(0.0, 0.0) if by_moments else (extreme, float(np.abs(sums.moves[:, 1]).max())),
        extreme_of_harm=found.unseen if sample.cluster is None else 0.0,
        fewest=min(len(sums.moves), max(1, fewest)),
        published=sums.df if apart.any() else None,
    )
    return Paired(challenger=challenger, champion=champion, difference=difference)


def _interval(
    metric: Metric, value: float, sums: _Sums, confidence: float
) -> ConfidenceInterval | Unmeasured:
    """Wilson's for shares, on as many rows as have this variance; t, kept in range, for others."""
    variance = sums.scale * float((sums.moves[:, 0] ** 2).sum())
    if metric.name in _SHARES:
        rows = value * (1 - value) / variance if variance > 0 else sums.effective
        return replace(wilson(value * rows, rows, confidence), method=sums.method)
    if not variance > 0:
        return Unmeasured(reason=f"{metric.name} is {value:g} on these rows, without any spread")
    reach = student.quantile((1 + confidence) / 2, sums.df) * math.sqrt(variance)
    low, high = _range(metric)
    return ConfidenceInterval(
        low=max(low, value - reach),
        high=min(high, value + reach),
        confidence=confidence,
        method=sums.method,
    )


def _range(metric: Metric) -> tuple[float, float]:
    """The least and the most that a metric can be."""
    if metric.family in {Family.MEAN, Family.MOMENTS}:
        if metric.column or metric.name == "r2":
            return -math.inf, math.inf
        return 0.0, math.inf
    return (-1.0 if metric.name == "matthews_corrcoef" else 0.0), 1.0
