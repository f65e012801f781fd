"""What every target promises, and its fake."""

import pytest

from cdml.adapters.registries.folder import FolderRegistry
from cdml.adapters.targets.registry import RegistryTarget
from cdml.config import load
from cdml.delivery.rollout.state_machine import serves
from cdml.errors import ConfigurationError, InputError
from cdml.journal.records import Release
from fakes.delivery import CONFIG
from fakes.registry import FakeRegistry
from fakes.target import FakeSplittingTarget, FakeTarget


def loaded(folder, text=CONFIG):
    (folder / "cdml.yaml").write_text(text)
    return load(folder / "cdml.yaml", targets=["registry"], environment={})


def release(number, digest=None):
    content = f"{number:064x}"
    return Release(version=str(number), digest=digest or f"sha256:{content}", source="s")


@pytest.fixture(
    params=[
        *("fake", "fake that splits", "haproxy", "kserve", "kubernetes"),
        *("registry", "registry in a folder"),
        pytest.param("cluster", marks=pytest.mark.long),
    ]
)
def made(request, tmp_path):
    """A target and two releases it can serve, a third that is gone."""
    if request.param.startswith("fake"):
        target = FakeTarget() if request.param == "fake" else FakeSplittingTarget()
        target.lost.add("9")
        return target, release(1), release(2)
    if request.param in ("haproxy", "kserve", "kubernetes", "cluster"):
        place = request.getfixturevalue(f"{request.param}_place")
        return place.target, *place.releases[:2]
    folders = request.param == "registry in a folder"
    registry = FolderRegistry("folder:registry", tmp_path) if folders else FakeRegistry()
    releases = []
    for name in ("A", "B"):
        model = tmp_path / name
        model.mkdir()
        (model / "MLmodel").write_text(f"name: {name}\n")
        known = registry.register("flights", model, tags={})
        releases.append(Release(version=known.version, digest=known.digest, source=known.source))
    return RegistryTarget(loaded=loaded(tmp_path), registry=registry), *releases


def test_in_the_beginning_nothing_serves(made):
    target, *_ = made

    assert target.observe().version is None


def test_what_it_is_switched_to_serves(made):
    target, first, second = made
    target.switch(first, fence=1)
    target.switch(second, fence=2)

    assert serves(target.observe(), second)
    assert not serves(target.observe(), first)


def test_switching_twice_is_switching_once(made):
    target, first, second = made
    target.switch(first, fence=1)
    target.switch(second, fence=2)
    target.switch(second, fence=2)

    assert serves(target.observe(), second)


def test_a_release_that_is_gone_is_an_input_error_and_changes_nothing(made):
    target, first, _ = made
    target.switch(first, fence=1)

    with pytest.raises(InputError):
        target.switch(release(9), fence=2)

    assert serves(target.observe(), first)


@pytest.fixture
def registry(tmp_path):
    registry = FakeRegistry()
    for name in ("A", "B"):
        model = tmp_path / name
        model.mkdir()
        (model / "MLmodel").write_text(f"name: {name}\n")
        registry.register("flights", model, tags={})
    return registry


def test_the_alias_is_the_switch_and_the_one_before_is_kept(registry, tmp_path):
    target = RegistryTarget(loaded=loaded(tmp_path), registry=registry)
    for number in (1, 2, 2):
        target.switch(release(number), fence=1)

    assert {
        ("flights", "champion"): "2",
        ("flights", "previous_champion"): "1",
    } == registry.aliases


def test_the_alias_of_the_configuration_is_used(registry, tmp_path):
    text = CONFIG.replace('"folder:registry"', '"folder:registry", champion: live')
    RegistryTarget(loaded=loaded(tmp_path, text), registry=registry).switch(release(1), fence=1)

    assert {("flights", "live"): "1"} == registry.aliases


def test_another_environment_never_moves_the_alias_of_this_one(registry, tmp_path):
    for environment in (None, "production", "staging"):
        target = RegistryTarget(loaded=loaded(tmp_path), registry=registry, environment=environment)
        target.switch(release(2 if environment == "staging" else 1), fence=1)

    assert {
        ("flights", "champion"): "1",
        ("flights", "champion-staging"): "2",
    } == registry.aliases


def test_an_environment_no_alias_can_be_named_for_is_a_configuration_error(registry, tmp_path):
    with pytest.raises(ConfigurationError, match="alias"):
        RegistryTarget(loaded=loaded(tmp_path), registry=registry, environment="eu/west")
