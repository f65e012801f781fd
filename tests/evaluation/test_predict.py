import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from cdml.config import load
from cdml.errors import InputError, ServiceError
from cdml.evaluation.score_model import identify, predict
from cdml.evidence.schema import DataRef
from cdml.models.digest import model_digest
from fakes.ports import FakePorts
from fakes.progress import FakeProgress
from fakes.registry import FakeRegistry
from fakes.scorer import FakeScorer, pretend
from support import models

CONFIG = """
version: 1
model: flights
data: {evaluation: rows.parquet, key: [id], label: late, positive: true, slices: [origin]}
gates: [{metric: roc_auc, at_least: 0.5}]
scoring: {environment: ./python, timeout: 90s}
"""


class Rows:
    """A table as far as scoring asks."""

    def __init__(self, path: Path):
        self.parquet = path
        self.ref = DataRef(uri="rows", digest="sha256:" + "0" * 64, rows=400)
        self.fields = ()

    def read_as(self, declared):
        del declared
        return self


@pytest.fixture
def loaded(tmp_path):
    (tmp_path / "cdml.yaml").write_text(CONFIG)
    return load(tmp_path / "cdml.yaml", targets=["registry"], environment={})


@pytest.fixture
def model(tmp_path):
    return pretend(tmp_path / "model", inputs=["x", "y"], score="share")


@pytest.fixture
def registry():
    return FakeRegistry()


def test_a_folder_is_relative_to_the_configuration_and_asks_no_registry(loaded, model):
    found = identify("model", loaded, FakePorts())

    assert (model_digest(model), None) == (found.model.digest, found.model.version)
    assert model_digest(found.folder) == found.model.digest
    assert ("x", "y") == found.described.inputs
    assert found.version is None
    assert 0 < found.size_mb < 0.001


def test_an_alias_is_told_as_the_version_it_named(loaded, model, registry):
    registry.register("flights", model, tags={})
    registry.set_alias("flights", "champion", "1")

    found = identify("models:/flights@champion", loaded, FakePorts(registry=registry))

    assert ("models:/flights/1", "1") == (found.model.uri, found.model.version)
    assert model_digest(model) == found.model.digest == model_digest(found.folder)


def test_files_other_than_those_registered_are_refused(loaded, model, registry):
    registry.register("flights", model, tags={})
    registry.files["flights", "1"]["fake.json"] = b"{}"

    with pytest.raises(InputError, match="the registry recorded"):
        identify("models:/flights/1", loaded, FakePorts(registry=registry))


def test_a_version_nobody_has_recorded_a_digest_of_gets_the_one_of_its_files(
    loaded, model, registry
):
    version = registry.register("flights", model, tags={})
    registry.versions["flights", "1"] = replace(version, digest=None, tags={})

    assert (
        model_digest(model)
        == identify("models:/flights/1", loaded, FakePorts(registry=registry)).model.digest
    )


@pytest.mark.parametrize("uri", ["models:/flights/1", "nowhere", "gs://bucket/model", "m-123"])
def test_a_model_that_is_not_there_is_an_input_error(loaded, registry, uri):
    with pytest.raises(InputError):
        identify(uri, loaded, FakePorts(registry=registry))


def test_a_registry_that_does_not_answer_is_a_service_error(loaded, registry):
    registry.down = True

    with pytest.raises(ServiceError):
        identify("models:/flights@champion", loaded, FakePorts(registry=registry))


def test_the_model_is_scored_as_the_configuration_says(loaded, model, registry, tmp_path):
    frame = models.rows()
    data = models.parquet(tmp_path, frame.assign(share=frame["x"].rank(pct=True)))
    scorer = FakeScorer(latency_ms=(1.0, 5.0))

    found = predict(
        identify("model", loaded, FakePorts()),
        loaded,
        Rows(data),
        FakePorts(registry=registry, scorer=scorer, progress=FakeProgress()),
        into=tmp_path / "out" / "predictions.parquet",
    )

    (job,) = scorer.jobs
    assert (str(tmp_path / "python"), 90.0) == (job.environment, job.timeout)
    assert (("id",), "late", ("origin",), True) == (job.key, job.label, job.carried, job.positive)
    assert (model_digest(model), (1.0, 5.0)) == (found.model.digest, found.latency_ms)
    assert found.predictions.is_file()


def test_a_fetched_model_outlives_the_call_that_fetched_it(loaded, model, registry):
    registry.register("flights", model, tags={})
    shutil.rmtree(model)

    found = identify("models:/flights/1", loaded, FakePorts(registry=registry))

    assert (found.folder / "MLmodel").is_file()


def test_what_changes_in_the_folder_later_is_neither_judged_nor_registered(loaded, model):
    found = identify("model", loaded, FakePorts())
    (model / "MLmodel").write_text("flavors: {other: {}}")
    (model / "more").write_text("added after its digest was taken")

    assert model_digest(model) != found.model.digest == model_digest(found.folder)
    assert not found.folder.is_relative_to(loaded.folder)


@pytest.mark.parametrize("kind", ["link out", "folder out", "pipe", "device"])
def test_a_model_folder_that_leads_elsewhere_is_refused(loaded, model, tmp_path, kind):
    (tmp_path / "secret").write_text("of somebody else")
    make = {
        "link out": lambda: (model / "odd").symlink_to(tmp_path / "secret"),
        "folder out": lambda: (model / "odd").symlink_to(tmp_path),
        "pipe": lambda: os.mkfifo(model / "odd"),
        "device": lambda: (model / "odd").symlink_to("/dev/zero"),
    }
    make[kind]()

    with pytest.raises(InputError, match="links outside the folder"):
        identify("model", loaded, FakePorts())
