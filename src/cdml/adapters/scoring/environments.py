"""The interpreter a model is run by: built from the model's own requirements, and kept."""

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import yaml

from cdml.adapters.scoring.package_index import find_uv, uv_environment
from cdml.errors import ConfigurationError, InputError
from cdml.evidence.mlmodel import read_mlmodel
from cdml.evidence.model_digest import model_digest
from cdml.ports import Progress

_BUILD_SECONDS = 1800
_LAYOUT = "2"
"""Part of every key: raise it when environments are built differently."""
_CURRENT = f"{sys.version_info.major}.{sys.version_info.minor}"
_PLAIN = re.compile(r"\s*([A-Za-z0-9][\w.-]*)")

Warm = Callable[[Path, Path], None]
"""Told the interpreter and folder of a new environment, before it is put in its place."""


def interpreter(environment: str, model: Path, progress: Progress, warm: Warm) -> Path:
    """The Python that runs a model.

    Args:
        environment: `model`, `current`, or the path or name of an interpreter.
        model: the folder with MLmodel.
        progress: where to say what is built.
        warm: called with a new environment.

    Raises:
        ConfigurationError: there is no such interpreter, or no uv to build one.
        InputError: the model's requirements cannot be installed.
    """
    if environment == "current":
        return Path(sys.executable)
    if environment == "model":
        return _built(model, progress, warm)
    found = shutil.which(environment)
    if found is None:
        raise ConfigurationError(
            f"scoring.environment names {environment}, which is no interpreter.",
            "Set it to model, current, or the path of an interpreter.",
        )
    return Path(found).absolute()


def cache_folder() -> Path:
    """Where environments are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "cdml" / "environments"


def _built(model: Path, progress: Progress, warm: Warm) -> Path:
    requirements = _requirements(model)
    python = _python_version(model)
    known = cache_folder() / _key(model, requirements, python)
    if (known / "bin" / "python").exists():
        return known / "bin" / "python"
    uv = find_uv()
    known.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(known, ignore_errors=True)  # its base interpreter is gone
    building = Path(tempfile.mkdtemp(dir=known.parent, prefix=".building-"))
    try:
        with progress.step(f"building the environment of {len(requirements)} requirements"):
            _build(uv, building, model, requirements, python, progress)
            warm(building / "bin" / "python", building)
        _put(building, known)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return known / "bin" / "python"


def _put(building: Path, known: Path) -> None:
    """Rename in one step; whoever was quicker has built the same."""
    try:
        building.rename(known)
    except OSError:
        if not (known / "bin" / "python").exists():
            raise


def _build(
    uv: list[str],
    folder: Path,
    model: Path,
    requirements: list[str],
    python: str,
    progress: Progress,
) -> None:
    variables = uv_environment(os.environ)
    make = [*uv, "venv", "--quiet", "--relocatable", "--allow-existing", "--no-project"]
    wanted = sys.executable if python == _CURRENT else python
    made = _run([*make, "--python", wanted, str(folder)], model, variables)
    if made is not None:
        progress.note(f"there is no Python {python} here; the model runs on {_CURRENT}.")
        made = _run([*make, "--python", sys.executable, str(folder)], model, variables)
    text = folder / "requirements.txt"
    text.write_text("\n".join(requirements) + "\n", encoding="utf-8")
    install = [*uv, "pip", "install", "--quiet", "--python", str(folder / "bin" / "python")]
    failed = made or _run([*install, "--requirement", str(text)], model, variables)
    if failed is not None:
        raise InputError(
            f"the model's environment cannot be built: {failed}.",
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
        return f"uv was not done after {_BUILD_SECONDS // 60} minutes"
    if done.returncode == 0:
        return None
    said = re.sub(r"(?<=//)[^/@\s]+@", "", done.stderr)
    words = re.sub(r"[^\x20-\x7e]+|\s+", " ", said).replace(" x ", " ").strip()
    return words.removeprefix("error: ")[:400].rstrip(". ") or f"uv ended with {done.returncode}"


def _requirements(model: Path) -> list[str]:
    """The model's requirements, and what reading rows and loading it takes if they lack it."""
    path = model / "requirements.txt"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            "the model has no requirements.txt to build its environment from.",
            "Log it with pip_requirements, or set scoring.environment to current.",
        ) from error
    written = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    names = {re.sub(r"[-_.]+", "-", m[1]).lower() for line in written if (m := _PLAIN.match(line))}
    version = read_mlmodel(model).mlflow
    pin = f"=={version}" if version else ""
    if not names & {"mlflow", "mlflow-skinny"}:
        written.append(f"mlflow-skinny{pin}")
    if "mlflow" not in names:
        written += [name for name in ("pandas", "pyarrow") if name not in names]
    return written


def _python_version(model: Path) -> str:
    """The minor version the model was saved with: patch versions are seldom the same anywhere."""
    try:
        document = yaml.safe_load((model / "python_env.yaml").read_text(encoding="utf-8"))
        match = re.match(r"3\.\d+", str(document["python"]))
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        return _CURRENT
    return match[0] if match else _CURRENT


def _key(model: Path, requirements: list[str], python: str) -> str:
    """What the environment depends on; files that requirements point to count with the model."""
    plain = all(_PLAIN.match(line) and "file:" not in line for line in requirements)
    parts = [
        _LAYOUT,
        python,
        sys.base_prefix,
        platform.machine(),
        *requirements,
        "" if plain else model_digest(model),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]
