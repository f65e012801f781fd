"""The curves of both models as charts."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from cdml.evidence.charts import Curve
from cdml.report import figures
from cdml.report.charts.charts import Chart, Lines, Series, Table, Who
from cdml.report.evidence_set import Gathered

Models = Mapping[Who, Mapping[str, Curve]]
_RATES = (0.01, 0.05, 0.1, 0.2, 0.5)
_RECALLS = (0.1, 0.25, 0.5, 0.75, 0.9)
_QUANTILES = ("p05", "p25", "p50", "p75", "p95")
_TOLD = 10
"""Bins of residuals that the table tells."""


def curve_charts(gathered: Gathered) -> tuple[Chart, ...]:
    """ROC, precision-recall and calibration, or residuals; of the models that have them."""
    models: dict[Who, Mapping[str, Curve]] = {}
    if gathered.evaluation:
        models["challenger"] = gathered.evaluation.curves
    if gathered.comparison and gathered.comparison.champion_picture:
        models["champion"] = gathered.comparison.champion_picture.curves
    return tuple(_charts(models))


def _charts(models: Models) -> Iterator[Chart]:
    if roc := _having("roc", models):
        yield _roc(roc)
    if found := _having("precision_recall", models):
        yield _precision_recall(found)
    if found := _having("calibration", models):
        yield _calibration(found)
    for who, curves in models.items():
        if all(f"residuals_{name}" in curves for name in _QUANTILES):
            yield _residuals(who, {name: curves[f"residuals_{name}"] for name in _QUANTILES})


def _having(name: str, models: Models) -> dict[Who, Curve]:
    return {
        who: curves[name] for who, curves in models.items() if name in curves and curves[name].x
    }


def _roc(found: Mapping[Who, Curve]) -> Chart:
    areas = {
        who: sum(
            (b - a) * (c + d) / 2 for (a, c), (b, d) in pairwise(zip(one.x, one.y, strict=True))
        )
        for who, one in found.items()
    }
    rows = [
        (
            f"at a false positive rate of {rate:g}",
            *(_rate(_at(one, rate)) for one in found.values()),
        )
        for rate in _RATES
    ]
    rows.append(("area under the curve", *map(_rate, areas.values())))
    return Chart(
        key="roc",
        title="ROC curve",
        said=f"True positive rate over false positive rate. Area: {_each(areas)}.",
        drawn=Lines(
            across="False positive rate",
            up="True positive rate",
            diagonal=True,
            series=_series(found),
        ),
        table=_table("True positive rate", found, rows),
    )


def _precision_recall(found: Mapping[Who, Curve]) -> Chart:
    areas = {
        who: sum((b - a) * y for a, b, y in zip((0.0, *one.x), one.x, one.y, strict=False))
        for who, one in found.items()
    }
    rows = [
        (f"at a recall of {recall:g}", *(_rate(_step(one, recall)) for one in found.values()))
        for recall in _RECALLS
    ]
    rows.append(("average precision", *map(_rate, areas.values())))
    return Chart(
        key="precision-recall",
        title="Precision and recall",
        said=f"Precision over recall. Average precision: {_each(areas)}.",
        drawn=Lines(across="Recall", up="Precision", series=_series(found, step=True)),
        table=_table("Precision", found, rows),
    )


def _calibration(found: Mapping[Who, Curve]) -> Chart:
    furthest = {
        who: max(abs(x - y) for x, y in zip(one.x, one.y, strict=True))
        for who, one in found.items()
    }
    many = max(len(one.x) for one in found.values())
    rows = [
        (
            str(at + 1),
            *(
                f"{_rate(one.x[at])} / {_rate(one.y[at])}" if at < len(one.x) else figures.NONE
                for one in found.values()
            ),
        )
        for at in range(many)
    ]
    return Chart(
        key="calibration",
        title="Calibration",
        said="Share of positives over the mean score, in bins of equally many rows. Furthest from"
        f" the diagonal: {_each(furthest)}.",
        drawn=Lines(
            across="Mean score",
            up="Share of positives",
            diagonal=True,
            series=_series(found, marked=True),
        ),
        table=_table("Mean score / share of positives", found, rows, first="Bin"),
    )


def _residuals(who: Who, found: Mapping[str, Curve]) -> Chart:
    x, median = found["p50"].x, found["p50"].y
    shown = sorted({round(at * (len(x) - 1) / (_TOLD - 1)) for at in range(_TOLD)}) if x else []
    table = Table(
        caption=f"Residuals of the {who}: quantiles by prediction",
        columns=("Mean prediction", "5 %", "25 %", "Median", "75 %", "95 %"),
        rows=tuple(
            (
                figures.value(x[at], like=x),
                *(figures.value(found[name].y[at], like=median) for name in _QUANTILES),
            )
            for at in shown
        ),
    )
    bands = (("p05", "p95"), ("p25", "p75"))
    furthest = max(map(abs, median), default=0.0)
    return Chart(
        key=f"residuals-{who}",
        title=f"Residuals of the {who}",
        said="Prediction - label over the prediction: median, and the middle 50 % and 90 % of the"
        f" rows. The median is at most {figures.value(furthest)} from zero.",
        drawn=Lines(
            across="Prediction",
            up="Prediction - label",
            square=False,
            level=0.0,
            series=(
                *(
                    Series(who="band", x=x, y=found[low].y, upper=found[high].y)
                    for low, high in bands
                ),
                Series(who=who, x=x, y=median),
            ),
        ),
        table=table,
    )


def _series(
    found: Mapping[Who, Curve], *, step: bool = False, marked: bool = False
) -> tuple[Series, ...]:
    """The champion's below the challenger's."""
    return tuple(
        Series(
            who=who,
            x=(0.0, *one.x) if step else one.x,
            y=(one.y[0], *one.y) if step else one.y,
            step=step,
            marked=(True,) * len(one.x) if marked else (),
        )
        for who, one in sorted(found.items(), reverse=True)
    )


def _table(
    caption: str, found: Mapping[Who, Curve], rows: Sequence[tuple[str, ...]], first: str = "Where"
) -> Table:
    names = (who.capitalize() for who in found)
    return Table(caption=caption, columns=(first, *names), rows=tuple(rows))


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


def _each(found: Mapping[Who, float]) -> str:
    return ", ".join(f"{who} {number:.3f}" for who, number in found.items())
