"""The charts of the page as data: figures, labels, and a table with the same content.

Curves of both models, drift of the data, and the model's history.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from cdml.common.markdown import SHORT, clean
from cdml.evidence.charts import Curve, Histogram, PastVersion
from cdml.evidence.schema import Check
from cdml.report import figures
from cdml.report.evidence_set import EvidenceSet
from cdml.statistics import metrics

Role = Literal["challenger", "champion", "reference", "now", "band"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartTable:
    """The figures of a chart as a table; the first cell of each row is its header."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A line, or with `upper` the band between two.

    Points that are `marked` get a mark, hollow where False.
    """

    role: Role
    x: tuple[float, ...]
    y: tuple[float, ...]
    upper: tuple[float, ...] = ()
    step: bool = False
    marked: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Lines over a common axis.

    `square` axes go from 0 to 1; `diagonal` and `level` draw a reference; `ticks` name x = 0, 1, ….
    """

    across: str
    up: str
    series: tuple[Series, ...]
    square: bool = True
    diagonal: bool = False
    level: float | None = None
    ticks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Two shares for each bin."""

    bins: tuple[str, ...]
    reference: tuple[float, ...]
    now: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One picture.

    `description` is for whoever cannot see it; `table` has the same figures.
    """

    key: str
    title: str
    description: str
    drawn: Lines | Bars
    table: ChartTable
    svg: str = field(default="", repr=False)


Models = Mapping[Role, Mapping[str, Curve]]
_RATES = (0.01, 0.05, 0.1, 0.2, 0.5)
_RECALLS = (0.1, 0.25, 0.5, 0.75, 0.9)
_QUANTILES = ("p05", "p25", "p50", "p75", "p95")
_MOST_POINTS = 10
"""Bins of residuals in the table."""


def curve_charts(gathered: EvidenceSet) -> tuple[Chart, ...]:
    """ROC, precision-recall and calibration, or residuals; of the models that have them."""
    models: dict[Role, Mapping[str, Curve]] = {}
    if gathered.evaluation:
        models["challenger"] = gathered.evaluation.curves
    if gathered.comparison and gathered.comparison.champion_picture:
        models["champion"] = gathered.comparison.champion_picture.curves
    return tuple(_charts(models))


def _charts(models: Models) -> Iterator[Chart]:
    if roc := _having("roc", models):
        yield _roc(roc)
    if present := _having("precision_recall", models):
        yield _precision_recall(present)
    if present := _having("calibration", models):
        yield _calibration(present)
    for role, curves in models.items():
        if all(f"residuals_{name}" in curves for name in _QUANTILES):
            yield _residuals(role, {name: curves[f"residuals_{name}"] for name in _QUANTILES})


def _having(name: str, models: Models) -> dict[Role, Curve]:
    return {
        role: curves[name] for role, curves in models.items() if name in curves and curves[name].x
    }


def _roc(curves: Mapping[Role, Curve]) -> Chart:
    areas = {
        role: sum(
            (b - a) * (c + d) / 2 for (a, c), (b, d) in pairwise(zip(one.x, one.y, strict=True))
        )
        for role, one in curves.items()
    }
    rows = [
        (
            f"at a false positive rate of {rate:g}",
            *(_rate(_at(one, rate)) for one in curves.values()),
        )
        for rate in _RATES
    ]
    rows.append(("area under the curve", *map(_rate, areas.values())))
    return Chart(
        key="roc",
        title="ROC curve",
        description=f"True positive rate over false positive rate. Area: {_each(areas)}.",
        drawn=Lines(
            across="False positive rate",
            up="True positive rate",
            diagonal=True,
            series=_series(curves),
        ),
        table=_table("True positive rate", curves, rows),
    )


def _precision_recall(curves: Mapping[Role, Curve]) -> Chart:
    areas = {
        role: sum((b - a) * y for a, b, y in zip((0.0, *one.x), one.x, one.y, strict=False))
        for role, one in curves.items()
    }
    rows = [
        (f"at a recall of {recall:g}", *(_rate(_step(one, recall)) for one in curves.values()))
        for recall in _RECALLS
    ]
    rows.append(("average precision", *map(_rate, areas.values())))
    return Chart(
        key="precision-recall",
        title="Precision and recall",
        description=f"Precision over recall. Average precision: {_each(areas)}.",
        drawn=Lines(across="Recall", up="Precision", series=_series(curves, step=True)),
        table=_table("Precision", curves, rows),
    )


