"""Evidence that may be looked at at any time: likelihood ratios, mixed over alternatives.

Of n events let k be the challenger's, and let the odds that an event is the challenger's be o
under the hypothesis in question. Against the alternative that they are m times o, the likelihood
ratio is

    m^k / (1 + p (m - 1))^n,    p = o / (1 + o)                                            (1)

Over time these ratios multiply, and under the hypothesis the product is a nonnegative martingale
that begins at 1: by Ville's inequality it ever reaches 1 / α with a chance of at most α, however
often and whenever one looks. So does the mean of the products of several m (the method of
mixtures: Robbins 1970, Ann. Math. Stat. 41:1397; Howard, Ramdas, McAuliffe & Sekhon 2021, Ann.
Stat. 49:1055), which needs no guess of how large a harm would be.

The m here are the midpoints of a beta(1, 1) prior on the share that the challenger would have of
the events at equal traffic, on the side in question: m = q / (1 - q), q in (1/2, 1). That is the
beta mixture for two Bernoulli streams (Lindon & Malek 2022, Anytime-valid inference for
multinomial count data, NeurIPS), with the integral replaced by a sum. A sum over fixed points is
itself such a mixture: what it promises does not depend on how near it comes to the integral. And
it stays one when p differs from window to window, as the integral, which wants one p, would not.
"""

import math
from collections.abc import Iterable, Sequence

POINTS = 16
_SHARES = tuple(0.5 + (point + 0.5) / (2 * POINTS) for point in range(POINTS))
RISES = tuple(share / (1 - share) for share in _SHARES)
"""Alternatives m under which the challenger has more of the events: 1.06 to 63. Shape (POINTS,)."""
FALLS = tuple(1 / rise for rise in RISES)
"""Alternatives m under which it has fewer of them. Shape (POINTS,)."""


def log_ratios(
    alternatives: Sequence[float], hits: float, costs: Sequence[float]
) -> tuple[float, ...]:
    """The logarithm of (1) for each alternative m, shape (POINTS,).

    `hits` is k; `costs` is the logarithm of the denominator, summed over windows, shape (POINTS,).
    """
    return tuple(hits * math.log(m) - cost for m, cost in zip(alternatives, costs, strict=True))


def log_costs(alternatives: Sequence[float], trials: float, chance: float) -> tuple[float, ...]:
    """What n trials cost each alternative m: n log(1 + p (m - 1)), shape (POINTS,)."""
    return tuple(trials * math.log1p(chance * (m - 1)) for m in alternatives)


def log_evidence(ratios: Iterable[float], dispersion: float = 1.0) -> float:
    """The logarithm of the mean of likelihood ratios, each tempered by the dispersion d ≥ 1.

    Where events come in bursts of d, counting each burst once is raising the ratio to the power
    1/d. Only ratios above 1 are: the result is never above that of d = 1, so that it promises the
    same whatever d is, and even if d was found in the same data.
    """
    tempered = [ratio / dispersion if ratio > 0 else ratio for ratio in ratios]
    return log_mean(tempered)


def log_mean(logs: Sequence[float]) -> float:
    """log(mean(exp(logs))), without overflow. The mean of evidence is evidence."""
    highest = max(logs)
    if not math.isfinite(highest):
        return highest
    return highest + math.log(sum(math.exp(value - highest) for value in logs) / len(logs))
