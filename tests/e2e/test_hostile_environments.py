"""Packages and interpreters that mean no good, built and started for real."""

import ast
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cdml.adapters.scoring.environments import cache_folder, interpreter
from cdml.adapters.scoring.sandbox import Walls
from cdml.adapters.scoring.sandbox_choice import can_build
from cdml.errors import InputError
from fakes.progress import FakeProgress
from support import models, wheels

SPY = """
import glob, os, socket
def reads(path):
    try:
        with open(path, "rb") as file:
            return b"hidden-value" in file.read(1 << 20)
    except OSError:
        return False
def writes(path):
    try:
        with open(path, "w") as file:
            return True
    except OSError:
        return False
try:
    socket.create_connection(("127.0.0.1", {port}), 5).close()
    network = True
except OSError:
    network = False
found = {{
    "variables": [name for name, value in os.environ.items() if "hidden-value" in value],
    "processes": [path for path in glob.glob("/proc/[0-9]*/environ") if reads(path)],
    "files": [path for path in {secrets!r} if reads(path)],
    "written": [path for path in {places!r} if writes(path)],
    "network": network,
}}
"""


class Job:
    """A checkout with secrets around it, and a model in it that names packages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.checkout = folder / "checkout"
        self.model = models.plain(
            self.checkout / "model", "flavors: {python_function: {loader_module: m}}\n"
        )
        self.mark = folder / "started"
        self.secrets = [folder / "home" / ".netrc", self.checkout / ".git" / "config"]
        for secret in self.secrets:
            secret.parent.mkdir(parents=True)
            secret.write_text("machine index.test login x password hidden-value\n")

    def requires(self, *lines: str) -> None:
        (self.model / "requirements.txt").write_text("\n".join(lines))

    def build(self, walls=lambda: Walls.NAMESPACES) -> Path:
        """The folder of the packages."""
        python = interpreter("model", self.model, FakeProgress(), lambda *_: None, walls=walls)
        return next(python.parent.parent.glob("lib/python3.*/site-packages"))

    def marking(self) -> str:
        return f"open({str(self.mark)!r}, 'w').close()"


@pytest.fixture
def job(tmp_path, monkeypatch):
    found = Job(tmp_path)
    variables = wheels.index(tmp_path / "index")
    for name, value in {**variables, "UV_CACHE_DIR": str(tmp_path / "uv")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home" / ".cache"))
    monkeypatch.delenv("CDML_BUILD", raising=False)
    monkeypatch.chdir(found.checkout)
    return found


@pytest.fixture(params=[Walls.NAMESPACES, Walls.SUDO], ids=str)
def walls(request):
    if not can_build(request.param):
        pytest.skip(f"this machine lets nobody build the walls {request.param}")
    return request.param


def test_installing_a_wheel_runs_nothing_of_it(job):
    files = {"helper.py": job.marking(), "helper.pth": "import helper\n"}
    wheels.wheel(job.model, "helper", files)
    wheels.wheel(job.folder / "index", "other", {"sitecustomize.py": job.marking()})
    job.requires("./helper-1.0-py3-none-any.whl", "other")

    packages = job.build()

    assert (packages / "helper.pth").is_file()
    assert (packages / "sitecustomize.py").is_file()
    assert not job.mark.exists()
    done = subprocess.run([packages.parents[2] / "bin" / "python", "-c", ""], check=False)
    assert (0, True) == (done.returncode, job.mark.exists()), "a start would have left its mark"


def test_a_wheel_cannot_replace_the_interpreter_it_is_installed_for(job):
    files = {
        "helper-1.0.data/data/pyvenv.cfg": f"home = {job.folder}\n",
        "helper-1.0.data/data/bin/activate": "#!/bin/sh\n",
        "helper-1.0.data/data/lib/python3.11/os.py": "",
        "helper-1.0.data/scripts/pydoc.bat": "#!python\n",
    }
    wheels.wheel(job.model, "helper", files)
    job.requires("./helper-1.0-py3-none-any.whl")

    frame = job.build().parents[2]

    assert str(job.folder) not in (frame / "pyvenv.cfg").read_text().partition("uv =")[0]
    assert "VIRTUAL_ENV" in (frame / "bin" / "activate").read_text()
    assert not [*frame.glob("lib/python3.*/os.py")]
    assert Path(sys.executable).resolve() == (frame / "bin" / "python").resolve()
    wheels.wheel(job.model, "helper", {"helper-1.0.data/data/bin/python": "#!/bin/sh\n"})
    with pytest.raises(InputError, match="reserved name"):
        job.build()


def test_a_source_package_is_not_built(job):
    wheels.source(job.model, "helper", job.marking())
    wheels.source(job.folder / "index", "other", job.marking())
    for line, name in (("./helper-1.0.tar.gz", "helper"), ("other==1.0", "other")):
        job.requires(line)

        with pytest.raises(InputError, match=f"needs {name}, which has no wheel") as raised:
            job.build()

        assert "build: allow" in raised.value.hint
    assert not job.mark.exists()


def test_an_allowed_build_sees_nothing_of_the_job(job, monkeypatch, walls):
    monkeypatch.setenv("CDML_BUILD", "allow")
    for name in ("MLFLOW_TRACKING_TOKEN", "UV_INDEX_PRIVATE_PASSWORD", "GITHUB_TOKEN"):
        monkeypatch.setenv(name, "hidden-value")
    monkeypatch.setenv("UV_INDEX", "private=http://robot:hidden-value@127.0.0.1:9/simple")
    places = [job.checkout / "left", job.folder / "home" / "left", cache_folder() / "left"]
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = SPY.format(
            port=server.getsockname()[1],
            secrets=[*map(str, job.secrets)],
            places=[*map(str, places), "/etc/cdml-was-here"],
        )
        with subprocess.Popen(["sleep", "300"]) as neighbour:
            try:
                wheels.source(job.model, "helper", code)
                job.requires("./helper-1.0.tar.gz")
                packages = job.build(lambda: walls)
            finally:
                neighbour.kill()

    found = ast.literal_eval((packages / "built.py").read_text())
    # What is hidden is empty there: what a build writes into it is gone with it.
    assert {"variables": [], "processes": [], "files": []} == {
        name: found[name] for name in ("variables", "processes", "files")
    }
    assert found["network"] is True, "a build needs the network"
    assert not [place for place in [*places, Path("/etc/cdml-was-here")] if place.exists()]


FORBIDDEN = """
import json, pathlib, sys
from cdml.adapters.scoring.environments import interpreter
from cdml.adapters.scoring.sandbox_choice import choose
from cdml.ci.run import RunTrust
from cdml.errors import CdmlError
from fakes.progress import FakeProgress
try:
    walls = lambda: choose(RunTrust(strangers=""))
    interpreter("model", pathlib.Path(sys.argv[1]), FakeProgress(), lambda *_: None, walls=walls)
    print(json.dumps([0, ""]))