def _calibration(curves: Mapping[Role, Curve]) -> Chart:
    furthest = {
        role: max(abs(x - y) for x, y in zip(one.x, one.y, strict=True))
        for role, one in curves.items()
    }
    many = max(len(one.x) for one in curves.values())
    rows = [
        (
            str(at + 1),
            *(
                f"{_rate(one.x[at])} / {_rate(one.y[at])}" if at < len(one.x) else figures.NONE
                for one in curves.values()
            ),
        )
        for at in range(many)
    ]
    return Chart(
        key="calibration",
        title="Calibration",
        description="Share of positives over the mean score, in bins of equally many rows."
        f" Furthest from the diagonal: {_each(furthest)}.",
        drawn=Lines(
            across="Mean score",
            up="Share of positives",
            diagonal=True,
            series=_series(curves, marked=True),
        ),
        table=_table("Mean score / share of positives", curves, rows, first="Bin"),
    )


def _residuals(role: Role, curves: Mapping[str, Curve]) -> Chart:
    x, median = curves["p50"].x, curves["p50"].y
    indices = (
        sorted({round(at * (len(x) - 1) / (_MOST_POINTS - 1)) for at in range(_MOST_POINTS)})
        if x
        else []
    )
    table = ChartTable(
        caption=f"Residuals of the {role}: quantiles by prediction",
        columns=("Mean prediction", "5 %", "25 %", "Median", "75 %", "95 %"),
        rows=tuple(
            (
                figures.value(x[at], like=x),
                *(figures.value(curves[name].y[at], like=median) for name in _QUANTILES),
            )
            for at in indices
        ),
    )
    bands = (("p05", "p95"), ("p25", "p75"))
    furthest = max(map(abs, median), default=0.0)
    return Chart(
        key=f"residuals-{role}",
        title=f"Residuals of the {role}",
        description="Prediction - label over the prediction: median, and the middle 50 % and 90 %"
        f" of the rows. The median is at most {figures.value(furthest)} from zero.",
        drawn=Lines(
            across="Prediction",
            up="Prediction - label",
            square=False,
            level=0.0,
            series=(
                *(
                    Series(role="band", x=x, y=curves[low].y, upper=curves[high].y)
                    for low, high in bands
                ),
                Series(role=role, x=x, y=median),
            ),
        ),
        table=table,
    )


def _series(
    curves: Mapping[Role, Curve], *, step: bool = False, marked: bool = False
) -> tuple[Series, ...]:
    """The champion's below the challenger's."""
    return tuple(
        Series(
            role=role,
            x=(0.0, *one.x) if step else one.x,
            y=(one.y[0], *one.y) if step else one.y,
            step=step,
            marked=(True,) * len(one.x) if marked else (),
        )
        for role, one in sorted(curves.items(), reverse=True)
    )


def _table(
    caption: str,
    curves: Mapping[Role, Curve],
    rows: Sequence[tuple[str, ...]],
    first: str = "Where",
) -> ChartTable:
    names = (role.capitalize() for role in curves)
    return ChartTable(caption=caption, columns=(first, *names), rows=tuple(rows))


def _at(curve: Curve, x: float) -> float:
    """A curve that rises, straight between its points."""
    for (a, c), (b, d) in pairwise(zip(curve.x, curve.y, strict=True)):
        if a <= x < b:
            return c + (d - c) * (x - a) / (b - a)
    return curve.y[-1]


def _step(curve: Curve, x: float) -> float | None:
    return next((y for end, y in zip(curve.x, curve.y, strict=True) if end >= x), None)


def _rate(number: float | None) -> str:
    return figures.NONE if number is None else f"{number:.3f}"


def _each(numbers: Mapping[Role, float]) -> str:
    return ", ".join(f"{role} {number:.3f}" for role, number in numbers.items())


MOST_COLUMNS = 9
"""Columns whose drift is drawn, the most moved first."""
MOST_BINS = 12
MOST_METRICS = 4
_NOW = "now"


