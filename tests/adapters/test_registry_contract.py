"""What every registry promises, and its fake."""

import shutil

import pytest

from cdml.adapters.registries.folder import FolderRegistry
from cdml.errors import InputError
from cdml.models.digest import model_digest
from fakes.registry import FakeRegistry
from support.models import plain

DIGEST = "cdml.digest"


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory):
    """A database with MLflow's tables; laying them takes seconds, copying it does not."""
    from cdml.adapters.registries.mlflow import MlflowRegistry

    folder = tmp_path_factory.mktemp("database")
    MlflowRegistry("sqlite:///empty.db", folder).champion("nobody", "champion")
    return folder / "empty.db"


@pytest.fixture(params=["fake", "folder", "sqlite", "server"])
def kind(request):
    return request.param


@pytest.fixture
def registry(kind, request, tmp_path):
    if kind == "fake":
        return FakeRegistry()
    if kind == "folder":
        return FolderRegistry("folder:registry", tmp_path)
    from cdml.adapters.registries.mlflow import MlflowRegistry

    if kind == "sqlite":
        shutil.copy(request.getfixturevalue("empty_database"), tmp_path / "mlflow.db")
        return MlflowRegistry("sqlite:///mlflow.db", tmp_path)
    return MlflowRegistry(request.getfixturevalue("mlflow_address"), tmp_path)


@pytest.fixture
def name(request, kind):
    """A model's name that no other test uses: the server is the same for all."""
    return f"flights-{request.node.originalname}-{kind}"


@pytest.fixture
def model(tmp_path):
    return plain(tmp_path / "model")


@pytest.fixture
def other(tmp_path):
    return plain(tmp_path / "other", "flavors: {other: {}}\n")


def test_what_is_registered_comes_back_byte_for_byte(registry, name, model, tmp_path):
    before = model_digest(model)
    (model / "registered_model_meta").write_text("not part of it")

    version = registry.register(name, model, tags={"cdml.verdict": "pass"})
    fetched = registry.fetch(f"models:/{name}/{version.version}", tmp_path / "fetched")

    assert (name, "1", before) == (version.name, version.version, version.digest)
    assert {"cdml.verdict": "pass", DIGEST: before} == dict(version.tags)
    assert before == model_digest(fetched)
    assert not (fetched / "registered_model_meta").exists()
    assert before == model_digest(registry.fetch(f"models:/{name}/1", tmp_path / "again"))


def test_the_same_digest_again_is_the_same_version_with_the_new_tags(registry, name, model):
    first = registry.register(name, model, tags={"cdml.commit": "a", "cdml.verdict": "pass"})

    again = registry.register(name, model, tags={"cdml.commit": "b"})

    assert first.version == again.version
    assert ("b", "pass") == (again.tags["cdml.commit"], again.tags["cdml.verdict"])
    assert 1 == len(registry.find(name, {}))


def test_another_digest_is_the_next_version(registry, name, model, other):
    versions = [registry.register(name, folder, tags={}).version for folder in (model, other)]

    assert ["1", "2"] == versions
    assert versions == [version.version for version in registry.find(name, {})]


def test_a_version_of_this_model_is_not_registered_again(registry, name, model):
    registry.register(name, model, tags={})

    again = registry.register(name, model, tags={"a": "b"}, source=f"models:/{name}/1")

    assert ("1", "b") == (again.version, again.tags["a"])


def test_versions_are_found_by_all_of_their_tags(registry, name, model, other):
    registry.register(name, model, tags={"cdml.pull_request": "7", "cdml.verdict": "pass"})
    registry.register(name, other, tags={"cdml.pull_request": "8", "cdml.verdict": "pass"})

    found = registry.find(name, {"cdml.pull_request": "8", "cdml.verdict": "pass"})

    assert ["2"] == [version.version for version in found]
    assert () == registry.find(name, {"cdml.pull_request": "8", "cdml.verdict": "fail"})
    assert () == registry.find(f"{name}-unknown", {})


def test_nobody_is_champion_until_the_alias_is_set(registry, name, model, other):
    assert registry.champion(name, "champion") is None
    registry.register(name, model, tags={})
    registry.register(name, other, tags={})
    assert registry.champion(name, "champion") is None

    registry.set_alias(name, "champion", "1")
    assert registry.champion(name, "champion") == registry.version(name, "1")

    registry.set_alias(name, "champion", "2")
    assert registry.resolve(f"models:/{name}@champion") == registry.version(name, "2")
    assert registry.champion(name, "challenger") is None


