"""Sources of traffic with the settings that cdml.yaml would give them."""

from cdml.adapters.traffic.prometheus import PrometheusTraffic
from cdml.config.traffic import PrometheusSettings, RecordSettings

COUNTERS = {"requests": "requests_total", "errors": "errors_total", "latency": "seconds_bucket"}


def records(source, path):
    """A source that reads records at a path."""
    return source(RecordSettings(path=str(path)), locate=str, variables={})


def counters(url, token="", **more):
    """Those of a Prometheus server."""
    settings = PrometheusSettings(url=url, **COUNTERS, **more)
    return PrometheusTraffic(settings, locate=str, variables={"PROMETHEUS_TOKEN": token})
