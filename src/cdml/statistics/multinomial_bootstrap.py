"""Confusion metrics from joint cell counts: the score test, and the multinomial bootstrap (BCa).

The score of a mean of few known values has Tango's as its case of -1, 0 and 1.

Drawing cell counts from a multinomial is drawing rows with replacement, at a cost that does not
depend on how many rows there are; the jackknife leaves one row of each cell out.

A bootstrap never draws what was never seen: where the models hardly differ on the rows at hand,
it takes the little it saw for all there is. Then two rows are added to the unseen or rare cell
that would help the challenger most, and two to the one that would harm it most (the rule of
three, from both sides: with no discordant row the bound is about 3.3 such rows away).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cdml.statistics.bca import Resampled, batches, defined, generator
from cdml.statistics.class_scores import ConfusionMetric, Hits, confusion
from cdml.statistics.interval import Unmeasured
from cdml.statistics.samples import Cells, Codes, Floats


def score(counts: Sequence[int], values: Sequence[float], against: float) -> float:
    """(mean - against) / standard error under the likeliest distribution with that mean.

    The likeliest chances under a mean m are n_j / (n (1 + λ (v_j - m))) (the empirical likelihood
    of Owen 1988); a value that was never seen takes what they leave over where m lies beyond
    what was seen.
    `values` are all that can occur, seen or not.
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
    """The λ between its limits where the tilted mean is nearest to the one in question.

    The mean falls as λ rises. By Newton's method, and by halves where that leaves the limits.
    """
    tilt = 0.0
    while low < tilt < high:
        mean = slope = 0.0
        for n, gap in seen:
            tilted = gap / (1 + tilt * gap)
            mean += n * tilted
            slope += n * tilted * tilted
        if not slope:
            return tilt
        low, high = (tilt, high) if mean > 0 else (low, tilt)
        following = tilt + mean / slope
        if following == tilt:
            return tilt
        tilt = following if low < following < high else (low + high) / 2
    return tilt


PSEUDO_ROWS = 2
ENOUGH_DISCORDANT = 100
"""From this many on, in units of the row that moves the metric most, nothing is added."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Joint:
    """Cells in an order that depends neither on the rows' order nor on which model is which."""

    classes: int
    label: Codes
    first: Codes
    second: Codes
    count: Floats
    swapped: bool
    symmetric: bool

    def values(self, metric: ConfusionMetric, count: Floats) -> Floats:
        """The metric of challenger and champion, shape (..., 2), for counts (..., cells)."""
        first = metric(_hits(self.classes, self.label, self.first, count))
        second = metric(_hits(self.classes, self.label, self.second, count))
        return np.stack((second, first) if self.swapped else (first, second), axis=-1)


def value(metric: str, cells: Cells, predicted: Codes) -> float:
    """The metric of one model; NaN where it has no value."""
    count = cells.count.astype(float)
    return float(confusion(metric)(_hits(len(cells.classes), cells.label, predicted, count)))


def difference(
    metric: str, cells: Cells, champion: Codes, resamples: int
) -> Resampled | Unmeasured:
    """The resampled difference of two models whose values exist."""
    function = confusion(metric)
    joint = _canonical(cells, champion)
    estimate = joint.values(function, joint.count)
    padded = _padded(joint, function)
    centre = padded.values(function, padded.count)
    draws = _draws(metric, padded, function, resamples)
    if draws is None:
        return Unmeasured(
            reason=f"{metric} has no value on many resamples of these {cells.rows:,} rows:"
            " too few of them are of the class that it measures"
        )
    occupied = np.flatnonzero(padded.count)
    left_out = padded.count - np.eye(len(padded.count))[occupied]
    resampled = Resampled(
        challenger=float(estimate[0]),
        champion=float(estimate[1]),
        draws=draws + (estimate - centre),
        influence=centre - padded.values(function, left_out),
        weight=padded.count[occupied],
    )
    return _mirrored(resampled) if joint.symmetric else resampled


