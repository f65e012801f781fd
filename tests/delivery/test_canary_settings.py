"""The words below `deploy.canary`: what they may be, and what they need beside them."""

import json

import pytest

from cdml.config import load
from cdml.errors import ConfigurationError

CONFIG = """\
version: 1
model: flights
registry: {uri: "folder:registry"}
data: {evaluation: rows.parquet, key: [id], label: late, positive: true}
gates: [{metric: roc_auc, at_least: 0.8}]
"""
FILE = {"type": "file", "path": "requests.jsonl"}
PROMETHEUS = {"type": "prometheus", "url": "http://p.test", "requests": "r", "errors": "e"}


def loaded(folder, **canary):
    deploy = {"target": {"type": "fake"}, "canary": {"traffic": FILE, **canary}}
    (folder / "cdml.yaml").write_text(f"{CONFIG}deploy: {json.dumps(deploy)}\n")
    found = load(folder / "cdml.yaml", targets=["fake", "registry"], environment={})
    return found.config.deploy.canary


def test_latencies_are_not_judged_unless_it_is_asked_for(tmp_path):
    assert not loaded(tmp_path).judges_latencies
    assert loaded(tmp_path, latency_factor=1.5).judges_latencies
    assert loaded(tmp_path, latency_limit_ms=200).judges_latencies


@pytest.mark.parametrize("factor", [0.99, 0, -1, 101, float("inf"), float("nan"), "fast"])
def test_a_factor_lies_between_1_and_100(tmp_path, factor):
    with pytest.raises(ConfigurationError, match=r"deploy\.canary\.latency_factor"):
        loaded(tmp_path, latency_factor=factor)


@pytest.mark.parametrize("limit", [{"latency_factor": 1.5}, {"latency_limit_ms": 200}])
def test_latencies_that_nobody_measures_cannot_be_judged(tmp_path, limit):
    with pytest.raises(ConfigurationError, match=r"traffic\.latency is missing"):
        loaded(tmp_path, traffic=PROMETHEUS, **limit)

    measured = {**PROMETHEUS, "latency": "http_request_duration_seconds_bucket"}
    assert loaded(tmp_path, traffic=measured, **limit).judges_latencies
    assert not loaded(tmp_path, traffic=PROMETHEUS).judges_latencies
