"""Metrics of ranks of more rows than memory holds: run by run, each of all rows of its scores.

What a row moves a value by depends on its run, and on how many rows the lower runs have.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from cdml.statistics.ranks import corrections, joint_moments, powers
from cdml.statistics.samples import Codes, Flags, Floats, RankMoments


@dataclass(kw_only=True)
class RankWalk:
    """One model's rows from the lowest scores up.

    Moves are those of `auc_influence` and `precision_influence`, with `centre`, which is near the
    value, in its place: it is known only at the end.

    Attributes:
        metrics: `roc_auc` or `average_precision`.
        rows, positives: how many there are of all runs.
        centre: of each metric, shape (metrics,).
        below: the rows, and the positives, of the runs so far.
    """

    metrics: Sequence[str]
    rows: int
    positives: int
    centre: Floats
    below: tuple[int, int] = (0, 0)
    _sums: list[float] = field(default_factory=lambda: [0, 0.0, 0.0, 0.0])

    @property
    def value(self) -> Floats:
        """After the last run, shape (metrics,)."""
        pairs, precise, *_ = self._sums
        auc = pairs / (2 * self.positives * (self.rows - self.positives))
        values = {"roc_auc": auc, "average_precision": precise / self.positives}
        return np.array([values[name] for name in self.metrics])

    @property
    def shift(self) -> tuple[Floats, Floats]:
        """By how much moves of positives, and of others, are too large; shape (metrics,) each."""
        off = self.value - self.centre
        of_auc = np.array([name == "roc_auc" for name in self.metrics])
        return off / self.positives, np.where(of_auc, off / (self.rows - self.positives), 0.0)

    def step(self, size: Codes, positives: Codes) -> tuple[Floats, Codes]:
        """The moves of a run's groups of equal scores, and the rows at or below them.

        Moves have the shape (2, metrics, groups): first those of others, then of positives.
        """
        rows, good = self.below
        reached, reached_positives = rows + np.cumsum(size), good + np.cumsum(positives)
        self.below = int(reached[-1]), int(reached_positives[-1])
        moves = np.empty((2, len(self.metrics), len(size)))
        for at, name in enumerate(self.metrics):
            one = self._auc if name == "roc_auc" else self._precision
            moves[:, at] = one(size, positives, reached, reached_positives, self.centre[at])
        return moves, reached

    def _auc(
        self, size: Codes, positives: Codes, reached: Codes, good: Codes, centre: float
    ) -> tuple[Floats, Floats]:
        others = self.rows - self.positives
        scale = 2 * self.positives * others
        placed = 2 * (reached - good) - (size - positives)
        self._sums[0] += int(positives @ placed)
        above = 2 * (self.positives - good) + positives
        return above / scale - centre / others, placed / scale - centre / self.positives

    def _precision(
        self, size: Codes, positives: Codes, reached: Codes, good: Codes, centre: float
    ) -> tuple[Floats, Floats]:
        above = self.rows - reached + size
        precision, share = (self.positives - good + positives) / above, positives / above
        gained = self._sums[2] + np.cumsum(share)
        lost = self._sums[3] + np.cumsum(share * precision)
        self._sums[1:] = self._sums[1] + float(positives @ precision), gained[-1], lost[-1]
        return -lost / self.positives, (precision + gained - lost - centre) / self.positives


@dataclass(kw_only=True)
class _Label:
    """Sums of the moves of one label's rows, and of their products."""

    models: int
    rows: int = 0

    def __post_init__(self) -> None:
        self.sums = np.zeros(self.models)
        self.squares, self.cubes = np.zeros((self.models,) * 2), np.zeros((self.models,) * 3)
        self.least, self.most = np.full(2, np.inf), np.full(2, -np.inf)

    def add(self, moves: Floats) -> None:
        """Those of more rows, shape (models, rows)."""
        if not moves.size:
            return
        self.rows += moves.shape[1]
        self.sums += [np.sort(one).sum() for one in moves]
        if self.models == 1:
            square, cube = powers(moves[0])
            self.squares += square
            self.cubes += cube
            return
        squares, cubes = joint_moments(*moves)
        self.squares += squares
        self.cubes += cubes
        extremes = np.array([moves[0] - moves[1], moves[1]])
        self.least = np.minimum(self.least, extremes.min(axis=1))
        self.most = np.maximum(self.most, extremes.max(axis=1))

    def shifted(self, off: Floats) -> tuple[Floats, Floats, Floats]:
        """Squares, cubes and the largest figures of moves less a number of each model."""
        outer, count = np.multiply.outer, self.rows
        square = outer(off, off)
        squares = self.squares - outer(off, self.sums) - outer(self.sums, off) + count * square
        cubes = self.cubes - count * outer(square, off)
        for axes in ((0, 1, 2), (1, 0, 2), (1, 2, 0)):
            cubes -= outer(off, self.squares).transpose(axes)
            cubes += outer(self.sums, square).transpose(axes)
        if self.models == 1:
            return squares, cubes, np.zeros(2)
        middle = np.array([off[0] - off[1], off[1]])
        return squares, cubes, np.maximum(self.most - middle, middle - self.least)


@dataclass(kw_only=True)
class MoveSums:
    """The moves of all models by one metric, added up in any number of pieces."""

    metric: str
    models: int

    def __post_init__(self) -> None:
        self._labels = [_Label(models=self.models) for _ in range(2)]

    def add(self, positive: Flags, moves: Floats) -> None:
        """Those of more rows, shape (models, rows)."""
        for label, chosen in zip(self._labels, (~positive, positive), strict=True):
            label.add(moves[:, chosen])

    def moments(self, walks: Sequence[RankWalk], *, same_order: bool) -> RankMoments:
        """What the moves come to; the walks are over."""
        rows, positives, at = walks[0].rows, walks[0].positives, walks[0].metrics.index(self.metric)
        factors = corrections(self.metric, rows, positives)[::-1]
        squares, cubes = np.zeros((self.models,) * 2), np.zeros((self.models,) * 3)
        split, extreme = [0.0, 0.0], np.zeros(2)
        for number, (label, factor) in enumerate(zip(self._labels, factors, strict=True)):
            off = np.array([walk.shift[1 - number][at] for walk in walks])
            square, cube, largest = label.shifted(off)
            squares += square * factor**2
            cubes += cube * factor**3
            extreme = np.maximum(extreme, largest * factor)
            if self.metric == "roc_auc" and self.models > 1:
                distances = square[0, 0] - 2 * square[0, 1] + square[1, 1]
                split[1 - number] = float(distances) * factor**2
        value = np.array([walk.value[at] for walk in walks])
        if same_order:
            # The same figures, but for last bits, as the runs of the models end elsewhere.
            value[:], squares[:], cubes[:] = value[0], squares[0, 0], cubes[0, 0, 0]
            split, extreme[0] = [0.0, 0.0], 0.0
        return RankMoments(
            rows=rows,
            positives=(positives,),
            value=value,
            squares=squares,
            cubes=cubes,
            split=(split[0], split[1]),
            extreme=(float(extreme[0]), float(extreme[1])),
            same_order=same_order,
        )