def _mirrored(resampled: Resampled) -> Resampled:
    """Models that cannot be told apart by their cells: each draw stands for its mirror too."""
    half = resampled.draws[: (len(resampled.draws) + 1) // 2]
    return replace(
        resampled,
        draws=np.concatenate((half, half[:, ::-1])),
        influence=np.concatenate((resampled.influence, resampled.influence[:, ::-1])),
        weight=np.concatenate((resampled.weight, resampled.weight)) / 2,
    )


def _hits(classes: int, label: Codes, predicted: Codes, count: Floats) -> Hits:
    codes = np.arange(classes)
    labelled = (label[:, None] == codes).astype(float)
    as_class = (predicted[:, None] == codes).astype(float)
    return Hits(
        right=count @ (labelled * as_class),
        labelled=count @ labelled,
        predicted=count @ as_class,
    )


def _canonical(cells: Cells, champion: Codes) -> _Joint:
    plain = _sorted(cells.label, cells.challenger, champion, cells.count)
    turned = _sorted(cells.label, champion, cells.challenger, cells.count)
    swapped = turned.tobytes() < plain.tobytes()
    label, first, second, count = turned if swapped else plain
    return _Joint(
        classes=len(cells.classes),
        label=label,
        first=first,
        second=second,
        count=count.astype(float),
        swapped=swapped,
        symmetric=turned.tobytes() == plain.tobytes(),
    )


def _sorted(label: Codes, first: Codes, second: Codes, count: Codes) -> Codes:
    order = np.lexsort((second, first, label))
    return np.stack((label, first, second, count))[:, order]


def _padded(joint: _Joint, metric: ConfusionMetric) -> _Joint:
    """The cells with two rows more at each extreme, where few rows tell the models apart."""
    wide = _with_discordant(joint)
    now = wide.values(metric, wide.count)
    moved = wide.values(metric, wide.count + np.eye(len(wide.count))) - now
    discordant = wide.first != wide.second
    distances = moved[:, 0] - moved[:, 1]
    effect = np.where(discordant, distances, 0.0)
    largest = float(np.max(effect**2, initial=0.0))
    if not largest > 0:
        return joint
    # Where no row that was seen moves them apart, drawing such rows again adds nothing.
    varies = np.any(distances[wide.count > 0])
    if varies and wide.count @ effect**2 >= ENOUGH_DISCORDANT * largest:
        return joint
    count = wide.count.copy()
    count[[int(effect.argmin()), int(effect.argmax())]] += PSEUDO_ROWS
    return replace(wide, count=count)


def _with_discordant(joint: _Joint) -> _Joint:
    """The cells and, with no row yet, those where one model is right and the other is not.

    Wrong means the class that is most often predicted in the label's stead.
    """
    wrong = _usual_mistakes(joint)
    labels = np.unique(joint.label)
    label = np.concatenate((joint.label, labels, labels))
    first = np.concatenate((joint.first, labels, wrong[labels]))
    second = np.concatenate((joint.second, wrong[labels], labels))
    added = np.zeros(2 * len(labels))
    cells, where = np.unique(np.stack((label, first, second)), axis=1, return_inverse=True)
    count = np.zeros(cells.shape[1])
    np.add.at(count, where.ravel(), np.concatenate((joint.count, added)))
    return replace(joint, label=cells[0], first=cells[1], second=cells[2], count=count)


def _usual_mistakes(joint: _Joint) -> Codes:
    """For each class the one most often predicted instead, shape (classes,)."""
    often = np.zeros((joint.classes, joint.classes))
    for predicted in (joint.first, joint.second):
        np.add.at(often, (joint.label, predicted), joint.count)
    if joint.classes > 1:
        np.fill_diagonal(often, -1.0)
    wrong: Codes = often.argmax(axis=1)
    return wrong


def _draws(metric: str, joint: _Joint, function: ConfusionMetric, resamples: int) -> Floats | None:
    cells = np.stack((joint.label, joint.first, joint.second, joint.count.astype(np.int64)))
    random = generator(metric.encode(), cells.tobytes())
    rows = int(joint.count.sum())
    parts = [
        joint.values(
            function, random.multinomial(rows, joint.count / rows, size=size).astype(float)
        )
        for size in batches(len(joint.count) + 3 * joint.classes, resamples)
    ]
    return defined(np.concatenate(parts))
