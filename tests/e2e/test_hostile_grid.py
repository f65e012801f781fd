"""Every entry of a model on every machine: what it brings runs behind the walls, or not at all.

A machine makes namespaces, or lets only root make them, or none. Where there are none the workflow
decides: isolation that is required refuses the model before anything of it runs; isolation that is
preferred runs it, and evidence, report and `cdml isolation`, which closes the token, say `none`.
"""

import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import mlflow.sklearn
import pytest
import sklearn.base
import sklearn.linear_model
import sklearn.pipeline

import cdml
from cdml.adapters.scoring import sandbox
from cdml.adapters.scoring.sandbox import Walls
from cdml.adapters.scoring.sandbox_choice import can_build
from cdml.cli import run
from cdml.evidence.schema import Evaluation
from cdml.evidence.store import read_evidence
from support import models, second_user, wheels

FORBID = 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"'
PATHS = (Path(cdml.__file__).parents[1], Path(models.__file__).parents[1])
MACHINES = {
    "namespaces": {},
    "sudo": {"RUNNER_ENVIRONMENT": "github-hosted"},
    "none": {"CDML_ISOLATION": "preferred"},
    "refused": {"CDML_ISOLATION": "required"},
}
CONFIG = """\
version: 1
model: m
registry: {{uri: "folder:registry"}}
data: {{evaluation: rows.parquet, key: [id], label: minutes}}
gates: [{{metric: "own:gain", at_most: 1000000}}]
scoring: {{environment: "{environment}", timeout: 2m}}
"""
LINES = (
    "-r other.txt",
    "-c other.txt",
    "-e .",
    "../outside-1.0-py3-none-any.whl",
    "{folder}/outside-1.0-py3-none-any.whl",
    "${{HOME}}/outside-1.0-py3-none-any.whl",
    "--index-url http://127.0.0.1:9/simple",
    "outside @ http://127.0.0.1:9/outside-1.0-py3-none-any.whl",
)
INSTALL = """
import json, pathlib, sys
from cdml.adapters.scoring.environments import interpreter
from cdml.adapters.scoring.sandbox_choice import choose
from cdml.ci.run import RunTrust
from cdml.errors import CdmlError
from fakes.progress import FakeProgress
model, codes = pathlib.Path(sys.argv[1]), []
walls = lambda: choose(RunTrust(strangers=""))
for line in json.load(sys.stdin):
    (model / "requirements.txt").write_text(line)
    try:
        interpreter("model", model, FakeProgress(), lambda *_: None, walls=walls)
        codes.append(0)
    except CdmlError as error:
        codes.append(error.exit_code)
print(json.dumps(codes))
"""
ENTRIES = {
    "code": "model",
    "loading": "model",
    "metric": "model",
    "pickle": "pickled",
    "cloudpickle": "pipeline",
    "transformer": "pipeline",
    "wheel": "packages",
    "pth": "venv",
}
"""What may run at a model's will, and the scoring that brings it."""
JUDGED = ("model", "pickled", "pipeline")
"""Scorings that end with evidence; the others have an environment without MLflow."""


class Trap:
    """Runs code while it is unpickled."""

    def __init__(self, code: str) -> None:
        self.code = code

    def __reduce__(self):
        return exec, (self.code,)


