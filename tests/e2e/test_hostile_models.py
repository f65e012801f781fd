"""Models that stop clocks, and users who may make no namespaces."""

import json
import os
import pwd
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import cdml
from cdml.adapters.scoring import sandbox
from cdml.adapters.scoring.sandbox import Walls
from support import models, second_user
from support.scoring import each, scored_with


@each(*Walls)
def test_a_model_that_stops_its_clocks_is_timed_all_the_same(tmp_path, walls):
    """Each answer takes 20 milliseconds; by the model's clocks it takes none."""
    stopped = models.written(
        tmp_path / "stopped",
        "import time\ntime.sleep(0.02)\nreturn frame['x']",
        load="import time\nfor name in ('perf_counter', 'monotonic', 'time'):\n"
        "    setattr(time, name, lambda: 0.0)",
    )

    scored = scored_with(tmp_path, stopped, walls=walls)

    assert 60 <= len(scored.latency_ms) <= 400
    assert statistics.median(scored.latency_ms) > 1, "a busy machine may stamp a line late"


@pytest.fixture
def theirs():
    """A folder of a second user's, who may use sudo and make no namespaces."""
    if os.geteuid() != 0 or not Path(sandbox.SUDO_COMMAND).exists():
        pytest.skip("only root can start another user's process, and sudo has to be there")
    with tempfile.TemporaryDirectory(prefix="cdml-theirs-") as name:
        os.chown(name, second_user.NUMBER, second_user.NUMBER)
        yield Path(name)


SECOND = """
import json, os, sys
from pathlib import Path
from cdml.adapters.scoring.sandbox_choice import choose
from cdml.ci.run import RunTrust
from cdml.errors import CdmlError
from support import models
from support.scoring import score
folder = Path(sys.argv[1])
hosted = os.environ["RUNNER_ENVIRONMENT"] == "github-hosted"
walls = choose(RunTrust(strangers="", disposable=hosted))
said = {"walls": walls.value, "namespaces": os.path.exists("/proc/self/ns/user")}
try:
    score(folder, models.written(folder / "model", sys.stdin.read()), walls=walls)
except CdmlError as error:
    said["message"] = error.message
said["left"] = sorted(p.name for p in folder.glob("tmp/*"))
print(json.dumps(said))
"""


def as_second_user(folder, body, **variables):
    """Score with a model of this body, and tell what was said."""
    paths = [Path(__file__).parent, Path(__file__).parents[1], Path(cdml.__file__).parents[1]]
    (folder / "tmp").mkdir(mode=0o777)
    (folder / "tmp").chmod(0o777)
    done = subprocess.run(
        second_user.command(sys.executable, "-c", SECOND, folder),
        input=body,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TMPDIR": str(folder / "tmp"),
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
            "SECRET_TOKEN": "hidden-value",
            **variables,
        },
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


WAY_BACK = """
import glob, json, os, subprocess
found = {"user": [os.getuid(), os.geteuid(), os.getgid()], "groups": os.getgroups()}
status = dict(line.split(":\t", 1) for line in open("/proc/self/status").read().splitlines())
found["capabilities"] = [status[n] for n in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")]
found["new privileges"] = status["NoNewPrivs"] != "1"
try:
    os.setuid(0)
    found["became"] = "root"
except PermissionError:
    pass
sudo = subprocess.run(["/usr/bin/sudo", "-n", "true"], capture_output=True)
found["sudo"] = sudo.returncode == 0
def reads(path):
    try:
        return b"hidden-value" in open(path, "rb").read(1 << 20)
    except OSError:
        return False
found["processes"] = [p for p in glob.glob("/proc/[0-9]*/environ") if reads(p)]
os.makedirs("left/deep", 0o700)
open("left/deep/file", "w").close()
raise ValueError(json.dumps(found))
"""


def test_where_only_root_makes_namespaces_a_model_is_nobody_in_them(theirs):
    said = as_second_user(theirs, WAY_BACK, RUNNER_ENVIRONMENT="github-hosted")

    assert "sudo" == said["walls"]
    found, _ = json.JSONDecoder().raw_decode(said["message"].partition("ValueError: ")[2])
    nobody = pwd.getpwnam("nobody")
    assert [nobody.pw_uid, nobody.pw_uid, nobody.pw_gid] == found.pop("user")
    assert {"0" * 16} == set(found.pop("capabilities"))
    assert {"groups": [], "new privileges": False, "sudo": False, "processes": []} == found
    assert [] == said["left"], "what nobody wrote is theirs again, and gone"


def test_where_the_workflow_allows_no_sudo_a_model_runs_without_walls(theirs):
    said = as_second_user(theirs, WAY_BACK, RUNNER_ENVIRONMENT="self-hosted")

    assert "none" == said["walls"]
    found, _ = json.JSONDecoder().raw_decode(said["message"].partition("ValueError: ")[2])
    assert second_user.NUMBER == found["user"][0]
    assert found["processes"], "the spy must be able to find something"