def drift_charts(gathered: EvidenceSet) -> tuple[Chart, ...]:
    """The columns that are not as they were first, then those that moved most."""
    histograms = [
        (check, check.histogram) for check in gathered.checks if check.histogram is not None
    ]
    histograms.sort(key=lambda one: (-one[0].verdict.severity, -_moved(one[1])))
    return tuple(
        _drift(number, check, histogram)
        for number, (check, histogram) in enumerate(histograms[:MOST_COLUMNS], start=1)
    )


def _moved(histogram: Histogram) -> float:
    """Share of the rows that lie in another bin: the total variation distance."""
    return sum(abs(a - b) for a, b in zip(histogram.reference, histogram.now, strict=True)) / 2


def _drift(number: int, check: Check, histogram: Histogram) -> Chart:
    column = clean(check.column or "", SHORT)
    rows = _largest(histogram)
    return Chart(
        key=f"drift-{number}",
        title=column,
        description=f"Shares of the rows of {column} by bin, in the reference and now."
        f" {_moved(histogram) * 100:.1f} % of the rows lie in another bin.",
        drawn=Bars(
            bins=tuple(name for name, _, _ in rows),
            reference=tuple(before for _, before, _ in rows),
            now=tuple(after for _, _, after in rows),
        ),
        table=ChartTable(
            caption=f"Shares of the rows of {column}",
            columns=("Bin", "Reference", "Now"),
            rows=tuple(
                (name, f"{100 * before:.2f} %", f"{100 * after:.2f} %")
                for name, before, after in rows
            ),
        ),
    )


def _largest(histogram: Histogram) -> list[tuple[str, float, float]]:
    """The bins that hold rows, in their order; beyond the largest they are shown together."""
    every = list(zip(histogram.bins, histogram.reference, histogram.now, strict=True))
    held = [row for row in every if row[1] or row[2]]
    if len(held) <= MOST_BINS:
        return held
    largest = sorted(held, key=lambda row: -max(row[1:]))[: MOST_BINS - 1]
    rest = [row for row in held if row not in largest]
    remainder = f"{len(rest)} more bins", sum(row[1] for row in rest), sum(row[2] for row in rest)
    return [*(row for row in held if row in largest), remainder]


def history_charts(gathered: EvidenceSet) -> tuple[Chart, ...]:
    """The gates' metrics over the versions that the registry keeps evidence of, and now."""
    evaluation, comparison = gathered.evaluation, gathered.comparison
    if evaluation is None or comparison is None or not comparison.history:
        return ()
    now = evaluation.overall
    metrics_judged = [gate.metric for gate in evaluation.gates if gate.metric in now]
    metrics_judged += [
        gate.metric for gate in comparison.gates if gate.slice is None and gate.metric in now
    ]
    names = tuple(dict.fromkeys((*metrics_judged, *now)))
    charts = (
        _history(number, name, comparison.history, now[name])
        for number, name in enumerate(names, start=1)
        if any(name in version.metrics for version in comparison.history)
    )
    return tuple(charts)[:MOST_METRICS]


def _history(number: int, name: str, past: Sequence[PastVersion], now: float) -> Chart:
    versions = [version for version in past if name in version.metrics]
    values = (*(version.metrics[name] for version in versions), now)
    names = (*(version.version for version in versions), _NOW)
    same = (*(version.same_rows for version in versions), True)
    metric = metrics.find_metric(name)
    way = ""
    if metric is not None:
        way = ", more is better" if metric.greater_is_better else ", less is better"
    texts = [figures.value(one, like=values) for one in values]
    label = clean(name, SHORT)
    return Chart(
        key=f"history-{number}",
        title=f"{label}{way}",
        description=f"{label} of {len(versions)} earlier versions and now:"
        f" from {texts[0]} to {texts[-1]}. Hollow marks: measured on other rows.",
        drawn=Lines(
            across="Version",
            up=label[:30],
            square=False,
            ticks=names,
            series=(
                Series(
                    role="challenger",
                    x=tuple(map(float, range(len(values)))),
                    y=values,
                    marked=same,
                ),
            ),
        ),
        table=ChartTable(
            caption=f"{label} by version",
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
                    for version, text in zip(versions, texts, strict=False)
                ),
                (_NOW, texts[-1], "the same", "", ""),
            ),
        ),
    )
