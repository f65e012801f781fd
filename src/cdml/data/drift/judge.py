"""How far a column has moved from the reference, judged by the size of the effect.

Never by a p-value: with enough rows everything differs. Nor where chance alone would look like it:
what equal distributions would show with so few rows is known, and half a threshold is too much.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cdml.common.verdict import Verdict, worst
from cdml.data.contract import Severity
from cdml.data.drift.bins import Buckets, Categories, Edges, labels
from cdml.data.drift.distances import DistanceName, Distances, distances
from cdml.data.drift.profile import ColumnProfile, complete
from cdml.data.rules.rule import Finding, ValueHistogram
from cdml.gates.reasons import figure
from cdml.tables.query import CellValue, LogicalType

_UNJUDGED: Mapping[Severity, Verdict] = {
    "error": Verdict.INCONCLUSIVE,
    "warning": Verdict.WARN,
    "info": Verdict.PASS,
}
_WORDS: Mapping[DistanceName, str] = {
    "psi": "PSI",
    "js": "Jensen-Shannon distance",
    "ks": "Kolmogorov-Smirnov distance",
    "wasserstein": "Wasserstein distance in standard deviations",
    "cramers_v": "Cramér's V",
}
_NAMED = 3
"""How many values or slices a sentence names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftLimits:
    """When a column has moved too far."""

    measure: DistanceName = "psi"
    warn: float | None = 0.2
    fail: float | None = None
    min_rows: int = 100

    @property
    def thresholds(self) -> tuple[float, ...]:
        """Those there are."""
        return tuple(limit for limit in (self.warn, self.fail) if limit is not None)

    @property
    def lowest(self) -> float | None:
        """The threshold that is met first."""
        return min(self.thresholds, default=None)

    @property
    def severity(self) -> Severity:
        """What a column that moved can do to the verdict."""
        if self.fail is not None:
            return "error"
        return "info" if self.warn is None else "warning"

    @property
    def expected(self) -> str:
        """In words."""
        words = _WORDS[self.measure]
        return "told only" if self.lowest is None else f"a {words} below {self.lowest:g}"

    def verdict(self, value: float) -> Verdict:
        """What a value says; NaN is never fine."""
        verdict = Verdict.PASS
        if self.warn is not None and not value < self.warn:
            verdict = Verdict.WARN
        if self.fail is not None and not value < self.fail:
            verdict = Verdict.FAIL
        return verdict

    @property
    def unjudged(self) -> Verdict:
        """What a column that cannot be judged says."""
        return _UNJUDGED[self.severity]


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentColumn:
    """A column's counts now, in the bins of the reference; `fresh` are values that have no bin."""

    counts: tuple[int, ...]
    fresh: tuple[str, ...] = ()


def judge_drift(
    column: ColumnProfile,
    now: CurrentColumn,
    limits: DriftLimits,
    *,
    may_disclose: bool,
    name: str = "drift",
) -> Finding:
    """A column's drift held against its thresholds."""
    measured = distances(column, now.counts)
    why = _unable(measured, min(column.rows, sum(now.counts)), limits)
    if measured is None or why:
        return Finding(
            name=name, column=column.name, verdict=limits.unjudged, severity=limits.severity,
            expected=limits.expected, observed="not judged", reason=f"not judged: {why}",
        )  # fmt: skip
    value = measured.values[limits.measure]
    verdict = limits.verdict(value)
    observed = figure(value, limits.thresholds)
    parts = [f"{_WORDS[limits.measure]} {observed}"]
    if may_disclose and verdict is not Verdict.PASS:
        parts.append(_largest(column, now.counts))
    if may_disclose:
        parts += _changes(column, now)
    return Finding(
        name=name, column=column.name, verdict=verdict, severity=limits.severity,
        expected=limits.expected, observed=observed, reason="; ".join(parts),
        beside=", ".join(
            _other_measures(measured, limits.measure, column, may_disclose=may_disclose)
        ),
        spread=_spread(column, now.counts) if may_disclose else None,
    )  # fmt: skip


def _spread(column: ColumnProfile, now: Sequence[int]) -> ValueHistogram:
    """Shares of the rows, to four digits."""
    before, after = column.rows or 1, sum(now) or 1
    return ValueHistogram(
        bins=labels(column.type, column.bins),
        reference=tuple(round(count / before, 4) for count in column.counts),
        now=tuple(round(count / after, 4) for count in now),
    )


def judge_slices(
    column: ColumnProfile,
    parts: Mapping[str, tuple[ColumnProfile, Sequence[int]]],
    limits: DriftLimits,
) -> Finding:
    """A column's drift within each slice: one finding, which names the slices that moved.

    `parts` has, by the slice's name, the column with the reference's counts, and the counts now.
    """
    values: dict[str, float] = {}
    few = 0
    for called, (before, now) in parts.items():
        measured = distances(before, now)
        if measured is None or _unable(measured, min(before.rows, sum(now)), limits):
            few += 1
        else:
            values[called] = measured.values[limits.measure]
    verdict = worst(map(limits.verdict, values.values())) if values else limits.unjudged
    ordered = sorted(values, key=lambda called: -values[called])
    moved = [one for one in ordered if limits.verdict(values[one]) is not Verdict.PASS]
    listing = ", ".join(
        f"{one} ({figure(values[one], limits.thresholds)})" for one in (moved or ordered)[:_NAMED]
    )
    words = _WORDS[limits.measure]
    if not values:
        reason = "not judged: every slice has too few rows"
    elif moved:
        reason = f"moved in {len(moved)} of {len(values)} slices; {words}: {listing}{_more(moved)}"
    else:
        reason = f"in {len(values)} slices, largest {words}: {listing}"
    if few and values:
        reason += f"; not judged: {few} with too few rows"
    return Finding(
        name="slice_drift", column=column.name, verdict=verdict, severity=limits.severity,
        expected=limits.expected, reason=reason,
        observed=figure(max(values.values()), limits.thresholds) if values else "not judged",
    )  # fmt: skip


def _unable(measured: Distances | None, rows: int, limits: DriftLimits) -> str:
    """Why a column is not judged."""
    if measured is None:
        return "there are no rows"
    if limits.lowest is None:
        return ""
    noise = measured.noise[limits.measure]
    if not noise < limits.lowest / 2:
        return f"with so few rows chance alone gives a {_WORDS[limits.measure]} of {noise:.2g}"
    if rows < limits.min_rows:
        return f"a side has {rows:,} rows, and {limits.min_rows:,} are asked for"
    return ""


def _other_measures(
    measured: Distances, measure: DistanceName, column: ColumnProfile, *, may_disclose: bool
) -> list[str]:
    """The measures that do not decide."""
    other_texts = [
        f"{_WORDS[other]} {measured.values[other]:.3g}"
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
    """The bin whose share moved most."""
    n, m = column.rows, sum(now)
    names = labels(column.type, column.bins)
    shares = [(b / n, a / m) for b, a in zip(column.counts, now, strict=True)]
    name, (before, after) = max(
        zip(names, shares, strict=True), key=lambda one: abs(one[1][1] - one[1][0])
    )
    return f"most moved: {name}, {before:.1%} of the reference and {after:.1%} now"


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
