"""The page about what serves: one HTML file without script or network."""

from cdml.common import markdown
from cdml.evidence.monitor import Monitoring
from cdml.report.charts.monitoring import drift_charts, monitoring_charts
from cdml.report.charts.plots import draw_charts
from cdml.report.formats.comment import template_environment

MONITORING_PAGE = "monitor.html"


def render_monitoring_page(evidence: Monitoring) -> bytes:
    """The verdict, every promise with its sequence of windows, alarms and earlier versions."""
    environment = template_environment(markdown.html)
    parts = vars(environment.get_template("page_parts.html.j2").module)
    rules = evidence.versions[0].rules if evidence.versions else ()
    charts = draw_charts(monitoring_charts(rules))
    drift = draw_charts(drift_charts(evidence.drift))
    text = environment.get_template("monitoring.html.j2").render(
        evidence=evidence,
        charts=parts["charts"](charts) if charts else "",
        drift_charts=parts["charts"](drift) if drift else "",
        written=f"{evidence.produced.time:%Y-%m-%d %H:%M} UTC",
    )
    return text.encode()
