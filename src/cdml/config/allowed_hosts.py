"""Where the credentials of a job may go: in CI only to hosts that its workflow names.

A pull request may edit the addresses of cdml.yaml, while the job's environment holds what opens
the registry, the data and the metrics. So an address that would carry a value of a variable, or
be sent credentials, has to lead to a host of the workflow's.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cdml.common.addresses import Address, mask, reveal
from cdml.common.yaml_lines import KeyPath
from cdml.config.gate_problems import Complaint, at
from cdml.config.registries import registry_types
from cdml.config.variables import PLACES, SECRET, fits, in_ci

ALLOWED = "CDML_ALLOW_HOSTS"
"""The variable by which the workflow lists hosts, separated by commas or spaces."""
REGISTRY_CREDENTIALS = (
    "MLFLOW_TRACKING_TOKEN",
    "MLFLOW_TRACKING_USERNAME",
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_AUTH",
    "MLFLOW_TRACKING_AWS_SIGV4",
    "MLFLOW_TRACKING_CLIENT_CERT_PATH",
    "DATABRICKS_TOKEN",
)
"""What MLflow's client sends to whatever registry it is pointed at."""
_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_AMBIGUOUS = re.compile(r"[\\\s\x00-\x20\x7f]|[^\x00-\x7f]")
"""Signs in an authority that one reader of addresses takes otherwise than another."""
_OWN_SPARK = "spark://local"
"""Spark in a process of this machine: it contacts no host."""
_STORES = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "wasb", "wasbs", "r2",
                     "oss", "bigquery"})  # fmt: skip
"""Schemes of services whose host the environment names: the address holds a bucket or a project."""
_WEB = frozenset({"http", "https"})
_ELSEWHERE = re.compile(
    r"(?i)[?&;][^=&;]*(host|addr|service|endpoint|proxy|server|url|account)[^=&;]*="
)
"""A parameter by which a driver takes another host than the one before the path."""


def host_complaints(
    document: Mapping[str, Any], variables: Mapping[str, str]
) -> Iterator[Complaint]:
    """Every address that would take something of the job's to a host nobody named."""
    if not in_ci(variables):
        return
    for place in _written(document):
        address = at(document, *place)
        if isinstance(address, str):
            carried = _carried(document, place, address, variables)
            if carried and (complaint := _refused(address, carried, variables)):
                yield place, complaint


def _written(document: Mapping[str, Any]) -> Iterator[KeyPath]:
    """The places of addresses; each key of a mapping of them."""
    for pattern in PLACES:
        if pattern == SECRET:
            continue
        if pattern[-1] != "*":
            yield pattern
        elif isinstance(inner := at(document, *pattern[:-1]), dict):
            yield from ((*pattern[:-1], key) for key in inner)
        elif isinstance(inner, list):
            yield from ((*pattern[:-1], number) for number in range(len(inner)))


def _carried(
    document: Mapping[str, Any], place: KeyPath, address: str, variables: Mapping[str, str]
) -> str:
    """What of the job's would go to an address; empty where nothing would."""
    scheme, split = _scheme(address), reveal(address).partition("://")[2]
    own = _is_local(place, scheme) or address.partition("#")[0] == _OWN_SPARK
    if own or (scheme not in _WEB and not split):
        return ""
    values = address.values if isinstance(address, Address) else {}
    if values:
        return " and ".join(values)
    if fits(place, ("registry", "uri")):
        present = [name for name in REGISTRY_CREDENTIALS if variables.get(name)]
        return " and ".join(present) or _netrc(variables)
    if place[-1] == "url":
        return "PROMETHEUS_TOKEN" if variables.get("PROMETHEUS_TOKEN") else _netrc(variables)
    if place[-1] == "webhook":
        return "what deploy.notify.secret signs" if at(document, *SECRET) else ""
    return _of_data(address, scheme)


def _is_local(place: KeyPath, scheme: str) -> bool:
    """Whether what has that scheme lies on this machine."""
    if scheme in ("", "file"):
        return True
    kind = registry_types().get(scheme) if fits(place, ("registry", "uri")) else None
    return kind is not None and kind.local


def _of_data(address: str, scheme: str) -> str:
    """What a driver of data finds by itself; an http(s) address is fetched without credentials."""
    sent = scheme not in _WEB and (scheme not in _STORES or _ELSEWHERE.search(reveal(address)))
    return "the credentials of the job" if sent else ""


def _netrc(variables: Mapping[str, str]) -> str:
    """A file of passwords by host, which clients read by themselves."""
    home = variables.get("HOME") or ""
    named = variables.get("NETRC")
    paths = [Path(named)] if named else [Path(home, name) for name in (".netrc", "_netrc") if home]
    return "what .netrc holds" if any(path.is_file() for path in paths) else ""


def _scheme(address: str) -> str:
    match = re.match(r"\s*([A-Za-z][A-Za-z0-9.-]*)(?:\+[\w.-]*)?:", reveal(address))
    return match[1].lower() if match else ""


def _refused(address: str, carried: str, variables: Mapping[str, str]) -> str | None:
    """Why an address gets none of it; None where the workflow names its host."""
    host, port = _host(reveal(address))
    leads_elsewhere = _scheme(address) not in _WEB and _ELSEWHERE.search(reveal(address))
    if host is None or leads_elsewhere:
        return f"would receive {carried}, but its host is ambiguous; write scheme://host/path"
    named = _named(address, variables)
    if (host, port) in named or (host, None) in named:
        return None
    masked = mask(host, address)
    return (
        f"would send {carried} to {masked}, a host that the workflow does not allow; to allow it,"
        f" add this line to the step's `with:` (or set {ALLOWED}): allow-hosts: {masked}"
    )


def _named(address: str, variables: Mapping[str, str]) -> set[tuple[str | None, int | None]]:
    """Hosts that the workflow names, each with its port; without one, any port is meant."""
    parts = re.split(r"[\s,]+", variables.get(ALLOWED, ""))
    named = {_host(one if "://" in one else f"//{one}") for one in parts if one}
    # A variable whose whole value is an address is the workflow's word for its host.
    values = address.values.values() if isinstance(address, Address) else ()
    for value in (variables.get("MLFLOW_TRACKING_URI", ""), *values):
        if "://" in value:
            named.add(_host(value))
    return {one for one in named if one[0]}


def _host(url: str) -> tuple[str | None, int | None]:
    """Host and port; None for a host that readers of addresses could understand differently."""
    try:
        split = urlsplit(url)
        port = split.port or _PORTS.get(split.scheme.lower())
        host = split.hostname
    except ValueError:
        return None, None
    if not host or _AMBIGUOUS.search(split.netloc) or split.netloc.count("@") > 1:
        return None, None
    return host.rstrip(".").lower(), port
