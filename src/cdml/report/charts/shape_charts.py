"""Charts of the data's drift and of the model's past."""

from collections.abc import Sequence

from cdml.common.markdown import SHORT, clean
from cdml.evidence.charts import Histogram, PastVersion
from cdml.evidence.schema import Check
from cdml.report import figures
from cdml.report.charts.charts import Bars, Chart, Lines, Series, Table
from cdml.report.evidence_set import Gathered
from cdml.statistics import metrics

MOST_COLUMNS = 9
"""Columns whose drift is drawn, the most moved first."""
MOST_BINS = 12
MOST_METRICS = 4
_NOW = "now"


def drift_charts(gathered: Gathered) -> tuple[Chart, ...]:
    """The columns that are not as they were first, then those that moved most."""
    checks = gathered.data.checks if gathered.data else ()
    found = [(check, check.histogram) for check in checks if check.histogram is not None]
    found.sort(key=lambda one: (-one[0].verdict.severity, -_moved(one[1])))
    return tuple(
        _drift(number, check, histogram)
        for number, (check, histogram) in enumerate(found[:MOST_COLUMNS], start=1)
    )


def _moved(found: Histogram) -> float:
    """Share of the rows that lie in another bin: the total variation distance."""
    return sum(abs(a - b) for a, b in zip(found.reference, found.now, strict=True)) / 2


def _drift(number: int, check: Check, found: Histogram) -> Chart:
    column = clean(check.column or "", SHORT)
    rows = _largest(found)
    return Chart(
        key=f"drift-{number}",
        title=column,
        said=f"Shares of the rows of {column} by bin, in the reference and now."
        f" {_moved(found) * 100:.1f} % of the rows lie in another bin.",
        drawn=Bars(
            bins=tuple(name for name, _, _ in rows),
            reference=tuple(before for _, before, _ in rows),
            now=tuple(after for _, _, after in rows),
        ),
        table=Table(
            caption=f"Shares of the rows of {column}",
            columns=("Bin", "Reference", "Now"),
            rows=tuple(
                (name, f"{100 * before:.2f} %", f"{100 * after:.2f} %")
                for name, before, after in rows
            ),
        ),
    )


def _largest(found: Histogram) -> list[tuple[str, float, float]]:
    """The bins that hold rows, in their order; beyond the largest they are told together."""
    every = list(zip(found.bins, found.reference, found.now, strict=True))
    held = [row for row in every if row[1] or row[2]]
    if len(held) <= MOST_BINS:
        return held
    kept = sorted(held, key=lambda row: -max(row[1:]))[: MOST_BINS - 1]
    rest = [row for row in held if row not in kept]
    told = f"{len(rest)} more bins", sum(row[1] for row in rest), sum(row[2] for row in rest)
    return [*(row for row in held if row in kept), told]


def history_charts(gathered: Gathered) -> tuple[Chart, ...]:
    """The gates' metrics over the versions that the registry keeps evidence of, and now."""
    evaluation, comparison = gathered.evaluation, gathered.comparison
    if evaluation is None or comparison is None or not comparison.history:
        return ()
    now = {
        one.metric: one.value
        for one in evaluation.metrics
        if one.slice is None and one.value is not None
    }
    asked = [gate.metric for gate in evaluation.gates if gate.metric in now]
    asked += [gate.metric for gate in comparison.gates if gate.slice is None and gate.metric in now]
    names = tuple(dict.fromkeys((*asked, *now)))
    charts = (
        _history(number, name, comparison.history, now[name])
        for number, name in enumerate(names, start=1)
        if any(name in version.metrics for version in comparison.history)
    )
    return tuple(charts)[:MOST_METRICS]


def _history(number: int, name: str, past: Sequence[PastVersion], now: float) -> Chart:
    known = [version for version in past if name in version.metrics]
    values = (*(version.metrics[name] for version in known), now)
    names = (*(version.version for version in known), _NOW)
    same = (*(version.same_rows for version in known), True)
    metric = metrics.find(name)
    way = ""
    if metric is not None:
        way = ", more is better" if metric.greater_is_better else ", less is better"
    texts = [figures.value(one, like=values) for one in values]
    shown = clean(name, SHORT)
    return Chart(
        key=f"history-{number}",
        title=f"{shown}{way}",
        said=f"{shown} of {len(known)} earlier versions and now:"
        f" from {texts[0]} to {texts[-1]}. Hollow marks: measured on other rows.",
        drawn=Lines(
            across="Version",
            up=shown[:30],
            square=False,
            ticks=names,
            series=(
                Series(
                    who="challenger",
                    x=tuple(map(float, range(len(values)))),
                    y=values,
                    marked=same,
                ),
            ),
        ),
        table=Table(
            caption=f"{shown} by version",
            columns=("Version", "Value", "Rows", "Judged", "Verdict"),
            rows=(
                *(
                    (
                        version.version,
                        text,
                        "the same" if version.same_rows else "others",
                        f"{version.time:%Y-%m-%d}",
                        version.verdict.value,
                    )
                    for version, text in zip(known, texts, strict=False)
                ),
                (_NOW, texts[-1], "the same", "", ""),
            ),
        ),
    )
