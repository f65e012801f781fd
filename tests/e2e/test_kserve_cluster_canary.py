"""Deploys MLflow's models by canary to MLServer on KServe, which fetches them from a bucket."""

import json

import pytest
import yaml

from cdml.models.digest import model_digest
from support.api_server import DOCS
from support.canary_story import OVERRIDES, ROWS, CanaryStory
from support.cluster import HOST
from support.envoy_counts import counted_now, documented, prometheus, traffic
from support.kserve_cluster import StorePlace, upload
from support.request_load import Load

pytestmark = pytest.mark.long


def manifest():
    """The documentation's, for MLServer's own runtime and a machine with two cores."""
    made = documented("kind: InferenceService", DOCS.with_name("kserve.md"))
    predictor = made["spec"]["predictor"]
    predictor |= {"minReplicas": 1, "terminationGracePeriodSeconds": 2}
    predictor["model"]["runtime"] = "kserve-mlserver"
    return made


@pytest.fixture(scope="module")
def story(tmp_path_factory, kserve_cluster):
    folder, cluster = tmp_path_factory.mktemp("canary"), kserve_cluster
    cluster.clear()
    cluster.put("httproutes", cluster.route())
    cluster.wait_for_gateway()
    cluster.s3.create_bucket(Bucket=StorePlace.BUCKET)
    (folder / "model.yaml").write_text(yaml.safe_dump(manifest()))
    (folder / "kubeconfig").write_text(json.dumps(cluster.kubeconfig()))
    target = {
        "type": "kserve", "context": "test", "namespace": "models", "manifest": "model.yaml",
        "service": "flights", "route": "flights", "ready": "4m", "protocol": "v2",
        "weights": StorePlace.WEIGHTS,
    }  # fmt: skip
    with prometheus(folder, cluster) as address:
        variables = {"KUBECONFIG": str(folder / "kubeconfig")}
        story = CanaryStory(folder, target, traffic(address), **variables)
        story.cluster, story.prometheus = cluster, address
        deploy(story, "first")
        yield story
    cluster.clear()


def deploy(story, name, *options, expected=0):
    """Judge a model, bring it into the bucket, and deploy it."""
    version, files = story.judged(name), story.folder / "models" / name
    upload(story.cluster.s3, model_digest(files), files)
    return story.cdml("deploy", "--model", version, *options, expected=expected)


def own_counts(story):
    """What Envoy counted for the story's releases; the cluster may have served others before."""
    counts = counted_now(story.prometheus)
    digests = [model_digest(story.folder / "models" / name) for name in ("first", "good")]
    return {digest: counts.get(f"risk-{digest[7:19]}", 0) for digest in digests}


def test_a_good_canary_is_promoted_by_envoys_counts_and_taken_back_without_a_lost_request(story):
    before = own_counts(story)
    with Load(
        story.cluster.gateway_port, ROWS, host=story.cluster.host, site=HOST, a_second=30
    ) as load:
        deploy(story, "good", *OVERRIDES)
        assert "promote, no worse than tolerated" in story.looks[-1]
        assert [25, 50, 100] == story.shares
        told = story.cdml("rollback", "--reason", "the story goes back")
        load.go_on(30)
    after = own_counts(story)

    assert "v1 serves production again" in told
    assert {200} == set(load.answers)
    assert len(load.answers) == sum(after.values()) - sum(before.values())
    assert min(after.values()) > 0