def test_a_number_is_one_number_however_it_is_written(registry, name, model):
    registry.register(name, model, tags={})

    assert registry.version(name, "1") == registry.version(name, "001")
    assert registry.version(name, "1") == registry.resolve(f"models:/{name}/01")


def test_what_is_no_version_resolves_to_nothing(registry, model):
    assert registry.resolve(str(model)) is None
    assert registry.resolve("runs:/0123456789abcdef0123456789abcdef/model") is None
    assert registry.resolve("models:/m-0123456789abcdef0123456789abcdef") is None


@pytest.mark.parametrize(
    "uri",
    [
        "models:/NAME/2",
        "models:/NAME@nobody",
        "models:/NAME",
        "models:/NAME/latest",
        "models:/NAME-unknown/1",
        "models:/m-0123456789abcdef0123456789abcdef",
        "runs:/0123456789abcdef0123456789abcdef/model",
        "s3-like://bucket/model",
        "not-a-folder",
    ],
)
def test_what_does_not_exist_is_an_input_error_with_advice(registry, name, model, tmp_path, uri):
    registry.register(name, model, tags={})

    with pytest.raises(InputError) as raised:
        registry.fetch(uri.replace("NAME", name), tmp_path / "fetched")

    assert raised.value.message.endswith(".")
    assert "\n" not in raised.value.message


@pytest.mark.parametrize("version", ["2", "0", "-1", "latest", ""])
def test_an_unknown_version_is_an_input_error(registry, name, model, version):
    registry.register(name, model, tags={})

    with pytest.raises(InputError, match="no version"):
        registry.version(name, version)
    with pytest.raises(InputError, match="no version"):
        registry.set_alias(name, "champion", version)
    with pytest.raises(InputError, match="no version"):
        registry.set_tags(name, version, {"a": "b"})


def test_a_folder_is_given_as_it_is_and_nothing_is_written_into_it(registry, model, tmp_path):
    before = sorted(model.rglob("*"))

    assert model == registry.fetch(str(model), tmp_path / "fetched")
    assert before == sorted(model.rglob("*"))


def test_a_folder_without_a_model_is_an_input_error(registry, model, tmp_path):
    (model / "MLmodel").unlink()

    with pytest.raises(InputError, match="has no MLmodel"):
        registry.fetch(str(model), tmp_path / "fetched")


def test_a_model_that_leads_elsewhere_is_not_registered(registry, name, model):
    (model / "data" / "more").symlink_to("/etc/hostname")

    with pytest.raises(InputError, match="links outside the folder"):
        registry.register(name, model, tags={})
    assert () == registry.find(name, {})


def test_evidence_travels_with_the_version(registry, name, model, tmp_path):
    version = registry.register(name, model, tags={})
    assert registry.evidence(version, tmp_path / "none") is None

    files = _evidence(tmp_path / "first", evaluation="1", comparison="2")
    registry.log_evidence(version, files)
    got = registry.evidence(version, tmp_path / "got")

    assert {"evaluation.json": "1", "comparison.json": "2"} == _content(got)


def test_a_result_is_told_to_the_version_and_to_nobody_else(registry, name, model):
    version = registry.register(name, model, tags={"kept": "1"})
    registry.log_result(f"models:/{name}/{version.version}", {"f1": 0.5}, {"cdml.verdict": "warn"})
    registry.log_result(str(model), {"f1": 0.5}, {"cdml.verdict": "fail"})

    tags = registry.version(name, version.version).tags
    assert {"kept": "1", "cdml.verdict": "warn"}.items() <= tags.items()


def test_newer_evidence_takes_the_place_of_older(registry, name, model, tmp_path):
    version = registry.register(name, model, tags={})
    older = _evidence(tmp_path / "older", evaluation="1", comparison="2")
    newer = _evidence(tmp_path / "newer", evaluation="3")
    registry.log_evidence(version, older)

    registry.log_evidence(version, newer)

    assert {"evaluation.json": "3"} == _content(registry.evidence(version, tmp_path / "got"))


def test_evidence_that_was_changed_is_refused(registry, name, model, tmp_path):
    version = registry.register(name, model, tags={})
    registry.log_evidence(version, _evidence(tmp_path / "first", evaluation="fail"))
    digest = registry.version(name, "1").tags["cdml.evidence"]

    registry.set_tags(name, "1", {"cdml.evidence": digest[:23] + "0" * 48})

    with pytest.raises(InputError, match="evidence stored with version 1"):
        registry.evidence(version, tmp_path / "got")


def _evidence(folder, **contents):
    folder.mkdir()
    for stage, text in contents.items():
        (folder / f"{stage}.json").write_text(text)
    return sorted(folder.iterdir())


def _content(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}
