"""Deploys MLflow's models to a real cluster by canary, judged by Envoy's own counters."""

import json

import pytest

from support.canary_story import OVERRIDES, ROWS, CanaryStory
from support.cluster import HOST
from support.envoy_counts import counted_now, prometheus, traffic
from support.request_load import Load

pytestmark = pytest.mark.long

SERVE = ["mlflow", "models", "serve", "-m", "/models", "-h", "0.0.0.0", "-p", "8080"]  # noqa: S104


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
        variables = {"KUBECONFIG": str(folder / "kubeconfig")}
        story = CanaryStory(folder, target, traffic(address), **variables)
        story.cluster, story.prometheus = cluster, address
        story.judged("first")
        story.cdml("deploy", "--model", "1")
        yield story


def clients(story):
    return Load(story.cluster.gateway_port, ROWS, host=story.cluster.host, site=HOST)


def test_envoy_counts_each_request_once_under_the_name_of_the_release(story):
    with clients(story) as load:
        load.go_on(100)
    counts = counted_now(story.prometheus)
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
