"""How often one broken slice among several of few clusters is found, after Holm.

    python benchmarks/broken_slice.py --replicates 200

Each slice holds so many cases of five trials, the champion is right as often as the column says,
and the challenger answers anew in 15 % of the trials. In one slice its answers break: all, or half
of them. The margin is 0.1. Beside cdml's share stands that of the ordinary cluster-robust t test
of the cases' means, and how often a sound slice was failed. Seeded; prints docs/statistics.md's
figures (a minute).
"""

import argparse
from itertools import product

import numpy as np

from cdml.statistics import student
from cdml.statistics.difference import Side
from cdml.statistics.engine import compare
from cdml.statistics.interval import Unmeasured, holm
from cdml.statistics.metrics import find_metric
from cdml.statistics.samples import Floats, RowFigures, Weighted

MARGIN, LEVEL, TRIALS = 0.1, 0.05, 5
SIZES = ((10, 4), (20, 10))
"""Clusters of a slice, and slices."""
RIGHT = (0.5, 0.7, 0.9)
DIFFICULTY = (0.1, 0.4)
"""Standard deviation of how often the cases of a slice are got right."""


def draw(
    random: np.random.Generator, clusters: int, right: float, spread: float, broken: float
) -> tuple[Floats, Floats]:
    """Right or not, by challenger and champion, shape (clusters, trials)."""
    level = np.clip(right + spread * random.normal(size=(clusters, 1)), 0, 1)
    champion = random.random((clusters, TRIALS)) < level
    again = random.random(champion.shape) >= 0.85
    challenger = np.where(again, random.random(champion.shape) < level, champion)
    if broken:
        challenger = challenger & (random.random(champion.shape) >= broken)
    return challenger.astype(float), champion.astype(float)


def p_values(challenger: Floats, champion: Floats) -> tuple[float, float]:
    """One-sided p that the loss is larger than the margin: cdml's, and the ordinary t test's."""
    metric = find_metric("mean(passed)")
    assert metric is not None
    rows = Weighted(
        weight=np.ones(challenger.size),
        cluster=np.repeat(np.arange(len(challenger)), TRIALS),
        inner=RowFigures(values=np.column_stack((challenger.ravel(), champion.ravel()))),
    )
    found = compare(metric, rows)
    apart = (challenger - champion).mean(axis=1)
    error = apart.std(ddof=1) / np.sqrt(len(apart))
    t = (apart.mean() + MARGIN) / error if error > 0 else np.inf
    ours = 1.0
    if not isinstance(found, Unmeasured):
        ours = found.difference.p_value(Side.UPPER, -MARGIN)
    return ours, student.cdf(float(t), len(apart) - 1)


def shares(
    size: tuple[int, int], right: float, spread: float, broken: float, times: int
) -> tuple[float, float, float]:
    """Found by cdml, found by the ordinary t test, and a sound slice failed by cdml."""
    random = np.random.default_rng(1)
    clusters, slices = size
    counts = np.zeros(3)
    for _ in range(times):
        each = [
            p_values(*draw(random, clusters, right, spread, broken if k == 0 else 0.0))
            for k in range(slices)
        ]
        ours, plain = (holm(column) for column in zip(*each, strict=True))
        counts += (ours[0] <= LEVEL, plain[0] <= LEVEL, min(ours[1:]) <= LEVEL)
    found, ordinary, false = counts / times
    return float(found), float(ordinary), float(false)


def main() -> None:
    """Print a line for each setting."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--replicates", type=int, default=200)
    times = options.parse_args().replicates
    print("| clusters, slices | right | spread | broken | cdml | ordinary t | false |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for size, right, spread, broken in product(SIZES, RIGHT, DIFFICULTY, (1.0, 0.5)):
        told = " | ".join(f"{100 * one:.1f}" for one in shares(size, right, spread, broken, times))
        print(
            f"| {size[0]}, {size[1]} | {right:g} | {spread:g} | {broken:g} | {told} |", flush=True
        )


if __name__ == "__main__":
    main()
