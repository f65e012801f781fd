"""A registry, a GitHub, models, and the action as it is published."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from act_runner import TOKEN, Repository, published
from world import World

from fakes.github_server import GitHubServer
from support.servers import mlflow_server

MAKE_MODELS = Path(__file__).parent / "make_models.py"


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with mlflow_server(tmp_path_factory.mktemp("registry")) as address:
        yield address


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    _make_models(folder)
    return folder


@pytest.fixture(scope="session")
def action(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return published(tmp_path_factory.mktemp("action"))


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory, registry: str, models: Path, action: Path
) -> Iterator[Callable[[str], World]]:
    """Make a world by the name of its model, whose champion was there before cdml came."""
    with ExitStack() as stack:

        def make(name: str) -> World:
            github = stack.enter_context(GitHubServer(token=TOKEN))
            folder = tmp_path_factory.mktemp(name)
            repository = Repository(
                folder=folder / "flights",
                action=action,
                cache=folder / "cache",
                environment={**github.environment, "OMP_NUM_THREADS": "1"},
                secrets={"GITHUB_TOKEN": TOKEN, "MLFLOW_TRACKING_URI": registry},
            ).create()
            made = World(name, repository, github, registry, models)
            made.begin()
            _make_models(models, registry, name)
            return made

        yield make


def _make_models(*arguments: object) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(
        [sys.executable, MAKE_MODELS, *map(str, arguments)],
        env=environment | {"OMP_NUM_THREADS": "1"},
        check=True,
        capture_output=True,
    )
