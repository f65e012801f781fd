"""What the page shows in addition to every report: pictures, and tables to look at."""

from dataclasses import dataclass

from cdml.report.charts.charts import Chart, curve_charts, drift_charts, history_charts
from cdml.report.charts.matrix import Matrix, confusions, heat_map
from cdml.report.charts.plots import draw_charts
from cdml.report.evidence_set import EvidenceSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """The pictures of a page."""

    curves: tuple[Chart, ...] = ()
    confusions: tuple[Matrix, ...] = ()
    heat: Matrix | None = None
    drift: tuple[Chart, ...] = ()
    history: tuple[Chart, ...] = ()


NO_PICTURES = Pictures()


def draw_pictures(gathered: EvidenceSet) -> Pictures:
    """All that the evidence allows, drawn where matplotlib is installed."""
    return Pictures(
        curves=draw_charts(curve_charts(gathered)),
        confusions=confusions(gathered),
        heat=heat_map(gathered),
        drift=draw_charts(drift_charts(gathered)),
        history=draw_charts(history_charts(gathered)),
    )
