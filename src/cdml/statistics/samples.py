"""Sufficient statistics: all that a metric's sampling distribution needs to know of the rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from cdml.statistics.cases.case_means import CaseMeans

Floats = NDArray[np.float64]
CountArray = NDArray[np.int64]
Codes = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """How often each combination of label and predictions occurs.

    Attributes:
        classes: the class names, in the order of the codes; for a binary task exactly two,
            the positive class last (code 1), everything else counting as the other.
        label, challenger, champion: codes of the occupied cells, shape (cells,); `champion`
            is None when one model is measured alone.
        count: rows in each cell, shape (cells,).
        groups: names of the groups that fairness metrics compare, those without rows too; empty
            for other metrics.
        group: codes of the cells' groups, shape (cells,); None where there are no groups.
    """

    classes: tuple[str, ...]
    label: Codes
    challenger: Codes
    champion: Codes | None
    count: CountArray
    groups: tuple[str, ...] = ()
    group: Codes | None = None

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return int(self.count.sum())

    def within(self, code: int) -> "Cells":
        """The cells of one group, without groups."""
        chosen = self.group == code
        return Cells(
            classes=self.classes,
            label=self.label[chosen],
            challenger=self.challenger[chosen],
            champion=None if self.champion is None else self.champion[chosen],
            count=self.count[chosen],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """The first three moments of a few figures per row.

    The figures are, in this order: for a metric of the family MEAN, the challenger's loss and
    (where two models are compared) the champion's; for the family MOMENTS, the same two squared
    errors (or the one), then the label less a constant (any; near their mean for precision), then
    the square of that.

    Attributes:
        rows: how many rows.
        mean: shape (k,).
        covariance: of the figures of a row, ddof 1, shape (k, k); zeros for a single row.
        third: mean of the products of three deviations from the mean, shape (k, k, k).
    """

    rows: int
    mean: Floats
    covariance: Floats
    third: Floats

    @classmethod
    def of_rows(cls, figures: Floats) -> "Moments":
        """From the figures themselves, shape (rows, k)."""
        rows, mean = len(figures), figures.mean(axis=0)
        deviation = figures - mean
        return cls(
            rows=rows,
            mean=mean,
            covariance=deviation.T @ deviation / max(1, rows - 1),
            third=np.einsum("ni,nj,nk->ijk", deviation, deviation, deviation, optimize=True) / rows,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """Scores that are compared by their order.

    Attributes:
        positive: whether the row is of the positive class, shape (rows,).
        challenger, champion: scores, shape (rows,); `champion` None for one model alone.
    """

    positive: Flags
    challenger: Floats
    champion: Floats | None

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.positive)


@dataclass(frozen=True, slots=True, kw_only=True)
class OneVsRest:
    """Each class against all others, over the same rows in the same order.

    Attributes:
        classes: the scores of each class, and which rows are of it.
    """

    classes: tuple[Ranked, ...]

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.classes[0].rows if self.classes else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RankMoments:
    """How far rows move a metric of ranks, added up.

    A row's moves are those of `ranks`, times the root of n / (n - 1), so that their squares add up
    to the value's variance. Arrays hold the challenger first and, where two models are compared,
    the champion second; they are zeros where a class has fewer than two rows, or all but one.

    Attributes:
        rows: how many rows.
        positives: rows of each class.
        value: of each model, shape (models,).
        squares, cubes: sums of products of two moves and of three, shapes (models,) * 2 and * 3.
        split: sums of the squared differences of two moves, of the positives and of the others.
        extreme: the largest difference of two moves, and the champion's largest move.
        same_order: whether both models put the rows of each class into the same order.
    """

    rows: int
    positives: tuple[int, ...]
    value: Floats
    squares: Floats
    cubes: Floats
    split: tuple[float, float] = (0.0, 0.0)
    extreme: tuple[float, float] = (0.0, 0.0)
    same_order: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreSums:
    """What calibration reads of scores.

    Attributes:
        rows, positives: how many rows there are, and of the class as `RankMoments` has it.
        excess: in bins of equal width the positives less the scores' sum, shape (bins,).
    """

    rows: int
    positives: tuple[int, ...]
    excess: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFigures:
    """The figures of each row that `Moments` are the moments of.

    Attributes:
        values: shape (rows, k), in the order of `Moments`; or the means of rows of a cluster.
        varied: whether the rows of such a mean differ, shape (rows, k); None of rows.
    """

    values: Floats
    varied: Flags | None = None

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveSums:
    """How far weighted rows move a mean, or a function of means, added up.

    A row's moves are those of `statistics.influence`. Arrays hold the challenger first and, where
    two models are compared, the champion second.

    Attributes:
        value: of each model, shape (models,); NaN where it has none.
        squares, cubes: sums of products of two moves and of three, shapes (models,) * 2 and * 3.
        farthest: the largest distance between the moves of the two models.
        telling: rows that move the challenger, and rows that move either model.
        effective: how many rows of equal weight those are (see `effective_rows`), of each.
    """

    value: Floats
    squares: Floats
    cubes: Floats
    farthest: float
    telling: tuple[int, int]
    effective: tuple[float, float]

    @property
    def rows(self) -> int:
        """All rows are one entry."""
        return 1

    @property
    def alone(self) -> "MoveSums":
        """Those of the challenger."""
        return MoveSums(
            value=self.value[:1],
            squares=self.squares[:1, :1],
            cubes=self.cubes[:1, :1, :1],
            farthest=0.0,
            telling=self.telling,
            effective=self.effective,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightPowers:
    """Weights of rows that are alike, but not of one cluster.

    Attributes:
        squares, cubes: sums of their squares and cubes, shape (entries,).
        largest: of them, shape (entries,).
    """

    squares: Floats
    cubes: Floats
    largest: Floats

    def at(self, entries: Flags) -> "WeightPowers":
        """Those of some entries."""
        return WeightPowers(
            squares=self.squares[entries], cubes=self.cubes[entries], largest=self.largest[entries]
        )

    @property
    def typical(self) -> tuple[Floats, Floats]:
        """A weight, and how many rows of it have these sums of squares and cubes."""
        weight = self.cubes / self.squares
        return weight, self.squares / weight**2


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighted:
    """Rows that do not count the same, or that are not independent of one another.

    Attributes:
        weight: how much each row counts, at least 0, shape (rows,).
        cluster: what each row belongs to, as codes from 0, shape (rows,); None where every row
            stands for itself.
        inner: the rows' own statistics, one entry for each row (`Cells.count` is 1 throughout), or
            one entry of all rows.
        times: how many rows an entry adds up, with `weight` and `Cells.count` those of all of
            them; None where entries are rows. Rows of no weight are not among them.
        powers: of such an entry's weights, where its rows are of no cluster.
    """

    weight: Floats
    cluster: Codes | None
    inner: Cells | RowFigures | Ranked | OneVsRest | MoveSums
    times: CountArray | None = None
    powers: WeightPowers | None = None

    @property
    def rows(self) -> int:
        """How many rows there are, or entries."""
        return len(self.weight)

    @property
    def codes(self) -> Codes:
        """What each row belongs to, be it only itself."""
        return np.arange(self.rows) if self.cluster is None else self.cluster


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """What single requests took.

    Attributes:
        challenger, champion: milliseconds, of the same requests in the same order, shape
            (requests,); `champion` None for one model alone.
    """

    challenger: Floats
    champion: Floats | None

    @classmethod
    def pair(
        cls, challenger: Sequence[float], champion: Sequence[float] | None = None
    ) -> "Timings":
        """Those that both got; a slower model may have got fewer."""
        if champion is None:
            return cls(challenger=np.array(challenger, dtype=float), champion=None)
        both = min(len(challenger), len(champion))
        return cls(
            challenger=np.array(challenger[:both], dtype=float),
            champion=np.array(champion[:both], dtype=float),
        )

    @property
    def rows(self) -> int:
        """How many requests there are."""
        return len(self.challenger)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replicates:
    """What a function of the user's says to the rows, and to rows drawn or left out again.

    A unit is a row or, where rows belong to clusters, a cluster. All arrays hold the challenger
    first and, where two models are compared, the champion second; NaN where there was no value.

    Attributes:
        rows: how many rows.
        units: how many units.
        clustered: whether units are clusters.
        discordant: units on which the models answer differently; all of them for one model.
        value: of each model, shape (models,).
        draws: on resampled units, shape (resamples, models).
        blocks: value less that without one of a few equal blocks of units, shape (blocks, models).
        singles: value less that without one unit, for units picked evenly, shape (k, models).
        kinds: the same for one unit of each kind of row, where there are few, shape (j, models).
        problem: why there is no value, in words that follow the metric's name; empty: there is.
    """

    rows: int
    units: int
    clustered: bool
    discordant: int
    value: Floats
    draws: Floats
    blocks: Floats
    singles: Floats
    kinds: Floats
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseScores:
    """The scores of a column on the same cases; `champion` None for one model alone.

    Attributes:
        human: what people scored, shape (cases, models), the challenger first; NaN where they did
            not. None for metrics without labels.
        categories: of all rows the code of each case's value, by slice column.
        styles: of two models' answers such as their length, shape (cases, models), by name.
    """

    challenger: "CaseMeans"
    champion: "CaseMeans | None"
    human: Floats | None = None
    categories: Mapping[str, Codes] = field(default_factory=dict)
    styles: Mapping[str, Floats] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many cases there are."""
        return self.challenger.cases

    @property
    def labels(self) -> tuple[int, ...]:
        """How many answers of each model people scored; empty without labels."""
        return () if self.human is None else tuple(map(int, (~np.isnan(self.human)).sum(axis=0)))

    @property
    def labelled(self) -> int | None:
        """On how many cases people scored every model's answer; None without labels."""
        return None if self.human is None else int((~np.isnan(self.human)).all(axis=1).sum())


Sample = (
    Cells
    | Moments
    | Ranked
    | OneVsRest
    | RankMoments
    | ScoreSums
    | Weighted
    | Replicates
    | Timings
    | CaseScores
)
