"""Where it is recorded what requests became of: the sources there are, in one table."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from cdml.config.base import AddressText, SettingsModel
from cdml.config.kinds import Kind, Kinds

Filled = Annotated[str, Field(min_length=1)]


class RecordSettings(SettingsModel):
    """Records of requests that reach this machine."""

    path: Filled
    """Path of the socket or the file."""


class PrometheusSettings(SettingsModel):
    """Counters of a Prometheus server, each as a selector of PromQL without a function."""

    url: Annotated[AddressText, Field(min_length=1)]
    """Address of the Prometheus server."""
    requests: Filled
    """Selector of the counter of all requests."""
    errors: Filled
    """Selector of the counter of failed requests."""
    latency: str | None = None
    """Selector of the histogram of latencies."""
    latency_unit: Literal["s", "ms"] = "s"
    """Unit of the histogram's buckets; Envoy and Istio count milliseconds."""
    label: str = "slot"
    """The label that names the server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficType(Kind):
    """A source of traffic. Wiring, checks and the JSON Schema read all of it here.

    `adapter` makes a `Traffic` (`delivery/traffic.py`) of its settings (a model of `settings`, or a
    mapping where there is none), `locate` (a path of cdml.yaml as the process opens it) and
    `variables` (the process's). Without the setting `latency` it measures no latencies; None: it
    always does.
    """

    latency: str | None = None


TRAFFIC: Mapping[str, TrafficType] = {
    "haproxy": TrafficType(
        adapter="cdml.adapters.traffic.haproxy_log:HAProxyTraffic",
        summary="HAProxy's log, sent to a Unix datagram socket",
        settings=RecordSettings,
    ),
    "file": TrafficType(
        adapter="cdml.adapters.traffic.jsonl:JsonlTraffic",
        summary="a file of JSON lines",
        settings=RecordSettings,
    ),
    "prometheus": TrafficType(
        adapter="cdml.adapters.traffic.prometheus:PrometheusTraffic",
        summary="counters of a Prometheus server",
        settings=PrometheusSettings,
        latency="latency",
    ),
}
"""Our own sources of traffic."""


def traffic_types() -> Kinds[TrafficType]:
    """All sources of traffic by name."""
    return Kinds("source of traffic", "cdml.traffic", TRAFFIC, TrafficType)
