"""Deploys MLflow's models to a real cluster by canary, judged by Envoy's own counters."""

import json
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
import yaml

from support.canary_story import OVERRIDES, ROWS, CanaryStory
from support.cluster import HOST
from support.request_load import Load
from support.servers import free_port

pytestmark = pytest.mark.long

DOCS = Path(__file__).parents[2] / "docs/kubernetes.md"
SERVE = ["mlflow", "models", "serve", "-m", "/models", "-h", "0.0.0.0", "-p", "8080"]  # noqa: S104


def documented(word):
    """The block of YAML with this word in the documentation."""
    blocks = [part.partition("```")[0] for part in DOCS.read_text().split("```yaml\n")]
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
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture(scope="module")
def story(tmp_path_factory, cluster):
    folder = tmp_path_factory.mktemp("canary")
    cluster.clear()
    cluster.put("httproutes", cluster.route())
    cluster.wait_for_gateway()
    manifest = cluster.manifest([*SERVE, "--env-manager", "local"])
    (folder / "model.json").write_text(json.dumps(manifest))
    (folder / "kubeconfig").write_text(json.dumps(cluster.kubeconfig()))
    target = {
        "type": "kubernetes", "context": "test", "namespace": "models", "manifest": "model.json",
        "service": "flights", "route": "flights", "ready": "4m",
        "weights": {"from": "config-map", "mount": "/models"},
    }  # fmt: skip
    with prometheus(folder, cluster) as address:
        traffic = documented("envoy_cluster_upstream_rq_time")["traffic"]
        traffic = {**traffic, "url": address}
        story = CanaryStory(folder, target, traffic, KUBECONFIG=str(folder / "kubeconfig"))
        story.cluster, story.prometheus = cluster, address
        story.judged("first")
        story.cdml("deploy", "--model", "1")
        yield story


def clients(story):
    return Load(story.cluster.gateway_port, ROWS, host=story.cluster.host, site=HOST)


def test_envoy_counts_each_request_once_under_the_name_of_the_release(story):
    with clients(story) as load:
        load.go_on(100)
    time.sleep(3)  # a scrape later
    query = documented("envoy_cluster_upstream_rq_time")["traffic"]["requests"]
    found = requests.get(
        f"{story.prometheus}/api/v1/query", params={"query": query}, timeout=30
    ).json()["data"]["result"]
    counts = {one["metric"]["service"]: float(one["value"][1]) for one in found}
    (name,) = story.cluster.names("deployments")

    assert len(load.answers) == counts[name]


@pytest.mark.parametrize(("name", "reason"), [("throws", "errors:"), ("slow", "latency over")])
def test_a_bad_canary_is_taken_back_by_the_judge(story, name, reason):
    version = story.judged(name)
    with clients(story) as load:
        story.cdml("deploy", "--model", version, *OVERRIDES, expected=6)

    assert f"rollback, {reason}" in story.looks[-1]
    assert story.shares == [25, 50][: len(story.shares)]
    assert {200} >= {answer for answer in load.answers if answer != 400}, "none is lost by us"


def test_a_good_canary_takes_over_and_a_rollback_gives_all_back_without_a_lost_request(story):
    version = story.judged("good")
    with clients(story) as load:
        story.cdml("deploy", "--model", version, *OVERRIDES)
        assert "promote, no worse than tolerated" in story.looks[-1]
        assert [25, 50, 100] == story.shares
        told = story.cdml("rollback", "--reason", "the story goes back")
        load.go_on(60)

    assert "v1 serves production again" in told
    assert {200} == set(load.answers)
