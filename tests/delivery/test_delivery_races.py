"""Real processes deliver at once, or are killed: one wins, the others are told, nothing is lost."""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from cdml.adapters.journals.git import GitJournal
from cdml.adapters.local import SystemClock
from cdml.adapters.registries.folder import FolderRegistry
from cdml.errors import DeploymentRefused, InputError, LockHeld
from cdml.journal import file as document
from fakes.delivery import CONFIG, World

pytestmark = pytest.mark.long

VARIABLES = {"GIT_CONFIG_GLOBAL": os.devnull, "PATH": os.environ["PATH"]}


def opened(folder):
    """The world in a folder, as the next process finds it."""
    world = World(folder)
    world.clock = SystemClock()
    world.registry = FolderRegistry("folder:registry", folder)
    world.journal = GitJournal(
        folder=folder, environment="production", model="flights", variables=VARIABLES
    )
    return world


@pytest.fixture
def world(tmp_path):
    """A serves; B, C and D are judged against it, and all of them wait."""
    folder = tmp_path / "world"
    folder.mkdir()
    subprocess.run(["git", "init", "--quiet"], cwd=folder, env=VARIABLES, check=True)
    world = opened(folder)
    world.register("A")
    world.deploy("1")
    for name in "BCD":
        world.register(name, against="1")
    return world


