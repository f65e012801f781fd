"""Columns, and differences of two columns, that give the label away.

A column that only exists once the outcome does makes a model that passes every comparison and
fails in use. It shows in the data: the column alone orders the rows nearly as the label does.

Strength is 0.5 to 1: for classes the area under the ROC curve of the column as a score, the
better of its own order and of the class rates in its quantiles (which also finds a U shape), or
(1 + U) / 2 where that is more, U being the share of the classes' entropy that its groups take away
(the uncertainty coefficient, mutual information / entropy);
for a number to predict, (1 + |Spearman's rank correlation|) / 2, which is the share of pairs of
rows put in the right order under the same reading; for categories, (1 + η) / 2, η being the
correlation of the number's ranks with the mean rank of each category.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from cdml.core.checks import Finding
from cdml.core.metrics import Task
from cdml.core.verdict import Verdict

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Values = Sequence[float | str | None]

BINS = 64
MIN_ROWS = 100
MIN_CLASS = 10
MAX_PAIRED = 32
_MOST = 10
_RARE = 20  # a category of fewer rows is no evidence: identifiers would always win


@dataclass(frozen=True, slots=True, kw_only=True)
class Giveaway:
    """How well a column, or the difference of two, tells the label.

    Attributes:
        columns: one, or two whose difference is meant.
        strength: 0.5 (tells nothing) to 1 (tells all).
    """

    columns: tuple[str, ...]
    strength: float


def targets(label: Values, task: Task, positive: float | str | None) -> tuple[Floats, ...]:
    """What a column may give away: one 0/1 vector per class, or the number itself.

    Args:
        label: the label's values, as `Table.sample` gives them.
        task: what is predicted.
        positive: the positive class, as a sample would hold it; for binary tasks.
    """
    if task is Task.REGRESSION:
        return (_numbers(label),)
    if task is Task.BINARY:
        classes = [positive]
    else:
        classes = sorted({v for v in label if v is not None}, key=str)
    vectors = [np.array([value == one for value in label], dtype=np.float64) for one in classes]
    return tuple(v for v in vectors if min(v.sum(), len(v) - v.sum()) >= MIN_CLASS)


def giveaways(
    columns: Mapping[str, Values], ordered: Sequence[str], goals: Sequence[Floats], *, classes: bool
) -> tuple[Giveaway, ...]:
    """The strength of every column, and of every difference of two ordered ones.

    Args:
        columns: a sample of each column, the same rows in each.
        ordered: those on a number line; the first `MAX_PAIRED` of them are paired.
        goals: what they may give away, from `targets`.
        classes: whether the goals are classes.
    """
    strength = _of_classes if classes else _of_number
    prepared = {
        name: _numbers(values) if name in ordered else None for name, values in columns.items()
    }
    found = []
    for name, values in columns.items():
        numbers = prepared[name]
        best = max(
            (
                strength(numbers, goal)
                if numbers is not None
                else _of_categories(values, goal, classes=classes)
                for goal in goals
            ),
            default=0.5,
        )
        found.append(Giveaway(columns=(name,), strength=best))
    paired = [(name, prepared[name]) for name in ordered[:MAX_PAIRED]]
    for (one, a), (other, b) in combinations(paired, 2):
        if a is not None and b is not None:
            with np.errstate(invalid="ignore"):
                best = max((strength(a - b, goal) for goal in goals), default=0.5)
            found.append(Giveaway(columns=(one, other), strength=best))
    return tuple(found)


def _numbers(values: Values) -> Floats:
    return np.array([np.nan if v is None else v for v in values], dtype=np.float64)


def _ranks(values: Floats) -> Floats:
    """Mid-ranks from 1, ties sharing theirs; NaN and infinity have their place in the order."""
    _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: Floats = (last - (counts - 1) / 2)[codes]
    return ranks


def _auc(score: Floats, positive: Floats) -> float:
    """Area under the ROC curve, by ranks (Mann and Whitney)."""
    n = positive.sum()
    m = len(positive) - n
    return float((_ranks(score)[positive > 0].sum() - n * (n + 1) / 2) / (n * m))


def _of_classes(values: Floats, positive: Floats) -> float:
    there = np.isfinite(values)
    own = 0.5
    if there.sum() >= MIN_ROWS:
        kept = positive[there]
        if min(kept.sum(), len(kept) - kept.sum()) >= MIN_CLASS:
            area = _auc(values[there], kept)
            # What is missing tells nothing here; weigh by what is there.
            own = 0.5 + abs(area - 0.5) * float(there.mean())
    return max(own, _of_codes(_bin_codes(values, there), positive))


def _bin_codes(values: Floats, there: NDArray[np.bool_]) -> Codes:
    """Quantile bins; missing values are one of their own."""
    codes = np.full(len(values), -1, dtype=np.int64)
    bins = min(BINS, int(there.sum()) // (2 * _RARE))
    if bins:
        cuts = np.unique(np.quantile(values[there], np.linspace(0, 1, bins + 1)[1:-1]))
        codes[there] = np.searchsorted(cuts, values[there], side="right")
    return codes


def _of_categories(values: Values, goal: Floats, *, classes: bool) -> float:
    _, codes = np.unique(["\0" if v is None else str(v) for v in values], return_inverse=True)
    if classes:
        return _of_codes(codes.astype(np.int64), goal)
    known = np.isfinite(goal)
    if known.sum() < MIN_ROWS:
        return 0.5
    ranks = _ranks(goal[known])
    return _correlated(_means(codes[known].astype(np.int64), ranks), ranks)


def _of_codes(codes: Codes, positive: Floats) -> float:
    """The better of area under the curve, each group scoring by its rate, and information."""
    rates = _means(codes, positive)
    return max(_auc(rates, positive), (1 + _information(rates, positive)) / 2)


def _means(codes: Codes, values: Floats) -> Floats:
    """Each row's mean of its group; rare groups are one group, of the mean of all."""
    _, groups, counts = np.unique(codes, return_inverse=True, return_counts=True)
    means = np.bincount(groups, weights=values) / counts
    means[counts < _RARE] = values.mean()
    found: Floats = means[groups]
    return found


