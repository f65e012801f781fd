"""Envoy's own counters, scraped by Prometheus as the documentation says."""

import json
import subprocess
import time
from contextlib import contextmanager

import requests
import yaml

from support.api_server import DOCS, wait_until
from support.servers import free_port


def documented(word, page=DOCS):
    """The block of YAML with this word on a page of the documentation."""
    blocks = [part.partition("```")[0] for part in page.read_text().split("```yaml\n")]
    return next(yaml.safe_load(one) for one in blocks if word in one)


@contextmanager
def prometheus(folder, cluster):
    """A Prometheus that scrapes Envoy as the documentation says; its address."""
    job = {
        "job_name": "envoy",
        "metrics_path": "/stats/prometheus",
        "scrape_interval": "1s",
        "static_configs": [{"targets": [f"{cluster.host}:{cluster.metrics_port}"]}],
        **documented("metric_relabel_configs"),
    }
    (folder / "prometheus.yml").write_text(json.dumps({"scrape_configs": [job]}))
    address = f"127.0.0.1:{free_port()}"
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen(
            ["prometheus", "--config.file=prometheus.yml", f"--web.listen-address={address}"],
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    try:
        wait_until(lambda: _is_ready(address))
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(60)


def _is_ready(address):
    try:
        return requests.get(f"http://{address}/-/ready", timeout=30).ok
    except requests.RequestException:
        return False


def traffic(address):
    """The documented `deploy.canary.traffic`, with this Prometheus."""
    return {**documented("envoy_cluster_upstream_rq_time")["traffic"], "url": address}


def counted(address):
    """How many requests Envoy has counted, by release."""
    found = _asked(address, traffic(address)["requests"])
    return {one["metric"]["service"]: float(one["value"][1]) for one in found}


def counted_now(address):
    """The same, with all that was answered before: waits for a scrape that begins later."""
    now = time.time()
    scrape = 'timestamp(up{job="envoy"})'
    wait_until(lambda: any(float(one["value"][1]) > now + 0.5 for one in _asked(address, scrape)))
    return counted(address)


def _asked(address, query):
    where = f"{address}/api/v1/query"
    return requests.get(where, params={"query": query}, timeout=60).json()["data"]["result"]
