"""How far a column has moved from the reference, from counts alone.

The population stability index of shares p (reference) and q (now) over the same bins is
Σ (q - p)·ln(q / p); half a row is added to every bin, so that an empty one stays finite.
The Jensen-Shannon distance is the square root of the divergence in bits, 0 to 1.
Gates act on the size of the effect, never on a p-value: with enough rows everything differs.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from cdml.core.checks import Finding
from cdml.core.contract import Severity
from cdml.core.expressions import (
    Compare,
    Condition,
    LogicalType,
    Missing,
    Scalar,
)
from cdml.core.verdict import Verdict

BINS = 10
CATEGORIES = 50
_UNJUDGED: Mapping[Severity, Verdict] = {
    "error": Verdict.INCONCLUSIVE,
    "warning": Verdict.WARN,
    "info": Verdict.PASS,
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """What a column's counts show.

    Attributes:
        psi: population stability index, 0 for equal shares.
        js: Jensen-Shannon distance, 0 to 1.
        noise: the index to expect of equal distributions with so few rows.
        largest: the bin whose share moved most, its share before and its share now.
    """

    psi: float
    js: float
    noise: float
    largest: tuple[str, float, float]


def measure(reference: Mapping[str, int], now: Mapping[str, int]) -> Drift | None:
    """Compare counts of the same bins; None where a side has no rows.

    Args:
        reference: rows per bin before, in the bins' order.
        now: rows per bin now; bins that only one side has are empty on the other.
    """
    bins = list(dict.fromkeys([*reference, *now]))
    n, m = sum(reference.values()), sum(now.values())
    if n == 0 or m == 0:
        return None
    half = 0.5 * len(bins)
    p = [(reference.get(name, 0) + 0.5) / (n + half) for name in bins]
    q = [(now.get(name, 0) + 0.5) / (m + half) for name in bins]
    psi = math.fsum((b - a) * math.log(b / a) for a, b in zip(p, q, strict=True))
    divergence = math.fsum(
        (a * math.log2(2 * a / (a + b)) + b * math.log2(2 * b / (a + b))) / 2
        for a, b in zip(p, q, strict=True)
    )
    shares = [(name, reference.get(name, 0) / n, now.get(name, 0) / m) for name in bins]
    return Drift(
        psi=psi,
        js=math.sqrt(max(divergence, 0.0)),
        noise=(len(bins) - 1) * (1 / n + 1 / m),
        largest=max(shares, key=lambda share: abs(share[2] - share[1])),
    )


def edges(values: Sequence[float | str | None], bins: int = BINS) -> tuple[float, ...]:
    """Where the bins of a column begin, found on the reference alone.

    Quantiles; a value that fills several of them gets a bin of its own, and a column of few
    values a bin for each.
    """
    found = sorted(v for v in values if isinstance(v, int | float) and math.isfinite(v))
    distinct = sorted(set(found))
    if len(distinct) <= 2 * bins:
        return tuple(distinct)
    at = [found[len(found) * i // bins] for i in range(1, bins)]
    after = {
        distinct[distinct.index(value) + 1]
        for value, following in pairwise(at)
        if value == following and value < distinct[-1]
    }
    return tuple(sorted({*at, *after}))


def cuts(column: str, kind: LogicalType, at: Sequence[float]) -> tuple[Condition, ...]:
    """What is counted of an ordered column: missing values, then values below each edge."""
    return Missing(column), *(Compare(column, "<", on_line(edge, kind)) for edge in at)


def bins(
    counts: Sequence[int], rows: int, kind: LogicalType, at: Sequence[float]
) -> dict[str, int]:
    """Rows per bin, from the counts of `cuts`."""
    missing, *below = counts
    found = {"missing": missing}
    if not at:
        return {**found, "present": rows - missing}
    told = [_told(on_line(edge, kind)) for edge in at]
    names = [f"below {told[0]}", *(f"{low} to {high}" for low, high in pairwise(told))]
    for name, fewer, more in zip(names, [0, *below], below, strict=False):
        found[name] = more - fewer
    found[f"{told[-1]} and above"] = rows - missing - below[-1]
    return found


def on_line(value: float, kind: LogicalType) -> Scalar:
    """A place on the number line as a value of the column's type; times are in seconds."""
    if kind is LogicalType.TIMESTAMP:
        return (_EPOCH + timedelta(seconds=value)).replace(tzinfo=None)
    if kind is LogicalType.DATE:
        return (_EPOCH + timedelta(seconds=value)).date()
    if kind is LogicalType.TIME:
        return (_EPOCH + timedelta(seconds=value)).time()
    return value


def _told(value: Scalar) -> str:
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)


def categories(
    counts: Sequence[tuple[Scalar, int]], missing: int, rows: int, keep: Sequence[str]
) -> dict[str, int]:
    """Rows per category; those that are not kept are one bin.

    Args:
        counts: the most frequent values.
        missing: rows without a value.
        rows: all rows.
        keep: the categories that have a bin, as `names` tells them.
    """
    told = {str(value): n for value, n in counts}
    found = {name: told.get(name, 0) for name in keep}
    found["(missing)"] = missing
    found["(other)"] = rows - missing - sum(found[name] for name in keep)
    return found


def names(counts: Sequence[tuple[Scalar, int]]) -> tuple[str, ...]:
    """The categories of the reference that get a bin."""
    return tuple(str(value) for value, _ in counts[:CATEGORIES])


def judge(
    column: str,
    drift: Drift | None,
    *,
    warn: float | None,
    fail: float | None,
    shown: bool,
    name: str = "drift",
) -> Finding:
    """A column's drift held against its thresholds.

    Args:
        column: its name.
        drift: what was measured; None where a side has no rows.
        warn, fail: indices from which the column warns and fails; None for never.
        shown: whether values of the column may be told.
        name: of the check.
    """
    thresholds = [limit for limit in (warn, fail) if limit is not None]
    expected = f"a PSI below {min(thresholds):g}" if thresholds else "told only"
    severity: Severity = "error" if fail is not None else "warning"
    if not thresholds:
        severity = "info"
    if drift is None or (thresholds and not drift.noise < min(thresholds) / 2):
        why = "there are no rows" if drift is None else (
            f"with so few rows chance alone gives a PSI of {drift.noise:.2g}"
        )  # fmt: skip
        return Finding(
            name=name, column=column, verdict=_UNJUDGED[severity], severity=severity,
            expected=expected, observed="not judged", reason=f"not judged: {why}",
        )  # fmt: skip
    verdict = Verdict.PASS
    if warn is not None and not drift.psi < warn:
        verdict = Verdict.WARN
    if fail is not None and not drift.psi < fail:
        verdict = Verdict.FAIL
    reason = f"PSI {drift.psi:.3g} (Jensen-Shannon distance {drift.js:.3g})"
    if verdict is not Verdict.PASS and shown:
        value, before, now = drift.largest
        reason += f"; most moved: {value}, {before:.1%} of the reference and {now:.1%} now"
    return Finding(
        name=name, column=column, verdict=verdict, severity=severity,
        expected=expected, observed=f"{drift.psi:.4g}", reason=reason,
    )  # fmt: skip
