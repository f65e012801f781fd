"""Latencies of two models whose true difference is known, for coverage.py."""

from collections.abc import Callable

import numpy as np
from scenarios import Scenario

from cdml.statistics.samples import Floats, Timings

Random = np.random.Generator
QUANTILES = ("latency_p50_ms", "latency_p95_ms")


def asked(both: Callable[[Random, int], tuple[Floats, Floats]]) -> Callable[[Random, int], Timings]:
    """The same requests to both models."""

    def draw(random: Random, requests: int) -> Timings:
        challenger, champion = both(random, requests)
        return Timings(challenger=challenger, champion=champion)

    return draw


def by_machine(random: Random, requests: int) -> tuple[Floats, Floats]:
    """It depends on the machine alone, and may take very long."""
    noise = np.exp(random.normal(size=(2, requests)))
    return 6 * noise[0], 5 * noise[1]


def hanging(random: Random, requests: int) -> tuple[Floats, Floats]:
    """The challenger hangs on 6 % of the requests."""
    row = 5 * np.exp(0.2 * random.normal(size=requests))
    hangs = 20 * (random.random(requests) < 0.06)
    return row * np.exp(0.05 * random.normal(size=requests)) + hangs, row


LATENCIES = (
    Scenario(metrics=QUANTILES, name="by the machine", draw=asked(by_machine)),
    Scenario(metrics=QUANTILES, name="hanging on 6 %", draw=asked(hanging)),
)