def start(world, *arguments, program=("-m", "cdml")):
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    config = ("--config", str(world.folder / "cdml.yaml"))
    return subprocess.Popen(
        [sys.executable, *program, *arguments, *config],
        env={**environment, "GITHUB_ACTIONS": ""},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def served(world):
    """The version that journal and registry name, where nothing is open."""
    ledger = document.parse_journal(world.journal.read(), model="flights", environment="production")
    assert (None, None) == (ledger.lock, ledger.operation)
    version = world.registry.champion("flights", "champion").version
    assert version == ledger.current.version
    return version


def commits(world):
    """Each document of the journal, oldest first."""
    branch = "refs/heads/cdml/production/flights"
    git = ("git", "-C", str(world.folder))
    listed = subprocess.run(
        [*git, "rev-list", "--reverse", branch], capture_output=True, text=True, check=True
    )
    shown = (
        subprocess.run(
            [*git, "show", f"{commit}:journal.json"], capture_output=True, text=True, check=True
        )
        for commit in listed.stdout.split()
    )
    return [json.loads(one.stdout) for one in shown]


def test_of_several_deploys_at_once_one_wins_and_the_others_are_told(world):
    assert CONFIG == (world.folder / "cdml.yaml").read_text()
    racing = [
        start(world, "deploy", "--model", version, "--output-dir", f".cdml-{version}")
        for version in ("2", "3", "4")
    ]
    errors = [process.communicate(timeout=600)[1] for process in racing]
    codes = [process.returncode for process in racing]

    assert 1 == codes.count(0), errors
    assert set(codes) <= {0, LockHeld.exit_code, DeploymentRefused.exit_code}, errors
    for code, error in zip(codes, errors, strict=True):
        assert code != LockHeld.exit_code or "holds the lock" in error
        assert code != DeploymentRefused.exit_code or "champion-moved" in error

    winner = str(2 + codes.index(0))
    ledger = document.parse_journal(world.journal.read(), model="flights", environment="production")
    assert [winner, "1"] == [entry.version for entry in ledger.entries]
    assert winner == served(world)
    assert 2 == ledger.generation


PROGRAM = """
import os, random, sys
from cdml.cli import run
config, seed, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
choose = random.Random(seed)
for turn in range(int(sys.argv[4])):
    if choose.random() < 0.5:
        words = ["rollback", "--reason", f"{seed}.{turn}"]
    else:
        words = ["deploy", "--model", choose.choice("1234"), "--override",
                 "champion-moved,quarantined", "--reason", f"{seed}.{turn}"]
    code = run([*words, "--config", config, "--output-dir", f".cdml-{seed}"])
    print(words[0], code, flush=True)
"""


def race(world, processes, rounds):
    racing = [
        subprocess.Popen(
            [
                *(sys.executable, "-c", PROGRAM, str(world.folder / "cdml.yaml"), str(seed)),
                *(str(world.folder), str(rounds)),
            ],
            env={**{k: v for k, v in os.environ.items() if k != "CI"}, "GITHUB_ACTIONS": ""},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for seed in range(processes)
    ]
    told = [process.communicate(timeout=3600) for process in racing]
    return [line for out, _ in told for line in out.splitlines()], [err for _, err in told]


def sound(world, lines, errors):
    """No lost update, one holder at a time, and losers that are told who holds the lock."""
    codes = [
        int(line.split()[1])
        for line in lines
        if line.startswith(("deploy ", "rollback ")) and line.split()[1].isdigit()
    ]
    known = {0, InputError.exit_code, 6, LockHeld.exit_code}
    ends = [line for error in errors for line in error.splitlines() if line.startswith("cdml: ")]
    assert set(codes) <= known, sorted(set(ends))
    assert 0 in codes
    lost = sum(error.count("holds the lock") for error in errors)
    assert lost >= codes.count(LockHeld.exit_code) - sum(
        error.count("The journal changed 5 times") + error.count("took over") for error in errors
    )
    for before, after in zip(history := commits(world), history[1:], strict=False):
        mine, theirs = before.get("lock"), after.get("lock")
        if mine and theirs and mine["operation"] != theirs["operation"]:
            assert after["generation"] == before["generation"] + 1
        assert after["generation"] - before["generation"] in (0, 1)
        known = [entry["operation"] for entry in (after["current"], *after["previous"]) if entry]
        gone = before["operation"]["id"] if before["operation"] else None
        for entry in (before["current"], *before["previous"]):
            assert entry is None or entry["operation"] in (*known, gone)
    served(world)


def test_deploys_and_rollbacks_at_once_lose_nothing(world):
    lines, errors = race(world, processes=4, rounds=3)

    sound(world, lines, errors)


def test_eight_processes_race_for_fifty_rounds(world):
    lines, errors = race(world, processes=8, rounds=50)

    sound(world, lines, errors)


KILLED = """
import os, signal, sys
from cdml.adapters.local import SystemClock
from cdml.adapters.journals.git import GitJournal
from cdml.adapters.registries.folder import FolderRegistry
at, when = int(sys.argv[1]), sys.argv[2]
seen = 0
def deadly(write):
    def call(*arguments, **words):
        global seen
        mine, seen = seen == at, seen + 1
        if mine and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = write(*arguments, **words)
        if mine:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer
    return call
for kind, name in ((GitJournal, "write"), (FolderRegistry, "set_alias")):
    setattr(kind, name, deadly(getattr(kind, name)))
from cdml.cli import run
code = run(sys.argv[3:])
print(f"writes {seen}", file=sys.stderr)
sys.exit(code)
"""


def run_killed(world, at, when, *arguments):
    process = start(world, str(at), when, *arguments, program=("-c", KILLED))
    return process.communicate(timeout=600)[1], process.returncode


def expire(world):
    """As if the lease of whoever was killed were over."""
    snapshot = world.journal.read()
    if snapshot.document["lock"]:
        past = "1970-01-01T00:00:00Z"
        lock = {**snapshot.document["lock"], "expires_at": past}
        world.journal.write({**snapshot.document, "lock": lock}, "time passes", snapshot.commit)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("command", "ends"), [(("deploy", "--model", "2"), "2"), (("rollback",), "1")]
)
def test_a_killed_process_is_mended_by_the_next_at_every_write(world, command, ends, when):
    """SIGKILL at each write of a clean run, to the journal in git and to the registry's alias."""
    if command[0] == "rollback":
        world.deploy("2")
    kept = world.folder.parent / "kept"
    shutil.copytree(world.folder, kept)
    for at in itertools.count():
        shutil.rmtree(world.folder)  # sources are absolute: it has to lie where it lay
        shutil.copytree(kept, world.folder)
        mended = opened(world.folder)
        error, code = run_killed(mended, at, when, *command)
        if code != -signal.SIGKILL:
            assert f"writes {at}" in error
            break
        expire(mended)
        assert served_now(mended) in ("1", "2")
        error, code = run_killed(mended, -1, when, *command)

        assert code == 0 or "no version to roll back to" in error, (at, error)
        assert ends == served(mended), at
    assert at >= 4


def served_now(world):
    return world.registry.champion("flights", "champion").version


SHORT = """
import os, sys, time
from datetime import timedelta
from pathlib import Path
from cdml.delivery.rollout import transitions
transitions.LEASE = timedelta(seconds=2)
from cdml.adapters.registries.folder import FolderRegistry
from cdml.adapters.targets.registry import RegistryTarget
at, flags = sys.argv[1], Path(sys.argv[2])
def waits(kind, name):
    act = getattr(kind, name)
    def call(*arguments, **words):
        if "previous_champion" not in arguments and not (flags / "go").exists():
            (flags / "there").touch()
            while not (flags / "go").exists():
                time.sleep(0.02)
        return act(*arguments, **words)
    setattr(kind, name, call)
if at == "write":
    waits(FolderRegistry, "set_alias")
if at == "switch":
    waits(RegistryTarget, "switch")
from cdml.cli import run
sys.exit(run(sys.argv[3:]))
"""


@pytest.mark.parametrize("at", ["write", "switch"])
def test_a_process_that_is_stopped_across_its_lease_leaves_nothing_unsaid(world, tmp_path, at):
    """SIGSTOP in the middle of the write of the alias, or before; a rollback comes; SIGCONT."""
    program = ("-c", SHORT)
    deploy = ("deploy", "--model", "2", "--output-dir", ".cdml-a")
    stopped = start(world, at, str(tmp_path), *deploy, program=program)
    wait_for(stopped, tmp_path / "there")
    os.kill(stopped.pid, signal.SIGSTOP)
    try:
        rollback = ("rollback", "--output-dir", ".cdml-b")
        other = start(world, "never", str(tmp_path), *rollback, program=program)
        told = other.communicate(timeout=600)[1]
        assert 0 == other.returncode, told
        assert "1" == served(world)
    finally:
        (tmp_path / "go").touch()
        os.kill(stopped.pid, signal.SIGCONT)

    told = stopped.communicate(timeout=600)[1]

    assert 5 == stopped.returncode, told
    assert "Another operation took over the lock, so this one stopped." in told
    assert "v1 serves production now." in told
    assert (at == "write") is ("it was undone" in told)
    assert "1" == served(world)


def wait_for(process, path):
    """Until the process has made the file."""
    while not path.exists():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)
