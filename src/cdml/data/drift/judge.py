"""How far a column has moved from the reference, judged by the size of the effect.

Never by a p-value: with enough rows everything differs. Nor where chance alone would look like it:
what equal distributions would show with so few rows is known, and half a threshold is too much.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cdml.common.verdict import Verdict, worst
from cdml.config.schema import DriftSettings
from cdml.data.contract import Severity
from cdml.data.drift.bins import Buckets, Categories, Edges, labels
from cdml.data.drift.distances import DistanceName, Distances, distances
from cdml.data.drift.profile import ColumnProfile, complete
from cdml.data.rules.rule import make_check
from cdml.evidence.charts import Histogram
from cdml.evidence.schema import Check
from cdml.gates.reasons import figure
from cdml.tables.query import CellValue, LogicalType

_UNJUDGED: Mapping[Severity, Verdict] = {
    "error": Verdict.INCONCLUSIVE,
    "warning": Verdict.WARN,
    "info": Verdict.PASS,
}
MEASURES: Mapping[DistanceName, str] = {
    "psi": "PSI",
    "js": "Jensen-Shannon distance",
    "ks": "Kolmogorov-Smirnov distance",
    "wasserstein": "Wasserstein distance in standard deviations",
    "cramers_v": "Cramér's V",
}
_NAMED = 3
"""How many values or slices a sentence names."""


def judge_value(value: float, limits: DriftSettings) -> Verdict:
    """What a value of the measure says; NaN is never fine."""
    if limits.fail is not None and not value < limits.fail:
        return Verdict.FAIL
    return Verdict.WARN if limits.warn is not None and not value < limits.warn else Verdict.PASS


def _thresholds(limits: DriftSettings) -> tuple[float, ...]:
    """Those there are, the one that is met first in front."""
    return tuple(sorted(limit for limit in (limits.warn, limits.fail) if limit is not None))


def _check(
    name: str, column: str, limits: DriftSettings, verdict: Verdict | None, **more: Any
) -> Check:
    """A check with what a moved column can do to the verdict; without one it is not judged."""
    severity: Severity = "info" if limits.warn is None else "warning"
    if limits.fail is not None:
        severity = "error"
    lowest = next(iter(_thresholds(limits)), None)
    words = MEASURES[limits.measure]
    return make_check(
        name=name, column=column, severity=severity,
        verdict=_UNJUDGED[severity] if verdict is None else verdict,
        expected="reported only" if lowest is None else f"a {words} below {lowest:g}", **more,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentColumn:
    """A column's counts now, in the bins of the reference; `fresh` are values that have no bin."""

    counts: tuple[int, ...]
    fresh: tuple[str, ...] = ()


def judge_drift(
    column: ColumnProfile,
    now: CurrentColumn,
    limits: DriftSettings,
    *,
    may_disclose: bool,
    name: str = "drift",
) -> Check:
    """A column's drift held against its thresholds."""
    measured = distances(column, now.counts)
    why = _unable(measured, min(column.rows, sum(now.counts)), limits)
    if measured is None or why:
        return _check(
            name, column.name, limits, None, observed="not judged", reason=f"not judged: {why}"
        )
    value = measured.values[limits.measure]
    verdict = judge_value(value, limits)
    observed = figure(value, _thresholds(limits))
    parts = [f"{MEASURES[limits.measure]} {observed}"]
    if may_disclose and verdict is not Verdict.PASS:
        parts.append(_largest(column, now.counts))
    if may_disclose:
        parts += _changes(column, now)
    others = _other_measures(measured, limits.measure, column, may_disclose=may_disclose)
    return _check(
        name, column.name, limits, verdict, observed=observed, reason="; ".join(parts),
        beside=", ".join(others),
        histogram=_histogram(column, now.counts) if may_disclose else None,
    )  # fmt: skip


def _histogram(column: ColumnProfile, now: Sequence[int]) -> Histogram:
    before, after = column.rows or 1, sum(now) or 1
    return Histogram(
        bins=labels(column.type, column.bins),
        reference=tuple(round(count / before, 4) for count in column.counts),
        now=tuple(round(count / after, 4) for count in now),
    )