def _information(rates: Floats, positive: Floats) -> float:
    """Share of the class's entropy that is gone where the rate of each row's group is known."""
    return 1 - float(_entropy(rates).mean() / _entropy(positive.mean(keepdims=True))[0])


def _entropy(rates: Floats) -> Floats:
    """Of a class that occurs with this probability, in nats."""
    with np.errstate(divide="ignore", invalid="ignore"):
        each = [np.where(p > 0, p * np.log(p), 0.0) for p in (rates, 1 - rates)]
    total: Floats = -(each[0] + each[1])
    return total


def _of_number(values: Floats, goal: Floats) -> float:
    there = np.isfinite(values) & np.isfinite(goal)
    if there.sum() < MIN_ROWS:
        return 0.5
    return _correlated(_ranks(values[there]), _ranks(goal[there]))


def _correlated(a: Floats, b: Floats) -> float:
    if a.min() == a.max() or b.min() == b.max():
        return 0.5
    return (1 + abs(float(np.corrcoef(a, b)[0, 1]))) / 2


def judge(
    found: Sequence[Giveaway], *, warn: float | None, fail: float | None, used: bool
) -> tuple[Finding, ...]:
    """Every column or pair that tells too much, and one finding about all.

    Args:
        found: the strengths.
        warn, fail: strengths from which to warn and to fail; None for never.
        used: whether the model is known to use these columns; else the worst is a warning.
    """
    if not found:
        return ()
    limits = [limit for limit in (warn, fail) if limit is not None]
    least = min(limits, default=2.0)
    alone = {g.columns[0] for g in found if len(g.columns) == 1 and not g.strength < least}
    told = [
        g
        for g in sorted(found, key=lambda g: (-g.strength, g.columns))
        if not g.strength < least and (len(g.columns) == 1 or not alone & set(g.columns))
    ]
    failing = used and fail is not None
    findings = [
        Finding(
            name="label_given_away",
            column=g.columns[0] if len(g.columns) == 1 else None,
            verdict=Verdict.FAIL if failing and not g.strength < (fail or 0) else Verdict.WARN,
            severity="error" if failing else "warning",
            expected=f"a strength below {least:g}",
            observed=f"{g.strength:.4f}",
            reason=_reason(g, used=used),
        )
        for g in told[:_MOST]
    ]
    best = max(found, key=lambda g: g.strength)
    pairs = sum(len(g.columns) == 2 for g in found)  # noqa: PLR2004 - a pair
    summary = Finding(
        name="label_leakage",
        verdict=Verdict.PASS,
        severity="info",
        expected="",
        observed=f"{best.strength:.4f}",
        reason=f"{len(found) - pairs} columns and {pairs} differences were held against the label;"
        f" the strongest is {_told(best)} with {best.strength:.3g}; {len(told)} tell too much",
    )
    return (*findings, summary)


def _told(giveaway: Giveaway) -> str:
    names = giveaway.columns
    return names[0] if len(names) == 1 else f"the difference of {names[0]} and {names[1]}"


def _reason(giveaway: Giveaway, *, used: bool) -> str:
    who = "the model uses it" if used else "a model that used it would be of no use"
    return (
        f"{_told(giveaway)} tells the label by itself ({giveaway.strength:.4f} of 1):"
        f" probably known only after the outcome, and {who}"
    )
