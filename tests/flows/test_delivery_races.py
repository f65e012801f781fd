"""Several real processes deliver at once: one wins, the others are told."""

import os
import subprocess
import sys

import pytest

from cdml.adapters.journals.git import GitJournal
from cdml.adapters.registries.folder import FolderRegistry
from cdml.errors import LockHeld, Refused
from cdml.evidence import journal as document
from fakes.delivery import CONFIG, World


@pytest.fixture
def world(tmp_path):
    """A serves; B, C and D are judged against it, and all of them wait."""
    environment = {"GIT_CONFIG_GLOBAL": os.devnull, "PATH": os.environ["PATH"]}
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, env=environment, check=True)
    world = World(tmp_path)
    world.registry = FolderRegistry("folder:registry", tmp_path)
    world.journal = GitJournal(
        folder=tmp_path, environment="production", model="flights", variables=environment
    )
    world.register("A")
    world.deploy("1")
    for name in "BCD":
        world.register(name, against="1")
    return world


def start(world, *arguments):
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    return subprocess.Popen(
        [sys.executable, "-m", "cdml", *arguments, "--config", str(world.folder / "cdml.yaml")],
        env={**environment, "GITHUB_ACTIONS": ""},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_of_several_deploys_at_once_one_wins_and_the_others_are_told(world):
    assert CONFIG == (world.folder / "cdml.yaml").read_text()
    racing = [
        start(world, "deploy", "--model", version, "--output-dir", f".cdml-{version}")
        for version in ("2", "3", "4")
    ]
    errors = [process.communicate(timeout=120)[1] for process in racing]
    codes = [process.returncode for process in racing]

    assert 1 == codes.count(0), errors
    assert set(codes) <= {0, LockHeld.exit_code, Refused.exit_code}, errors
    for code, error in zip(codes, errors, strict=True):
        assert code != LockHeld.exit_code or "holds the lock" in error
        assert code != Refused.exit_code or "champion-moved" in error

    ledger = document.parse(world.journal.read(), model="flights", environment="production")
    winner = str(2 + codes.index(0))
    assert [winner, "1"] == [entry.version for entry in ledger.entries]
    assert winner == world.registry.champion("flights", "champion").version
    assert (2, None, None) == (ledger.generation, ledger.lock, ledger.operation)
