"""A user's own metric: nothing is known of it but what it says to rows drawn again.

Two ways of reading the replicates are used, and the one that promises less counts: BCa
(Efron 1987), which follows whatever shape the draws have, and t with Hall's correction for
skewness (`statistics.skewed_means`), which does not trust few rows to show all there is.

A bootstrap never draws what it never saw. Where few rows tell the models apart, some more are
taken to exist, each of which moves the difference as far as any row moves either model.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from cdml.statistics.bca import Resampled, defined
from cdml.statistics.difference import Level, Paired, Side, TwoSided, level
from cdml.statistics.interval import ConfidenceInterval, Unmeasured
from cdml.statistics.samples import Floats, Replicates
from cdml.statistics.skewed_means import Linear

FEWEST = 20
"""Rows (or clusters) below which drawing them again says nothing."""
FEW_DISCORDANT = 100
_CARE = 1.5
"""With no discordant row, the bound is then about 3.5 such rows away: past the rule of three."""

_STANDS_OUT = 3.5
"""Standard deviations beyond which a block holds rows that are not like others."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outer(TwoSided):
    """challenger - champion, as two ways of inference see it.

    Attributes:
        resampled: by BCa.
        linear: by t, corrected for skewness.
        method: how the replicates were drawn.
    """

    resampled: Resampled
    linear: Linear
    method: str

    @property
    def estimate(self) -> float:
        """Challenger - champion."""
        return self.linear.estimate

    @property
    def standard_error(self) -> float:
        """Of the estimate."""
        return self.linear.standard_error

    def interval(self, confidence: float) -> ConfidenceInterval:
        """The two-sided interval: the farther ends of both ways, whichever side is harm."""
        ways = [way.interval(confidence) for way in (self.resampled, self.linear)]
        return ConfidenceInterval(
            low=min(one.low for one in ways),
            high=max(one.high for one in ways),
            confidence=confidence,
            method=self.method,
        )

    def bound(self, side: Side, confidence: float, share: float = 0.0) -> float:
        """The farther one."""
        bounds = [way.bound(side, confidence, share) for way in (self.resampled, self.linear)]
        return min(bounds) if side is Side.LOWER else max(bounds)

    def p_value(self, side: Side, against: float, share: float = 0.0) -> float:
        """The larger one, as the bound is the farther one."""
        return max(way.p_value(side, against, share) for way in (self.resampled, self.linear))


def compare(metric: str, sample: Replicates) -> Paired | Unmeasured:
    """Two models by a function of the user's."""
    if problem := _no_value(metric, sample):
        return problem
    distance = abs(float(sample.value[0] - sample.value[1]))
    # Where no row moves either value, two that do not share the difference may still exist.
    difference = _difference(metric, sample, least=distance / max(1, sample.units))
    if isinstance(difference, Unmeasured):
        return difference
    challenger, champion = (float(value) for value in sample.value)
    return Paired(challenger=challenger, champion=champion, difference=difference)


def measure(metric: str, sample: Replicates, confidence: float) -> Level | Unmeasured:
    """One model by a function of the user's; a champion in the sample is left out."""
    if problem := _no_value(metric, sample):
        return problem
    alone = _against_zero(sample)
    difference = _difference(metric, alone)
    value = float(sample.value[0])
    if isinstance(difference, Unmeasured):
        return Level(value=value, interval=difference)
    return level(Paired(challenger=value, champion=0.0, difference=difference), confidence)


def _no_value(metric: str, sample: Replicates) -> Unmeasured | None:
    if sample.problem:
        return Unmeasured(reason=f"{metric} {sample.problem}")
    if not np.isfinite(sample.value).all():
        return Unmeasured(reason=f"{metric} is not a finite number on these rows")
    return None


def _difference(metric: str, sample: Replicates, least: float = 0.0) -> Outer | Unmeasured:
    if sample.units < FEWEST:
        kind = "clusters" if sample.clustered else "rows"
        return Unmeasured(reason=f"{sample.units:,} {kind} are too few to resample")
    arrays = [defined(part) for part in (sample.draws, sample.blocks, sample.singles, sample.kinds)]
    draws, blocks, singles, kinds = arrays
    if draws is None or blocks is None or singles is None or kinds is None or not len(singles):
        return Unmeasured(reason=f"{metric} has no value on many resamples of these rows")
    reach = _reach(np.concatenate((singles, kinds))) or least
    if not reach > 0:
        return Unmeasured(
            reason=f"no single row changes {metric}, so these rows cannot show how it varies"
        )
    challenger, champion = (float(value) for value in sample.value)
    wider = sample.units / (sample.units - 1)
    centred = blocks - blocks.mean(axis=0)
    if _few_discordant(sample, singles, reach):
        extreme = (_CARE * reach, _CARE * reach)
    else:
        extreme = _farthest(centred, singles)
    return Outer(
        resampled=Resampled(
            challenger=challenger,
            champion=champion,
            draws=sample.value + math.sqrt(wider) * (draws - sample.value),
            influence=centred,
            weight=np.ones(len(centred)),
        ),
        linear=Linear(
            challenger=challenger,
            champion=champion,
            covariance=np.cov(draws.T) * wider,
            third=np.einsum("ni,nj,nk->ijk", centred, centred, centred, optimize=True),
            rows=sample.units,
            method="skew-t",
            df=sample.units - 1,
            extreme=extreme,
        ),
        method="cluster-bootstrap" if sample.clustered else "bootstrap",
    )


def _reach(effects: Floats) -> float:
    """How far the value of either model moves between one row left out and another."""
    return float(np.ptp(effects, axis=0).max(initial=0.0))


def _farthest(blocks: Floats, singles: Floats) -> tuple[float, float]:
    """How far a row moves the difference, and the champion.

    The farthest row is seldom among those picked, but its block stands out by it.
    """

    def farthest(block: Floats, single: Floats) -> float:
        largest = float(np.abs(block).max())
        if largest > _STANDS_OUT * float(block.std()):
            return largest
        return float(np.abs(single - single.mean()).max())

    return (
        farthest(blocks[:, 0] - blocks[:, 1], singles[:, 0] - singles[:, 1]),
        farthest(blocks[:, 1], singles[:, 1]),
    )


def _few_discordant(sample: Replicates, singles: Floats, reach: float) -> bool:
    """Whether few rows tell the models apart, by what they answer or by what it does."""
    effect = singles[:, 0] - singles[:, 1]
    distance = abs(float(sample.value[0] - sample.value[1]))
    same = 1.5 * distance / sample.units + 1e-6 * reach
    share = float(np.mean(np.abs(effect - np.median(effect)) > same))
    discordant = min(float(sample.discordant), share * sample.units)
    return discordant < min(FEW_DISCORDANT, sample.units / 2)


def _against_zero(sample: Replicates) -> Replicates:
    """The challenger paired_with_zero a model whose value is 0 on whatever rows."""

    def paired_with_zero(values: Floats) -> Floats:
        return np.stack((values[..., 0], np.zeros(values.shape[:-1])), axis=-1)

    return replace(
        sample,
        value=paired_with_zero(sample.value),
        draws=paired_with_zero(sample.draws),
        blocks=paired_with_zero(sample.blocks),
        singles=paired_with_zero(sample.singles),
        kinds=paired_with_zero(sample.kinds),
        discordant=sample.units,
    )
