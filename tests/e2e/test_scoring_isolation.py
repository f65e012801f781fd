"""Models that mean no good, run for real."""

import errno
import json
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

import cdml
from cdml.adapters.scoring import sandbox
from cdml.adapters.scoring.sandbox import Walls
from cdml.errors import InputError
from support import models
from support.scoring import BUILT, each, score

SPY = """
import glob, json, os, socket
found = {}
found["environment"] = [n for n in os.environ if "SECRET" in n or "GITHUB" in n or "MLFLOW_T" in n]
def reads(path):
    try:
        with open(path, "rb") as file:
            return b"hidden-value" in file.read(1 << 20)
    except OSError:
        return False
found["processes"] = [p for p in glob.glob("/proc/[0-9]*/environ") if reads(p)]
found["files"] = [
    p for p in (SECRET_FILE, "../" + os.path.relpath(SECRET_FILE, "/tmp")) if reads(p)
]
found["label"] = "minutes" in frame.columns
def connects(family, address):
    try:
        with socket.socket(family) as s:
            s.settimeout(2)
            s.connect(address)
        return True
    except OSError:
        return False
found["network"] = connects(socket.AF_INET, ("127.0.0.1", PORT))
found["socket"] = connects(socket.AF_UNIX, SOCKET)
def writes(path):
    new = not os.path.exists(path)
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT))
    except OSError:
        return False
    if new:
        os.unlink(path)
    return True
import mlflow
found["written"] = [p for p in (
    "/etc/cdml-was-here", "/usr/cdml-was-here", "/proc/sys/kernel/core_pattern",
    os.path.join(os.path.dirname(mlflow.__file__), "cdml-was-here"),
    os.path.join(MODEL, "cdml-was-here"),
) if writes(p)]
status = open("/proc/self/status").read()
found["privileges"] = "NoNewPrivs:\\t1" not in status
raise ValueError(json.dumps({k: v for k, v in found.items() if v}))
"""


ORDINARY = sorted(
    {
        *[
            "bin",
            "dev",
            "etc",
            "home",
            "lib",
            "lib32",
            "lib64",
            "libx32",
            "nix",
            "opt",
            "proc",
            "root",
            "sbin",
            "sys",
            "tmp",
            "usr",
            "var",
        ]
    }
    | {Path(place).parts[1] for place in (sys.prefix, sys.base_prefix, cdml.__file__)}
)
"""What a root may hold inside; of some of them only the way to an interpreter."""


@contextmanager
def listening(family, address):
    with socket.socket(family) as server:
        server.bind(address)
        server.listen()
        threading.Thread(target=_accept, args=(server,), daemon=True).start()
        yield server.getsockname()


def _accept(server):
    try:
        while True:
            server.accept()[0].close()
    except OSError:
        return


@contextmanager
def neighbour(environment):
    """Another process of the same user, started with a secret."""
    with subprocess.Popen(["sleep", "300"], env={**os.environ, **environment}) as process:
        try:
            yield
        finally:
            process.kill()


@pytest.fixture
def spy(tmp_path, monkeypatch):
    """A model that tells what it could reach, in a place where there is something to find."""
    monkeypatch.setenv("SECRET_TOKEN", "hidden-value")
    monkeypatch.setenv("GITHUB_TOKEN", "hidden-value")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "hidden-value")
    secret = tmp_path / "credentials"
    secret.write_text("hidden-value")
    unix = str(tmp_path / "s")
    folder = tmp_path / "spy"
    with (
        listening(socket.AF_INET, ("127.0.0.1", 0)) as (_, port),
        listening(socket.AF_UNIX, unix),
        neighbour({"SECRET_TOKEN": "hidden-value"}),
    ):
        text = SPY.replace("SECRET_FILE", repr(str(secret))).replace("PORT", str(port))
        yield models.written(
            folder, text.replace("SOCKET", repr(unix)).replace("MODEL", repr(str(folder)))
        )


@each(*BUILT)
def test_behind_walls_a_model_finds_no_secret_no_process_and_no_network(tmp_path, spy, walls):
    with pytest.raises(InputError) as raised:
        score(tmp_path, spy, walls=walls)

    assert raised.value.message.startswith("the model failed on these rows: ValueError: {} (")


def test_without_walls_its_own_environment_holds_no_secret(tmp_path, spy):
    with pytest.raises(InputError) as raised:
        score(tmp_path, spy, walls=Walls.NONE)

    assert "ValueError: {" in raised.value.message
    assert '"processes"' in raised.value.message, "the spy must be able to find something"
    assert '"environment"' not in raised.value.message
    assert '"label"' not in raised.value.message
    assert '"privileges"' not in raised.value.message


def test_what_a_model_prints_is_not_what_it_answers(tmp_path):
    chatty = models.written(
        tmp_path / "chatty",
        """
import os, sys
print('{"event": "error", "stage": "load", "kind": "", "message": "printed"}', flush=True)
os.write(1, b"\\x00\\xff" * 100_000)
os.write(2, b'{"event": "done", "classes": []}\\n')
return frame["x"] * 2
""",
    )

    written = score(tmp_path, chatty)

    assert written["prediction"].tolist() == (models.rows()["x"] * 2).tolist()


def test_answers_forged_on_the_way_out_do_not_change_rows_or_labels(tmp_path):
    forger = models.written(
        tmp_path / "forger",
        """
import atexit, glob, os
import pyarrow as pa, pyarrow.parquet as pq
def forge():
    pq.write_table(pa.table({"prediction": [0.0] * 400, "minutes": [0.0] * 400}),
                   "answers.parquet")
atexit.register(forge)
return frame["x"]
""",
    )

    with pytest.raises(InputError, match="unexpected columns"):
        score(tmp_path, forger)


