"""How what serves has done since its deploy, window by window, as charts."""

import math
from collections.abc import Iterator, Sequence

from cdml.common.markdown import SHORT, clean
from cdml.common.verdict import Verdict
from cdml.evidence.monitor import MonitoredDrift, MonitoredRule
from cdml.gates.reasons import figure, subject
from cdml.report import figures
from cdml.report.charts.charts import Chart, ChartTable, Lines, Series
from cdml.statistics.metrics import find_metric

_DRIFTING = 6


def monitoring_charts(rules: Sequence[MonitoredRule]) -> tuple[Chart, ...]:
    """Two charts of each rule: its metric, and the evidence; of slices only if they degraded."""
    return tuple(
        chart
        for number, rule in enumerate(rules, start=1)
        if rule.points and (rule.slice is None or rule.verdict is not Verdict.PASS)
        for chart in _charts(number, rule)
    )


def drift_charts(drift: Sequence[MonitoredDrift]) -> tuple[Chart, ...]:
    """Charts of predictions, of the label and of the inputs that have drifted; six at most."""
    drawn = [one for one in drift if one.role != "input" or one.verdict is not Verdict.PASS]
    drawn.sort(key=lambda one: one.role == "input")
    return tuple(_drift_chart(number, one) for number, one in enumerate(drawn[:_DRIFTING], 1))


def _drift_chart(number: int, drift: MonitoredDrift) -> Chart:
    name, distance = clean(drift.column, SHORT), f"Distance ({drift.measure})"
    values = tuple(point.value for point in drift.points)
    days = tuple(f"{point.start:%Y-%m-%d}" for point in drift.points)
    dashed = ""
    if drift.threshold is not None:
        dashed = f" Dashed: {drift.threshold:.4g}, where a window has drifted."
    return Chart(
        key=f"drift-{number}",
        title=f"Drift of {name}",
        description=f"Distance ({drift.measure}) of {name} from its profile in {len(values)}"
        f" windows, now {figure(values[-1])}.{dashed}",
        drawn=_lines(days, distance, values, drift.threshold),
        table=ChartTable(
            caption=f"Drift of {name} by window",
            columns=("Window", distance),
            rows=tuple((day, figure(one)) for day, one in zip(days, values, strict=True)),
        ),
    )


def _charts(number: int, rule: MonitoredRule) -> Iterator[Chart]:
    name = clean(subject(rule.metric, rule.slice), SHORT)
    metric = find_metric(rule.metric)
    better = "more" if metric is None or metric.greater_is_better else "less"
    values = tuple(point.value for point in rule.points)
    days = tuple(f"{point.start:%Y-%m-%d}" for point in rule.points)
    texts = [figures.value(one, like=values) for one in values]
    yield Chart(
        key=f"value-{number}",
        title=f"{name}, {better} is better",
        description=f"{name} in {len(values)} windows, from {texts[0]} to {texts[-1]}. Dashed: the"
        f" promise, {rule.bound:.4g}.",
        drawn=_lines(days, name[:30], values, rule.bound),
        table=ChartTable(
            caption=f"{name} by window",
            columns=("Window", "Rows", "Value"),
            rows=tuple(
                (day, f"{point.rows:,}", text)
                for day, point, text in zip(days, rule.points, texts, strict=True)
            ),
        ),
    )
    evidence = tuple(point.log_e_value / math.log(10) for point in rule.points)
    threshold = -math.log10(rule.alpha)
    yield Chart(
        key=f"evidence-{number}",
        title=f"Evidence of a degradation of {name}",
        description=f"Logarithm (base 10) of the e-value after each window, now {evidence[-1]:.2f}."
        f" Dashed: {threshold:.2f}, where a degradation is proven.",
        drawn=_lines(days, "log10 of the e-value", evidence, threshold),
        table=ChartTable(
            caption=f"Evidence of a degradation of {name} by window",
            columns=("Window", "log10 of the e-value"),
            rows=tuple((day, f"{one:.2f}") for day, one in zip(days, evidence, strict=True)),
        ),
    )


def _lines(days: Sequence[str], up: str, values: tuple[float, ...], level: float | None) -> Lines:
    series = Series(role="challenger", x=tuple(map(float, range(len(values)))), y=values)
    # Two dates next to each other have no room on a phone: every other one is named.
    step = 1 + len(days) // 7
    ticks = tuple(
        day.partition("-")[2] if at // step % 2 == 0 else "" for at, day in enumerate(days)
    )
    return Lines(across="Window", up=up, square=False, level=level, ticks=ticks, series=(series,))
