"""The score of a mean of few known values, of which Tango's is the case of -1, 0 and 1."""

import math
from collections.abc import Sequence


def score(counts: Sequence[int], values: Sequence[float], against: float) -> float:
    """(mean - against) / standard error under the likeliest distribution with that mean.

    The likeliest chances under a mean m are n_j / (n (1 + λ (v_j - m))) (the empirical likelihood
    of Owen 1988); a value that was never seen takes what they leave over where m lies beyond
    what was seen.

    Args:
        counts: how often each value was seen.
        values: all values that can occur, seen or not.
        against: the mean in question.
    """
    rows = sum(counts)
    if not min(values) < against < max(values):
        mean = sum(n * v for n, v in zip(counts, values, strict=True)) / rows
        return math.copysign(math.inf, mean - against) if mean != against else 0.0
    gaps = [v - against for v in values]
    seen = [(n / rows, gap) for n, gap in zip(counts, gaps, strict=True) if n]
    tilt = _tilt(seen, low=-1 / max(gaps), high=-1 / min(gaps))
    chances = [(n / (1 + tilt * gap) if 1 + tilt * gap > 0 else 0.0, gap) for n, gap in seen]
    distance = sum(n * gap for n, gap in seen)
    left_over = max(0.0, 1 - sum(chance for chance, _ in chances))
    extreme = min(gaps) if distance > 0 else max(gaps)
    variance = sum(chance * gap * gap for chance, gap in chances) + left_over * extreme**2
    if not variance > 0:
        return math.copysign(math.inf, distance) if distance else 0.0
    return distance / math.sqrt(variance / rows)


def _tilt(seen: list[tuple[float, float]], *, low: float, high: float) -> float:
    """The λ between its limits where the tilted mean is nearest to the one in question."""
    while (middle := (low + high) / 2) not in {low, high}:
        tilted = sum(n * gap / (1 + middle * gap) for n, gap in seen)
        low, high = (middle, high) if tilted > 0 else (low, middle)
    return (low + high) / 2
