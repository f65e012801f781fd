"""Columns, and differences of two columns, that give the label away.

A column that only exists once the outcome does makes a model that passes every comparison and
fails in use. It shows in the data: the column alone orders the rows nearly as the label does.

Strength is 0.5 to 1.

Of two classes it is the area under the ROC curve of the column as a score, the better of its
order and of the class rates in its quantiles (which also finds a U shape), or (1 + U) / 2 where
that is more, U being the share of the classes' entropy that its groups take away (Theil's
uncertainty coefficient, mutual information / entropy).

Of more classes a column gives the label away only if it separates all of them: one class that is
easy to tell is no leak. Strength is (1 + U) / 2 over all classes together, or, where that is more,
the area under the curve of that pair of classes which the column separates worst (the pairs of
Hand & Till 2001, Machine Learning 45:171, their minimum in place of their mean), of which the lower
95 % bound counts (Hanley & McNeil 1982, Radiology 143:29), since a minimum over few rows says
little. Only neighbours in the order of the classes' mean ranks are compared.

Of a number to predict it is (1 + |Spearman's rank correlation|) / 2, which is the share of pairs of
rows put in the right order under the same reading; for categories, (1 + η) / 2, η being the
correlation of the number's ranks with the mean rank of each category.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from cdml.common.verdict import Verdict
from cdml.data.rules.rule import make_check
from cdml.evidence.schema import Check
from cdml.statistics.metrics import Task

NumberArray = NDArray[np.float64]
CodeArray = NDArray[np.int64]
ColumnValues = Sequence[float | str | None]

BINS = 64
MIN_ROWS = 100
MIN_CLASS = 10
MAX_PAIRED = 32
_MOST = 10
_RARE = 20  # a category of fewer rows is no evidence: identifiers would always win
_TWO = 2
_Z = 1.645  # the normal quantile of a one-sided bound at 95 %


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelLeak:
    """How well a column, or the difference of two, predicts the label: 0.5 (nothing) to 1 (all)."""

    columns: tuple[str, ...]
    strength: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Classes:
    """A label of classes: which rows have one, the codes of those from 0, rows per class."""

    labelled: NDArray[np.bool_]
    codes: CodeArray
    rows: CodeArray

    @property
    def two(self) -> bool:
        """Whether there are just two classes."""
        return len(self.rows) == _TWO

    @property
    def entropy(self) -> float:
        """Of the classes, in nats."""
        return float(_entropy(self.rows / self.rows.sum()))

    @property
    def rare(self) -> int:
        """Rows under which a category is no evidence; fewer where the classes themselves have."""
        usual = len(self.codes) // (_TWO * len(self.rows))
        smallest = int(self.rows[self.rows >= MIN_CLASS].min(initial=_RARE))
        return max(_TWO, min(_RARE, usual, smallest))


LabelTarget = Classes | NumberArray
"""A label of classes, or of numbers, which are NaN where they are missing."""


def label_target(
    label: ColumnValues, task: Task, positive: float | str | None
) -> LabelTarget | None:
    """What may be given away, or None: too few rows. `positive` is as a sample would hold it."""
    if task is Task.REGRESSION:
        return _numbers(label)
    if task is Task.BINARY:
        labelled = np.ones(len(label), dtype=np.bool_)
        codes = np.array([value == positive for value in label], dtype=np.int64)
    else:
        labelled = np.array([value is not None for value in label], dtype=np.bool_)
        labels = [value for value in label if value is not None]
        order = {one: at for at, one in enumerate(sorted(set(labels), key=str))}
        codes = np.array([order[value] for value in labels], dtype=np.int64)
    rows = np.bincount(codes, minlength=_TWO)
    if not (np.minimum(rows, len(codes) - rows) >= MIN_CLASS).any():
        return None
    return Classes(labelled=labelled, codes=codes, rows=rows)


def find_leaks(
    columns: Mapping[str, ColumnValues], ordered: Sequence[str], goal: LabelTarget
) -> tuple[LabelLeak, ...]:
    """The strength of every column, and of differences of the first `MAX_PAIRED` ordered ones."""
    on_line = set(ordered)
    prepared = {name: _numbers(v) for name, v in columns.items() if name in on_line}
    leaks = []
    for name, values in columns.items():
        numbers = prepared.get(name)
        strength = _of_categories(values, goal) if numbers is None else _of_ordered(numbers, goal)
        leaks.append(LabelLeak(columns=(name,), strength=strength))
    paired = [(name, prepared[name]) for name in ordered[:MAX_PAIRED] if name in prepared]
    for (one, a), (other, b) in combinations(paired, 2):
        with np.errstate(invalid="ignore", over="ignore"):
            leaks.append(LabelLeak(columns=(one, other), strength=_of_ordered(a - b, goal)))
    return tuple(leaks)


def _numbers(values: ColumnValues) -> NumberArray:
    return np.array(values, dtype=np.float64)  # None becomes NaN


def _of_ordered(values: NumberArray, goal: LabelTarget) -> float:
    if not isinstance(goal, Classes):
        there = np.isfinite(values) & np.isfinite(goal)
        if there.sum() < MIN_ROWS:
            return 0.5
        return _correlated(_ranks(values[there]), _ranks(goal[there]))
    values = values[goal.labelled]
    there = np.isfinite(values)
    present, codes = values[there], goal.codes[there]
    order = np.argsort(present, kind="stable")
    line = _Line(values=present[order], codes=codes[order], missing=goal.codes[~there], goal=goal)
    return line.of_two() if goal.two else line.of_many()


def _of_categories(values: ColumnValues, goal: LabelTarget) -> float:
    words = np.array(["\0" if v is None else str(v) for v in values])
    if isinstance(goal, Classes):
        _, groups = np.unique(words[goal.labelled], return_inverse=True)
        if not goal.two:
            return _of_groups(groups, goal.codes, goal)
        return _of_pairs(np.bincount(groups), np.bincount(groups, weights=goal.codes), goal)
    finite = np.isfinite(goal)
    if finite.sum() < MIN_ROWS:
        return 0.5
    ranks = _ranks(goal[finite])
    _, groups = np.unique(words[finite], return_inverse=True)
    return _correlated(_means(groups, ranks), ranks)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A column's values in order with their classes, sorted once for all computations."""

    values: NumberArray
    codes: CodeArray
    missing: CodeArray
    goal: Classes

    @property
    def presence(self) -> float:
        """The share of rows with a value: missing values have no order."""
        return len(self.values) / len(self.goal.codes)

    def of_two(self) -> float:
        """The better of two areas under the curve: of its order, and of its bins."""
        starts, ends = self._bins()
        below = np.r_[0, np.cumsum(self.codes)]
        sizes = np.r_[ends - starts, len(self.missing)]
        positives = np.r_[below[ends] - below[starts], self.missing.sum()]
        return max(self._own_order(), _of_pairs(sizes, positives, self.goal))

    def _own_order(self) -> float:
        ones = int(self.codes.sum())
        least = min(ones, len(self.codes) - ones)
        if len(self.values) < MIN_ROWS or least < MIN_CLASS:
            return 0.5
        starts = np.flatnonzero(np.r_[True, self.values[1:] != self.values[:-1]])
        ties = np.add.reduceat(self.codes, starts)
        area = _area(np.diff(np.r_[starts, len(self.values)]) - ties, ties)
        return 0.5 + abs(area - 0.5) * self.presence

    def of_many(self) -> float:
        """The better of two: its bins on all classes, or on the pair that it separates worst."""
        starts, ends = self._bins()
        bins = np.repeat(np.arange(len(starts)), ends - starts)
        groups = np.r_[bins, np.full(len(self.missing), len(starts))]
        strength = _of_groups(groups, np.r_[self.codes, self.missing], self.goal)
        return max(strength, self._worst_pair(strength))

    def _worst_pair(self, strength: float) -> float:
        """The least area under the curve of two neighbouring classes; 0.5 where below `told`."""
        counts = np.bincount(self.codes, minlength=len(self.goal.rows))
        enough = np.flatnonzero(self.goal.rows >= MIN_CLASS)
        if len(self.values) < MIN_ROWS or len(enough) < _TWO or counts[enough].min() < MIN_CLASS:
            return 0.5  # a class without values is not told apart by their order
        ranks = _ranks(self.values)
        means = np.bincount(self.codes, weights=ranks, minlength=len(counts))[enough]
        by_rank = enough[np.argsort(means / counts[enough], kind="stable")]
        ends = np.cumsum(counts)
        grouped = ranks[np.argsort(self.codes, kind="stable")]
        worst = 1.0
        for low, high in pairwise(by_rank.tolist()):
            below, above = (grouped[ends[one] - counts[one] : ends[one]] for one in (low, high))
            area = _careful(_pair_area(below, above), len(below), len(above))
            worst = min(worst, 0.5 + (area - 0.5) * self.presence)
            if worst <= strength:
                return 0.5
        return worst

    def _bins(self) -> tuple[CodeArray, CodeArray]:
        edges = np.searchsorted(self.values, self._cuts(), side="left")
        return np.r_[0, edges], np.r_[edges, len(self.values)]

    def _cuts(self) -> NumberArray:
        """Where the bins begin: at every value where they are few, else at the quantiles."""
        bins = min(BINS, len(self.values) // (2 * _RARE))
        if not bins:
            return np.empty(0)
        if not self.goal.two:
            single = np.flatnonzero(self.values[1:] != self.values[:-1]) + 1
            if len(single) < len(self.values) // (2 * self.goal.rare):
                return self.values[single]
        at = np.linspace(0, 1, bins + 1)[1:-1] * (len(self.values) - 1)
        low = at.astype(int)
        high = np.minimum(low + 1, len(self.values) - 1)
        with np.errstate(invalid="ignore", over="ignore"):
            cuts = self.values[low] + (at - low) * (self.values[high] - self.values[low])
        return np.unique(np.where(np.isfinite(cuts), cuts, self.values[high]))


def _ranks(values: NumberArray) -> NumberArray:
    """Mid-ranks from 1, ties sharing theirs; NaN and infinity have their place in the order."""
    _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: NumberArray = (last - (counts - 1) / 2)[codes]
    return ranks


def _area(negatives: NumberArray | CodeArray, positives: NumberArray | CodeArray) -> float:
    """Area under the ROC curve of groups in ascending order; within one, half (Mann, Whitney)."""
    below = np.cumsum(negatives) - negatives / 2
    return float((positives * below).sum() / (negatives.sum() * positives.sum()))


def _pair_area(below: NumberArray, above: NumberArray) -> float:
    """How often a value of one class exceeds one of the other; both sorted, ties half."""
    less, more = (np.searchsorted(below, above, side=side) for side in ("left", "right"))
    return float((less + more).sum() / (2 * len(below) * len(above)))


def _careful(area: float, n: int, m: int) -> float:
    """The lower end of the area's 95 % bound (Hanley & McNeil)."""
    one, both = area / (2 - area), 2 * area**2 / (1 + area)
    spread = area * (1 - area) + (n - 1) * (one - area**2) + (m - 1) * (both - area**2)
    return max(0.5, area - _Z * math.sqrt(max(0.0, spread) / (n * m)))


def _of_pairs(sizes: CodeArray, positives: NumberArray | CodeArray, goal: Classes) -> float:
    """The area under the curve of the rates, or information; small groups count as all rows."""
    used = sizes > 0
    sizes, positives = sizes[used], positives[used]
    overall = goal.rows[1] / goal.rows.sum()
    rates = np.where(sizes < _RARE, overall, positives / sizes)
    entropies = _entropy(np.stack([rates, 1 - rates], axis=-1))
    taken = 1 - float((sizes * entropies).sum() / sizes.sum()) / goal.entropy
    _, groups = np.unique(rates, return_inverse=True)
    area = _area(
        np.bincount(groups, weights=sizes - positives), np.bincount(groups, weights=positives)
    )
    return max(area, (1 + taken) / 2)


def _of_groups(groups: CodeArray, codes: CodeArray, goal: Classes) -> float:
    """What groups tell, from the cells that hold rows; small groups count as all rows."""
    cells, counts = np.unique(groups * len(goal.rows) + codes, return_counts=True)
    of_group = cells // len(goal.rows)
    sizes = np.bincount(of_group, weights=counts)
    few = sizes[of_group] < goal.rare
    left = -(counts * np.log(counts / sizes[of_group]))[~few].sum()
    left += counts[few].sum() * goal.entropy
    return max(0.5, float(1 - left / len(codes) / goal.entropy / 2))


def _entropy(rates: NumberArray) -> NumberArray:
    """Of classes that occur with these probabilities, along the last axis; in nats."""
    with np.errstate(divide="ignore", invalid="ignore"):
        each = np.where(rates > 0, rates * np.log(rates), 0.0)
    total: NumberArray = -each.sum(axis=-1)
    return total


def _means(codes: CodeArray, values: NumberArray) -> NumberArray:
    """Each row's mean of its group; rare groups are one group, of the mean of all."""
    _, groups, counts = np.unique(codes, return_inverse=True, return_counts=True)
    means = np.bincount(groups, weights=values) / counts
    means[counts < _RARE] = values.mean()
    group_means: NumberArray = means[groups]
    return group_means


def _correlated(a: NumberArray, b: NumberArray) -> float:
    if a.min() == a.max() or b.min() == b.max():
        return 0.5
    return (1 + abs(float(np.corrcoef(a, b)[0, 1]))) / 2


def judge_leaks(
    leaks: Sequence[LabelLeak], *, warn: float | None, fail: float | None, used: bool
) -> tuple[Check, ...]:
    """Columns and pairs that tell too much, at worst a warning unless `used`; and one about all."""
    if not leaks:
        return ()
    limits = [limit for limit in (warn, fail) if limit is not None]
    least = min(limits, default=2.0)
    alone = {g.columns[0] for g in leaks if len(g.columns) == 1 and not g.strength < least}
    listing = [
        g
        for g in sorted(leaks, key=lambda g: (-g.strength, g.columns))
        if not g.strength < least and (len(g.columns) == 1 or not alone & set(g.columns))
    ]
    failing = used and fail is not None
    use = "the model uses it" if used else "no model should use it"
    findings = [
        make_check(
            name="label_given_away",
            column=g.columns[0] if len(g.columns) == 1 else None,
            verdict=Verdict.FAIL if failing and not g.strength < (fail or 0) else Verdict.WARN,
            severity="error" if failing else "warning",
            expected=f"a strength below {least:g}",
            observed=f"{g.strength:.4f}",
            reason=f"{_name_leak(g)} alone predicts the label (strength {g.strength:.4f} of 1),"
            f" so it is probably known only after the outcome, and {use}",
        )
        for g in listing[:_MOST]
    ]
    best = max(leaks, key=lambda g: g.strength)
    pairs = sum(len(g.columns) == 2 for g in leaks)  # noqa: PLR2004 - a pair
    summary = make_check(
        name="label_leakage",
        verdict=Verdict.PASS,
        severity="info",
        expected="",
        observed=f"{best.strength:.4f}",
        reason=f"{len(leaks) - pairs} columns and {pairs} differences were checked against the"
        f" label; the strongest is {_name_leak(best)} with {best.strength:.3g};"
        f" {len(listing)} give it away",
    )
    return (*findings, summary)


def _name_leak(giveaway: LabelLeak) -> str:
    names = giveaway.columns
    return names[0] if len(names) == 1 else f"the difference of {names[0]} and {names[1]}"
