"""The feature store among the checks of the data: the model that is judged, and the champion."""

import pytest

from cdml.common.verdict import Verdict
from cdml.config import load
from cdml.data.rules.signature import Signature
from cdml.data.validate import validate_data
from cdml.errors import ConfigurationError, ServiceError
from cdml.evidence import store
from cdml.evidence.schema import DataEvidence
from fakes.ci_run import FakeCiRun
from fakes.clock import FakeClock
from fakes.feature_store import SERVICE, FakeFeatureStore, repository, sample, sampled, view
from fakes.ports import FakePorts
from fakes.progress import FakeProgress
from fakes.registry import FakeRegistry
from fakes.tables import FakeTables

CONFIG = """
version: 1
model: late
data: {evaluation: now.parquet, key: [id], label: late, positive: true}
features:
  repository: feature_repo
  service: flight_delays
  freshness: 24h
  parity: {entities: 100, tolerance: 0, at_most: 1%}
"""
ROWS = {"id": [1, 2, 3, 4], "spend": [1.0, 2.0, 3.0, 4.0], "late": [True, False, True, False]}
EQUAL = sample(sampled("spend", [1.0] * 100, [1.0] * 100))
MODEL = Signature(subject="the model", types={"spend": "double"}, required=["spend"])


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


class World:
    def __init__(self, folder):
        self.folder = folder
        self.tables = FakeTables()
        self.tables.add(str(folder / "now.parquet"), ROWS)
        self.features = FakeFeatureStore(repository(), EQUAL)
        self.registry = FakeRegistry()
        self.config = CONFIG

    def run(self, output="out", judged=MODEL, **options):
        path = self.folder / "cdml.yaml"
        path.write_text(self.config, encoding="utf-8")
        ports = FakePorts(
            tables=self.tables,
            ci_run=FakeCiRun(),
            clock=FakeClock(),
            progress=FakeProgress(),
            registry=self.registry,
            feature_store=self.features,
        )
        return validate_data(
            load(path, targets=["registry"], environment={}),
            ports,
            output=self.folder / output,
            judged=judged,
            **options,
        )

    def serve(self):
        """Judge a model, register it with its evidence, and make it the champion."""
        self.run("first")
        model = self.folder / "model"
        model.mkdir()
        (model / "MLmodel").write_text("flavors: {}", encoding="utf-8")
        version = self.registry.register("late", model, tags={})
        self.registry.log_evidence(version, [self.folder / "first" / "data.json"])
        self.registry.set_alias("late", "champion", version.version)


def of_features(evidence):
    return {
        (check.name, check.column): check
        for check in evidence.checks
        if check.name.startswith("feature_")
    }


def test_a_service_that_has_what_the_model_reads_passes(world):
    evidence = world.run()
    checks = of_features(evidence)
    assert {name for name, _ in checks} == {
        "feature_service", "feature_change", "feature_columns", "feature_types",
        "feature_freshness", "feature_nulls", "feature_parity",
    }  # fmt: skip
    assert {check.verdict for check in checks.values()} == {Verdict.PASS}


def test_the_evidence_records_what_the_service_reads(world):
    world.run()
    record = store.read_evidence(world.folder / "out", DataEvidence).features
    assert record.service == SERVICE
    assert record.digest.startswith("sha256:")
    assert [view.name for view in record.views] == ["stats"]


def test_a_change_of_what_the_champion_reads_is_refused_without_a_model(world):
    world.serve()
    world.features.repository = repository(view(ttl_seconds=3600.0))
    evidence = world.run(judged=None)
    change = of_features(evidence)["feature_change", "stats"]
    assert evidence.verdict is Verdict.FAIL
    assert "TTL changes from 48 h to 1 h" in change.reason


def test_an_unchanged_repository_passes_next_to_the_champion(world):
    world.serve()
    evidence = world.run()
    assert of_features(evidence)["feature_change", None].observed == "unchanged"
    assert evidence.verdict is Verdict.PASS


def test_a_champion_that_cannot_be_read_is_undecided(world):
    world.registry.down = True
    evidence = world.run()
    assert of_features(evidence)["feature_change", None].verdict is Verdict.INCONCLUSIVE
    assert evidence.verdict is Verdict.INCONCLUSIVE


def test_a_champion_without_a_record_is_named(world):
    model = world.folder / "model"
    model.mkdir()
    (model / "MLmodel").write_text("flavors: {}", encoding="utf-8")
    version = world.registry.register("late", model, tags={})
    world.registry.set_alias("late", "champion", version.version)
    change = of_features(world.run())["feature_change", None]
    assert change.verdict is Verdict.PASS
    assert "no features are recorded with v1 of late" in change.reason


def test_a_model_that_reads_an_unknown_feature_fails(world):
    wanted = Signature(subject="the model", types={"clicks": "long"}, required=["clicks"])
    assert (
        of_features(world.run(judged=wanted))["feature_columns", "clicks"].verdict is Verdict.FAIL
    )


def test_values_that_differ_fail(world):
    world.features.values = sample(sampled("spend", [2.0] * 100, [1.0] * 100))
    assert of_features(world.run())["feature_parity", "spend"].verdict is Verdict.FAIL


def test_a_service_that_is_not_applied_yet_is_warned_of(world):
    world.features.values = None
    check = of_features(world.run())["feature_parity", None]
    assert check.verdict is Verdict.WARN
    assert "not applied yet" in check.reason


def test_without_parity_no_values_are_read(world):
    world.config = CONFIG.replace(
        "parity: {entities: 100, tolerance: 0, at_most: 1%}", "parity: null"
    )
    assert not {name for name, _ in of_features(world.run())} & {
        "feature_parity", "feature_freshness", "feature_nulls",
    }  # fmt: skip


def test_an_unknown_service_fails_without_further_questions(world):
    world.config = CONFIG.replace("flight_delays", "flight_delay")
    checks = of_features(world.run())
    assert checks["feature_service", None].verdict is Verdict.FAIL
    assert {name for name, _ in checks} == {"feature_service", "feature_change"}


def test_a_store_that_is_down_is_no_verdict(world):
    world.features.error = ServiceError("the online store does not answer: refused.")
    with pytest.raises(ServiceError, match="online store"):
        world.run()
    assert not (world.folder / "out" / "data.json").exists()


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("repository: x\n  service: s\n  freshnes: 1h", "freshnes"),
        ("service: s", "repository"),
        ("type: hopsworks\n  service: s", "hopsworks"),
        ("repository: x", "service"),
        ("repository: x\n  service: s\n  parity: {at_most: 3}", "at_most"),
    ],
)
def test_wrong_settings_are_told_with_their_line(tmp_path, written, problem):
    path = tmp_path / "cdml.yaml"
    base = CONFIG.partition("features:")[0]
    path.write_text(f"{base}features:\n  {written}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=problem):
        load(path, targets=["registry"], environment={})