except CdmlError as error:
    print(json.dumps([error.exit_code, error.message]))
"""


def without_namespaces(job):
    """Build where namespaces are forbidden: the exit code and the message."""
    command = [sys.executable, "-c", FORBIDDEN, str(job.model)]
    if can_build(Walls.NAMESPACES):
        forbid = 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"'
        command = ["unshare", "-Ur", "bash", "-c", forbid, "_", *command]
    paths = [Path(__file__).parents[2] / "src", Path(__file__).parents[1]]
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_without_walls_nothing_is_built(job, monkeypatch):
    monkeypatch.setenv("CDML_BUILD", "allow")
    wheels.source(job.model, "helper", job.marking())
    job.requires("./helper-1.0.tar.gz")

    code, message = without_namespaces(job)

    assert (2, True) == (code, "no sandbox to build it in" in message)
    assert not job.mark.exists()


def test_without_walls_wheels_are_installed_and_nothing_of_them_runs(job):
    wheels.wheel(job.model, "helper", {"helper.pth": f"import os; {job.marking()}\n"})
    job.requires("./helper-1.0-py3-none-any.whl")

    assert [0, ""] == without_namespaces(job)
    assert not job.mark.exists()


def test_settings_around_a_model_have_no_effect(job):
    for folder in (job.model, job.checkout, cache_folder().parent, job.folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "uv.toml").write_text("this is no setting of uv")
        (folder / "pyproject.toml").write_text("[tool.uv]\nindex-url = 1\n")
        (folder / ".venv" / "bin").mkdir(parents=True)
        (folder / ".venv" / "pyvenv.cfg").write_text("home = /\n")
        python = folder / ".venv" / "bin" / "python"
        python.write_text(f"#!/bin/sh\ntouch {job.mark}\n")
        python.chmod(0o755)
    (job.model / "python_env.yaml").write_text("python: 3.4.1\n")
    job.requires()

    assert job.build().is_dir()
    assert not job.mark.exists()


def test_two_models_whose_wheels_differ_have_two_environments(job):
    said = []
    for code in ("WHO = 1", "WHO = 2"):
        wheels.wheel(job.model / "wheels", "helper", {"helper.py": code})
        job.requires("wheels/helper-1.0-py3-none-any.whl")
        said.append((job.build() / "helper.py").read_text())

    assert ["WHO = 1", "WHO = 2"] == said


def test_an_environment_shares_no_file_with_the_installers_cache(job):
    job.requires("pandas")

    files = [path for path in job.build().rglob("*") if path.is_file()]

    assert files
    assert all(path.stat().st_nlink == 1 for path in files)


def test_an_environment_whose_building_was_ended_is_not_used(job):
    job.requires("pandas")

    def ended(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interpreter("model", job.model, FakeProgress(), ended)
    assert [] == [one.name for one in cache_folder().iterdir() if one.name != ".lock"]
    progress = FakeProgress()
    interpreter("model", job.model, progress, lambda *_: None)
    assert progress.steps, "it is built anew"
