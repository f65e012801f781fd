"""The interpreter a model is run by: built from the model's own requirements, and kept.

Nothing of an environment is started here: it is made while it is empty, wheels are unpacked into
it without running any of them, and what is to be built from source is built in a sandbox.
"""

import hashlib
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

from cdml.adapters.scoring import cached_environments
from cdml.adapters.scoring.model_requirements import (
    ModelRequirement,
    content,
    copied,
    parse_requirements,
    read_requirements,
)
from cdml.adapters.scoring.package_index import (
    find_uv,
    public_environment,
    settings_of_uv,
    uv_environment,
)
from cdml.adapters.scoring.sandbox import SandboxedCommand, Walls, inspect
from cdml.adapters.scoring.subprocesses import private_folder, run
from cdml.common.progress import Progress
from cdml.common.scratch_folders import prefix as scratch_prefix
from cdml.common.scratch_folders import sweep
from cdml.errors import ConfigurationError, InputError

BUILD = "CDML_BUILD"
_BUILD_SECONDS = 1800
_LAYOUT = "4"
"""Part of every key: raise it when environments are built differently."""
_CURRENT = f"{sys.version_info.major}.{sys.version_info.minor}"
_NO_WHEEL = re.compile(
    r"(?:Wheels are required for|Building source distributions for|attempted to build)"
    r" `([\w.-]+)"
)

Warm = Callable[[Path, Path], None]
"""Receives a new environment's interpreter and packages folder, before it is in place."""


def interpreter(
    environment: str,
    model: Path,
    progress: Progress,
    warm: Warm,
    *,
    walls: Callable[[], Walls] = lambda: Walls.NONE,
    hide: Sequence[Path] = (),
) -> Path:
    """The Python that runs a model: `model`, `current`, or the path or name of an interpreter.

    `warm` is called with a new environment; `walls` only where a package is built from
    source, which is not to see what is in the folders to `hide`.

    Raises:
        ConfigurationError: there is no such interpreter, or no uv to build one, or no sandbox to
            build a package behind.
        InputError: the model's requirements cannot be installed.
    """
    if environment == "current":
        return Path(sys.executable)
    if environment == "model":
        requirements, python = read_requirements(model), _python_version(model)
        return _built(requirements, python, progress, warm, walls, hide)
    executable = shutil.which(environment)
    if executable is None:
        raise ConfigurationError(
            f"scoring.environment is {environment}, which is not an interpreter.",
            "Set it to model, current, or the path of an interpreter.",
        )
    return Path(executable).absolute()


def requirements_environment(folder: Path, progress: Progress) -> Path:
    """The Python with the packages of a folder's requirements.txt; raises as `interpreter`."""
    requirements = parse_requirements(folder)
    return _built(requirements, _CURRENT, progress, lambda *_: None, lambda: Walls.NONE, ())