class Models:
    """Models that leave marks in a folder outside of every wall; made once for all machines."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.marks = folder, folder / "marks"
        self.marks.mkdir()
        self.marks.chmod(0o777)
        self.made = functools.cache(lambda name: getattr(self, f"_{name}")(folder / name))

    def trace(self, entry: str) -> str:
        """Code that leaves a mark, where it sees the machine."""
        place = str(self.marks / entry)
        return f"import os\ntry:\n    open({place!r}, 'w').close()\nexcept OSError:\n    pass\n"

    def _model(self, folder: Path) -> Path:
        code = f"{self.trace('code')}\nreturn frame['x']"
        return models.written(folder, code, load=self.trace("loading"))

    def _pickled(self, folder: Path) -> Path:
        rows = models.rows()
        fitted = sklearn.linear_model.LinearRegression().fit(rows[["x", "y"]], rows["minutes"])
        fitted.trap_ = Trap(self.trace("pickle"))
        with models.quietly():
            mlflow.sklearn.save_model(
                fitted,
                str(folder),
                pip_requirements=["scikit-learn", "mlflow"],
                serialization_format="pickle",
            )
        return folder

    def _pipeline(self, folder: Path) -> Path:
        """A step of a pipeline, kept as the code of its class."""
        trace = self.trace("transformer")

        class Step(sklearn.base.BaseEstimator, sklearn.base.TransformerMixin):
            trap = Trap(self.trace("cloudpickle"))

            def fit(self, frame, *_):
                self.feature_names_in_ = frame.columns.to_numpy(dtype=object)
                return self

            def transform(self, frame):
                exec(trace, {})  # noqa: S102 - ours
                return frame

        Step.__module__ = "__main__"
        rows = models.rows()
        steps = sklearn.pipeline.make_pipeline(Step(), sklearn.linear_model.LinearRegression())
        return models.save_sklearn(folder, steps.fit(rows[["x", "y"]], rows["minutes"]))

    def _packages(self, folder: Path) -> Path:
        files = {"helper.py": self.trace("wheel"), "helper.pth": "import helper\n"}
        wheels.wheel(folder, "helper", files)
        return requiring(folder, "./helper-1.0-py3-none-any.whl")

    def _source(self, folder: Path) -> Path:
        wheels.source(folder, "helper", f"{self.trace('sdist')}\nfound = 'built'")
        return requiring(folder, "./helper-1.0.tar.gz")

    def _venv(self, folder: Path) -> Path:
        return requiring(folder)

    _script = _venv


def requiring(folder: Path, *lines: str) -> Path:
    """A model that requires these, and brings settings by which others would be installed."""
    models.plain(folder, "flavors: {python_function: {loader_module: m}}\n")
    (folder / "requirements.txt").write_text("\n".join(lines))
    (folder / "uv.toml").write_text("this is no setting of uv")
    (folder / "pyproject.toml").write_text("[tool.uv]\nindex-url = 1\n")
    return folder


class Machine:
    """A folder with a checkout, and commands that run in it as on a machine of this kind."""

    def __init__(self, name: str, folder: Path, made: Models) -> None:
        self.name, self.folder, self.checkout, self.made = name, folder, folder / "checkout", made
        for path in (self.checkout, folder / "tmp", folder / "home"):
            path.mkdir()
        self.variables = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder / "home"),
            "TMPDIR": str(folder / "tmp"),
            "PYTHONPATH": os.pathsep.join(map(str, PATHS)),
            "CDML_BUILD": "allow",
            **wheels.index(folder / "index"),
            **MACHINES[name],
        }
        models.parquet(self.checkout)
        code = f"{made.trace('metric')}\ndef gain(y_true, y_pred):\n    return 0.5\n"
        (self.checkout / "own.py").write_text(code)
        self.score = functools.cache(self._score)

    def run(self, *arguments: object, **given) -> subprocess.CompletedProcess:
        """A process of ours, as an ordinary step of a job starts it."""
        command = [sys.executable, *map(str, arguments)]
        if self.name == "sudo":
            command = second_user.command(*command)
            for path in (self.folder, *self.folder.rglob("*")):
                os.chown(path, second_user.NUMBER, second_user.NUMBER, follow_symlinks=False)
        elif self.name != "namespaces" and can_build(Walls.NAMESPACES):
            command = ["unshare", "-Ur", "bash", "-c", FORBID, "_", *command]
        return subprocess.run(
            command,
            env=self.variables,
            cwd=self.checkout,
            capture_output=True,
            text=True,
            check=False,
            **given,
        )

    def _score(self, scoring: str) -> tuple[int, str, frozenset[str]]:
        """Exit code, messages, and the marks that were left."""
        shutil.copytree(self.made.made(scoring), self.checkout / scoring)
        environment = {"venv": self._venv, "script": self._script}.get(scoring, str)()
        usual = "current" if scoring in JUDGED else "model"
        text = CONFIG.format(environment=environment or usual)
        (self.checkout / "cdml.yaml").write_text(text)
        for mark in self.made.marks.iterdir():
            mark.unlink()  # a pipeline was fitted here
        done = self.run(
            "-m", "cdml", "evaluate-model", "--model", scoring, "--output-dir", f"out/{scoring}"
        )
        marks = frozenset(one.name for one in self.made.marks.iterdir())
        return done.returncode, done.stderr, marks

    def _venv(self) -> str:
        frame = self.checkout / ".venv"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", frame], check=True)
        site = next(frame.glob("lib/python3.*/site-packages"))
        (site / "theirs.pth").write_text(f"import os; exec({self.made.trace('pth')!r})\n")
        return str(frame / "bin" / "python")

    def _script(self) -> str:
        script = self.checkout / "python"
        trace = self.made.marks / "script"
        script.write_text(f'#!/bin/sh\n: > {trace}\nexec {sys.executable} "$@"\n')
        script.chmod(0o755)
        return str(script)


@pytest.fixture(scope="module")
def made():
    with tempfile.TemporaryDirectory(prefix="cdml-grid-") as folder:
        Path(folder).chmod(0o755)
        yield Models(Path(folder))


@pytest.fixture(
    scope="module",
    params=[pytest.param(one, marks=pytest.mark.xdist_group(one)) for one in MACHINES],
)
def machine(request, made):
    if request.param == "namespaces" and not can_build(Walls.NAMESPACES):
        pytest.skip("this machine lets nobody make namespaces")
    if request.param == "sudo" and (os.geteuid() != 0 or not Path(sandbox.SUDO_COMMAND).exists()):
        pytest.skip("only root can start another user's process, and sudo has to be there")
    with tempfile.TemporaryDirectory(prefix="cdml-grid-") as folder:
        Path(folder).chmod(0o755)
        yield Machine(request.param, Path(folder), made)


@pytest.mark.parametrize("entry", ENTRIES)
def test_what_a_model_brings_runs_behind_the_walls_or_not_at_all(machine, entry):
    code, messages, marks = machine.score(ENTRIES[entry])

    assert (entry in marks) == (machine.name == "none"), messages
    if machine.name == "refused":
        assert (2, set()) == (code, marks)
        assert "No model was run" in messages
    elif ENTRIES[entry] in JUDGED:
        assert 0 == code, messages


@pytest.mark.parametrize("scoring", JUDGED)
def test_evidence_and_report_say_what_isolated_the_model(machine, scoring):
    machine.score(scoring)
    output = machine.checkout / "out" / scoring
    found = read_evidence(output, Evaluation)

    if machine.name == "refused":
        assert found is None
        return
    assert machine.name == found.isolation
    run(["report", "--config", str(machine.checkout / "cdml.yaml"), "--output-dir", str(output)])
    head, _, _ = (output / "comment.md").read_text().partition("\n|")
    assert ("(isolation: none)" in head) == (machine.name == "none")


def test_the_step_before_says_it_too_and_so_closes_the_token(machine):
    done = machine.run("-m", "cdml", "isolation")

    assert (2 if machine.name == "refused" else 0) == done.returncode
    assert machine.name == "refused" or machine.name in done.stdout


def test_a_source_package_is_built_behind_the_walls_or_not_at_all(machine):
    code, messages, marks = machine.score("source")

    built = [*machine.folder.glob("home/.cache/cdml/environments/*/lib/*/site-packages/built.py")]
    assert set() == marks, "not even where models run without walls"
    assert bool(built) == (machine.name in ("namespaces", "sudo")), messages
    assert built or code == 2, messages


def test_a_script_in_place_of_an_interpreter_is_refused(machine):
    code, messages, marks = machine.score("script")

    assert (2, set()) == (code, marks)
    assert "is not the interpreter of a Python installation" in messages


def test_a_requirement_of_more_than_a_package_is_refused_before_anything_runs(machine):
    outside = machine.folder / "outside"
    wheels.wheel(outside, "outside", {"outside.pth": "import os\n"})
    lines = [line.format(folder=outside) for line in LINES]

    done = machine.run(
        "-c", INSTALL, requiring(machine.checkout / "lines"), input=json.dumps(lines)
    )

    assert [4] * len(lines) == json.loads(done.stdout), done.stderr