@pytest.mark.parametrize(
    ("deed", "told"),
    [
        (
            """
import pyarrow as pa, pyarrow.parquet as pq
pq.write_table(pa.table({"a0": pa.repeat(0.25, 5_000_000)}), "answers.parquet")
""",
            "returned 5,000,000 rows for 400",
        ),
        ('import os; os.symlink("/dev/zero", "answers.parquet")', "no readable output"),
        ('import os; os.mkfifo("answers.parquet")', "no readable output"),
    ],
    ids=["bomb", "endless device", "pipe"],
)
@each(*Walls)
def test_what_a_model_leaves_is_refused_before_it_is_read(tmp_path, deed, told, walls):
    hostile = models.written(
        tmp_path / "hostile",
        f"""
{deed}
import os, sys
line = b'{{"event": "done", "names": null, "classes": [], "counted": false}}\\n'
os.write(int(sys.argv[-1]), line)
os._exit(0)
""",
    )

    with pytest.raises(InputError, match=told):
        score(tmp_path, hostile, walls=walls)


@each(*BUILT)
def test_behind_walls_the_rows_that_were_given_stay_as_they_were(tmp_path, walls):
    forger = models.written(
        tmp_path / "forger",
        """
import json, os, sys
order = sys.argv[-2]
given = json.load(open(order))["data"]
found = []
for path in (order, given, os.path.join(os.path.dirname(given), "new")):
    for attempt in (lambda: open(path, "ab"), lambda: os.unlink(path), lambda: os.mkdir(path)):
        try:
            attempt()
            found.append(path)
        except OSError:
            pass
raise ValueError(json.dumps(found))
""",
    )

    with pytest.raises(InputError) as raised:
        score(tmp_path, forger, walls=walls)

    assert "ValueError: []" in raised.value.message


@each(*BUILT)
def test_behind_walls_the_labels_are_nowhere(tmp_path, monkeypatch, walls):
    places = [tmp_path / name for name in ("checkout", "disk/parts", "elsewhere")]
    seeker = models.written(
        tmp_path / "seeker",
        """
import json, os
found = []
for folder, folders, files in os.walk("/"):
    folders[:] = [n for n in folders if (folder, n) not in (("/", "proc"), ("/", "usr"))]
    found += [
        os.path.join(folder, n) for n in files
        if n.startswith("cdml-planted.") and os.path.getsize(os.path.join(folder, n))
    ]
found += sorted(set(os.listdir("/")) - set(ORDINARY))
raise ValueError(json.dumps(found))
""".replace("ORDINARY", repr(ORDINARY)),
    )
    for place in places:
        place.mkdir(parents=True, exist_ok=True)
        for kind in ("csv", "jsonl", "parquet"):
            (place / f"cdml-planted.{kind}").write_text("planted")
    monkeypatch.chdir(places[0])

    with pytest.raises(InputError) as raised:
        score(tmp_path, seeker, walls=walls, hidden=[places[1]])

    assert "ValueError: []" in raised.value.message


@each(*Walls)
def test_a_model_has_limits_of_files_and_of_memory(tmp_path, walls):
    curious = models.written(
        tmp_path / "curious",
        """
import json, resource
found = {n: resource.getrlimit(getattr(resource, n)) for n in (
    "RLIMIT_CORE", "RLIMIT_FSIZE", "RLIMIT_CPU", "RLIMIT_NOFILE", "RLIMIT_DATA", "RLIMIT_NPROC")}
try:
    with open("large", "wb") as file:
        file.truncate(found["RLIMIT_FSIZE"][0] + 1)
except OSError as error:
    found["written"] = error.errno
raise ValueError(json.dumps({n: v if n == "written" else v[1] for n, v in found.items()}))
""",
    )

    with pytest.raises(InputError) as raised:
        score(tmp_path, curious, walls=walls)
    said = raised.value.message.partition("ValueError: ")[2]
    found, _ = json.JSONDecoder().raw_decode(said)
    assert errno.EFBIG == found["written"]
    assert found["RLIMIT_CORE"] == 0
    assert 0 < found["RLIMIT_FSIZE"] < 2 * 2**30
    assert 0 < found["RLIMIT_DATA"] <= sandbox.memory()
    assert 0 < found["RLIMIT_NOFILE"] <= 4096
    assert found["RLIMIT_CPU"] > 0
    assert walls is Walls.NONE or 0 < found["RLIMIT_NPROC"] <= 4096


@pytest.mark.parametrize(
    ("ending", "told"),
    [
        ("import os; os.write(2, b'out of luck\\n'); os._exit(3)", "code 3 before .*: out of luck"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "code 137 before"),
        ("import sys; sys.exit(0)", "failed on these rows: SystemExit: 0"),
    ],
    ids=["exit", "killed", "sys.exit"],
)
def test_a_model_that_ends_its_process_is_an_input_error(tmp_path, ending, told):
    model = models.written(tmp_path / "model", ending)

    with pytest.raises(InputError, match=told):
        score(tmp_path, model)


@each(*Walls)
def test_nothing_a_model_started_outlives_it(tmp_path, walls):
    marker = f"cdml-left-behind-{os.getpid()}-{walls}"
    model = models.written(
        tmp_path / "model",
        f"""
import os, subprocess, sys, time
code = "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        subprocess.Popen([sys.executable, "-c", code, "{marker}"], start_new_session=True)
        os._exit(0)
time.sleep(600)
""",
    )

    with pytest.raises(InputError, match="did not finish within 12 seconds"):
        score(tmp_path, model, walls=walls, timeout=12)

    deadline = time.monotonic() + 120  # a busy kernel takes a moment to bury them
    while (left := _processes(marker)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert [] == left


def _processes(marker):
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += [path.parent.name] if marker.encode() in path.read_bytes() else []
        except OSError:
            continue
    return found
