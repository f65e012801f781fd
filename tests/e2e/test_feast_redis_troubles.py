"""A real Redis that is down, does not answer, refuses, or wants another password.

Each is one sentence and an exit code in `validate-data`, and an alarm in `monitor`, which judges
what it can. Nothing half-written is left, and no password is shown.
"""

import re
import shutil
import signal
import subprocess
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cdml.adapters.features.feast import FeastStore
from cdml.cli import run
from cdml.common.verdict import Verdict
from cdml.config.features import FeastSettings
from support.feast_repository import (
    SERVICE,
    interpreter,
    make_repository,
    prepare,
    redis_server,
)
from support.monitoring_scenarios import GATES, MonitoredWorld
from support.servers import free_port

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("feast")]

PASSWORD = "made-up-and-secret"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A repository whose features are in Redis, and that server."""
    folder = tmp_path_factory.mktemp("feast")
    with redis_server(folder) as (redis, online):
        made = make_repository(folder / "repository", online=online)
        prepare(made)
        yield made, redis, online.split(":")[-1].rstrip('"}')


def ask(port, *words, password=None):
    given = ["--no-auth-warning", "-a", password] if password else []
    done = subprocess.run(
        ["redis-cli", "-p", port, *given, *words], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("OK"), done.stdout


@contextmanager
def stopped(redis, _port):
    redis.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        redis.send_signal(signal.SIGCONT)


@contextmanager
def refusing(_redis, port):
    ask(port, "ACL", "SETUSER", "default", "-@read")
    try:
        yield
    finally:
        ask(port, "ACL", "SETUSER", "default", "+@all")


@contextmanager
def locked(_redis, port):
    ask(port, "CONFIG", "SET", "requirepass", "another")
    try:
        yield
    finally:
        ask(port, "CONFIG", "SET", "requirepass", "", password="another")


@contextmanager
def elsewhere(_redis, _port):
    yield


TROUBLES = {
    "down": (elsewhere, "", "the online store does not answer: .*(Connection refused|connecting)"),
    "slow": (stopped, "", "was not read within"),
    "refusing": (refusing, "", "the online store does not answer: .*(permission|NOPERM)"),
    "no password": (locked, "", "the online store does not answer: .*[Aa]uthentication"),
    "wrong password": (
        locked,
        f",password={PASSWORD}",
        "the online store does not answer: .*(WRONGPASS|invalid username-password)",
    ),
}


@pytest.fixture(params=TROUBLES)
def troubled(request, store, tmp_path):
    """The repository as it is configured, and what is said of it."""
    made, redis, port = store
    trouble, words, sentence = TROUBLES[request.param]
    folder = tmp_path / "feature_repo"
    shutil.copytree(made, folder)
    file = folder / "feature_store.yaml"
    asked = free_port() if trouble is elsewhere else port
    file.write_text(file.read_text().replace(f'{port}"', f'{asked}{words}"'))
    with trouble(redis, port):
        yield folder, sentence


def limit(sentence):
    """Seconds that Feast may take: one that never answers need not be waited for."""
    return 20 if "not read within" in sentence else 600


def said_by_validate_data(folder, sentence, capfd):
    rows = {"id": [1, 2], "late": [True, False], "spend": [1.0, 2.0], "visits": [1, 2]}
    pq.write_table(pa.table(rows), folder / "rows.parquet")
    (folder / "cdml.yaml").write_text(
        "version: 1\nmodel: flights\nregistry: {uri: 'folder:registry'}\n"
        "data: {evaluation: rows.parquet, key: [id], label: late, positive: true}\n"
        f"features: {{repository: feature_repo, service: {SERVICE}, python: '{interpreter()}',"
        f" timeout: {limit(sentence)}s, parity: {{entities: 5}}}}\n"
    )
    output = folder / "out"
    code = run(
        ["validate-data", "--config", str(folder / "cdml.yaml"), "--output-dir", str(output)]
    )
    written = [path.name for path in output.rglob("*") if path.is_file()]
    said = capfd.readouterr()
    return code, said.out + said.err, written


def monitored(folder, repository, sentence):
    folder.mkdir()
    features = f"features: {{repository: feature_repo, service: {SERVICE}, parity: {{}}}}"
    world = MonitoredWorld(folder, gates=f"{GATES}\n{features}")
    world.ship("A")
    settings = FeastSettings(
        repository=str(repository), python=str(interpreter()), timeout=limit(sentence)
    )
    world.features = FeastStore(settings, locate=lambda path: path, variables={})
    world.serve(5)
    return world, world.monitor()


def test_each_trouble_is_a_sentence_and_an_exit_code(troubled, tmp_path, capfd):
    _, sentence = troubled

    code, said, written = said_by_validate_data(tmp_path, sentence, capfd)

    assert 5 == code, said
    assert [line for line in said.splitlines() if _matches(sentence, line)], said
    assert "Traceback" not in said
    assert PASSWORD not in said
    assert set(written) <= {"validate-data.error.json"}


def test_each_trouble_is_an_alarm_and_what_serves_is_judged(troubled, tmp_path):
    repository, sentence = troubled

    world, seen = monitored(tmp_path / "world", repository, sentence)

    [alarm] = [one for one in seen.alarms if one.kind == "features"]
    assert Verdict.INCONCLUSIVE is alarm.verdict is seen.verdict
    assert _matches(sentence, alarm.reason), alarm.reason
    assert PASSWORD not in seen.model_dump_json()
    assert 3 == seen.versions[0].judged_windows == world.remembered.periods[0].judged_windows


def _matches(sentence, line):
    return re.search(sentence, line) is not None