def judge_slices(
    column: ColumnProfile,
    parts: Mapping[str, tuple[ColumnProfile, Sequence[int]]],
    limits: DriftSettings,
) -> Check:
    """One check, which names slices that moved; by name, the reference's column and counts."""
    measured = {
        called: measure_drift(before, now, limits) for called, (before, now) in parts.items()
    }
    values = {called: value for called, value in measured.items() if value is not None}
    few = len(measured) - len(values)
    thresholds = _thresholds(limits)
    verdicts = {called: judge_value(value, limits) for called, value in values.items()}
    ordered = sorted(values, key=lambda called: -values[called])
    moved = [one for one in ordered if verdicts[one] is not Verdict.PASS]
    listing = ", ".join(
        f"{one} ({figure(values[one], thresholds)})" for one in (moved or ordered)[:_NAMED]
    )
    words = MEASURES[limits.measure]
    if not values:
        reason = "not judged: every slice has too few rows"
    elif moved:
        reason = (
            f"drifted in {len(moved)} of {len(values)} slices; {words}: {listing}{_more(moved)}"
        )
    else:
        reason = f"in {len(values)} slices, largest {words}: {listing}"
    if few and values:
        reason += f"; not judged: {few} with too few rows"
    return _check(
        "slice_drift", column.name, limits, worst(verdicts.values()) if verdicts else None,
        observed=figure(max(values.values()), thresholds) if values else "not judged",
        reason=reason,
    )  # fmt: skip


def measure_drift(column: ColumnProfile, now: Sequence[int], limits: DriftSettings) -> float | None:
    """The measure of a column's counts; None where they are too few to be judged."""
    measured = distances(column, now)
    if measured is None or _unable(measured, min(column.rows, sum(now)), limits):
        return None
    return measured.values[limits.measure]


def _unable(measured: Distances | None, rows: int, limits: DriftSettings) -> str:
    if measured is None:
        return "there are no rows"
    thresholds = _thresholds(limits)
    if not thresholds:
        return ""
    noise = measured.noise[limits.measure]
    if not noise < thresholds[0] / 2:
        return f"with so few rows, chance alone gives a {MEASURES[limits.measure]} of {noise:.2g}"
    if rows < limits.min_rows:
        return f"one side has only {rows:,} of {limits.min_rows:,} required rows"
    return ""


def _other_measures(
    measured: Distances, measure: DistanceName, column: ColumnProfile, *, may_disclose: bool
) -> list[str]:
    other_texts = [
        f"{MEASURES[other]} {measured.values[other]:.3g}"
        for other in ("psi", "js")
        if other != measure
    ]
    if isinstance(column.bins, Edges):
        other_texts.append(f"Kolmogorov-Smirnov {measured.values['ks']:.3g}")
        if may_disclose and measured.moved is not None:
            other_texts.append(f"Wasserstein {_in_unit(measured.moved, column.type)}")
    else:
        other_texts.append(f"χ² {measured.chi2:,.4g}")
        other_texts.append(f"Cramér's V {measured.values['cramers_v']:.3g}")
    return other_texts


def _in_unit(value: float, kind: LogicalType) -> str:
    if kind in (LogicalType.DATE, LogicalType.TIMESTAMP):
        return f"{value / 86_400:.3g} days"
    return f"{value:.3g} s" if kind is LogicalType.TIME else f"{value:.3g}"


def _largest(column: ColumnProfile, now: Sequence[int]) -> str:
    n, m = column.rows, sum(now)
    names = labels(column.type, column.bins)
    shares = [(b / n, a / m) for b, a in zip(column.counts, now, strict=True)]
    name, (before, after) = max(
        zip(names, shares, strict=True), key=lambda one: abs(one[1][1] - one[1][0])
    )
    return f"largest change: {name}, {before:.1%} of the reference and {after:.1%} now"


def _changes(column: ColumnProfile, now: CurrentColumn) -> list[str]:
    """Values that came and values that went, as far as they can be told apart from rare ones."""
    if not isinstance(column.bins, Categories):
        return []
    counts = zip(column.bins.names, column.counts[1:], now.counts[1:], strict=False)
    vanished = [name for name, before, after in counts if before and not after]
    fresh = list(now.fresh) if complete(column.bins, column.counts) else []
    changes = (("new", fresh), ("vanished", vanished))
    return [
        f"{word}: {', '.join(names[:_NAMED])}{_more(names)}" for word, names in changes if names
    ]


def _more(names: Sequence[str]) -> str:
    return f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""


def observe_column(
    column: ColumnProfile, frequencies: Sequence[tuple[CellValue, int]], counts: tuple[int, ...]
) -> CurrentColumn:
    """A column's rows now, where its values were counted."""
    names = frozenset(column.bins.names if isinstance(column.bins, Categories) else ())
    hidden = isinstance(column.bins, Buckets)
    fresh = [] if hidden else [str(value) for value, _ in frequencies if str(value) not in names]
    return CurrentColumn(counts=counts, fresh=tuple(fresh))