def cache_folder() -> Path:
    """Where environments are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "cdml" / "environments"


def _built(
    requirements: Sequence[ModelRequirement],
    python: str,
    progress: Progress,
    warm: Warm,
    walls: Callable[[], Walls],
    hide: Sequence[Path],
) -> Path:
    setting = os.environ.get(BUILD, "")
    if setting not in {"", "allow", "deny"}:
        raise ConfigurationError(f"{BUILD} is {setting!r}.", "Set it to allow or deny.")
    builds = setting == "allow"
    variables = uv_environment(os.environ)
    cached = cache_folder() / _key(requirements, python, variables, builds=builds)
    if cached_environments.use(cached):
        return cached / "bin" / "python"
    uv = find_uv()
    cached.parent.mkdir(parents=True, exist_ok=True)
    sweep(cached.parent)
    cached_environments.prune(cached.parent)
    shutil.rmtree(cached, ignore_errors=True)  # its base interpreter is gone
    building = Path(tempfile.mkdtemp(dir=cached.parent, prefix=scratch_prefix(".building")))
    try:
        with (
            progress.step(f"building the environment of {len(requirements)} requirements"),
            private_folder("cdml-build-") as scratch,
        ):
            builder = _Builder(uv, building, scratch, variables, hide)
            builder.make(python, progress)
            builder.install(copied(requirements, scratch / "files"), walls if builds else None)
            warm(building / "bin" / "python", builder.packages)
        try:
            building.rename(cached)
        except OSError:  # whoever was quicker has built the same
            if not (cached / "bin" / "python").exists():
                raise
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return cached / "bin" / "python"


class _Builder:
    """Makes one environment; in its `scratch` folder uv finds no settings but its user's."""

    def __init__(
        self,
        uv: list[str],
        folder: Path,
        scratch: Path,
        variables: dict[str, str],
        hide: Sequence[Path],
    ) -> None:
        self._uv, self._folder, self._scratch, self._variables = uv, folder, scratch, variables
        self._hide = hide

    @property
    def packages(self) -> Path:
        return next(self._folder.glob("lib/python3.*")) / "site-packages"

    def make(self, python: str, progress: Progress) -> None:
        executable = sys.executable if python == _CURRENT else python
        failed = self._make(executable)
        if failed is not None:
            progress.note(f"Python {python} is not available here; the model runs on {_CURRENT}.")
            failed = self._make(sys.executable)
        if failed is not None:
            raise _impossible(failed)

    def _make(self, python: str) -> str | None:
        options = ["--relocatable", "--allow-existing", "--no-project", "--python", python]
        command = [*self._uv, "venv", "--quiet", *settings_of_uv(self._variables), *options]
        return _run([*command, str(self._folder)], self._scratch, self._variables)

    def install(self, lines: Sequence[str], walls: Callable[[], Walls] | None) -> None:
        """Install packages: wheels are unpacked; others are built, if `walls` is given.

        uv starts the environment's interpreter once, before there is anything in it. Packages go
        to a target folder, so that none can replace the interpreter or its settings.
        """
        requirements = self._scratch / "requirements.txt"
        requirements.write_text("\n".join(lines) + "\n", encoding="utf-8")
        command = [*self._uv, "pip", "install", "--quiet", "--no-compile-bytecode"]
        command += ["--link-mode", "copy", "--python", str(self._folder / "bin" / "python")]
        command += ["--target", str(self.packages), "--requirement", str(requirements)]
        settings = settings_of_uv(self._variables)
        failed = _run([*command, *settings, "--no-build"], self._scratch, self._variables)
        if failed is None:
            return
        source = _NO_WHEEL.search(failed)
        if source is None:
            raise _impossible(failed)
        if walls is None:
            raise InputError(
                f"the model's environment needs {source[1]}, which has no wheel for this"
                " Python, and packages are not built from source.",
                "Require a version that has a wheel, or allow the build in the workflow: build:"
                f" allow ({BUILD}=allow).",
            )
        if (around := walls()) is Walls.NONE:
            raise ConfigurationError(
                f"{source[1]} must be built from source, and this machine has no sandbox to"
                " build it in.",
                "Require a version that has a wheel, or use a runner that allows user namespaces.",
            )
        self._build(command, around)

    def _build(self, command: list[str], walls: Walls) -> None:
        """Install once more, with builds, where there is nothing to see but the network."""
        scratch = self._scratch
        python = inspect(self._folder / "bin" / "python")
        ours = inspect(Path(sys.executable))
        variables, files = public_environment(self._variables, scratch)
        if self._uv == command[:1]:  # no link to it is there
            command = [os.path.realpath(command[0]), *command[1:]]
        read = [*python.folders, *ours.folders, Path(command[0]), *files]
        build = SandboxedCommand(
            command=["/bin/sh", "-c", f"exec {shlex.join([*command, '--no-config'])}"],
            scratch=scratch, walls=walls, seconds=_BUILD_SECONDS, network=variables,
            hide=self._hide,
            keep=[*((path, False) for path in read), (scratch, True), (self.packages, True)],
        )  # fmt: skip
        ended = run(build, lambda _: None)
        if ended.timed_out:
            raise _impossible(f"uv did not finish within {_BUILD_SECONDS // 60} minutes")
        if ended.code:
            raise _impossible(_words(ended.last_words) or f"uv ended with {ended.code}")


def _impossible(why: str) -> InputError:
    return InputError(
        f"the model's environment cannot be built: {why[:400].rstrip('. ')}.",
        "Correct the model's requirements.txt, or set scoring.environment to current.",
    )


def _run(command: list[str], folder: Path, variables: dict[str, str]) -> str | None:
    """Run uv; None if it went well, else what it said, on one line."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_BUILD_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return f"uv did not finish within {_BUILD_SECONDS // 60} minutes"
    if done.returncode == 0:
        return None
    return _words(done.stderr) or f"uv ended with {done.returncode}"


def _words(output: str) -> str:
    bare = re.sub(r"(?<=//)[^/@\s]+@", "", output)
    words = re.sub(r"[^\x20-\x7e]+|\s+", " ", bare).replace(" x ", " ").strip()
    return words.removeprefix("error: ")


def _python_version(model: Path) -> str:
    """The minor version the model was saved with: patch versions are seldom the same anywhere."""
    try:
        document = yaml.safe_load((model / "python_env.yaml").read_text(encoding="utf-8"))
        match = re.match(r"3\.\d+", str(document["python"]))
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        return _CURRENT
    return match[0] if match else _CURRENT


def _key(
    requirements: Sequence[ModelRequirement],
    python: str,
    variables: dict[str, str],
    *,
    builds: bool,
) -> str:
    """All that the environment depends on: its requirements, their files, and the indexes."""
    public, _ = public_environment(variables, Path("/"))
    indexes = {name: value for name, value in public.items() if "INDEX" in name or "LINKS" in name}
    base = [_LAYOUT, python, sys.base_prefix, platform.machine(), builds]
    parts = [base, content(requirements), sorted(indexes.items())]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]
