"""The installation listens to nothing that was meant for others, and happens once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INSTALL = ROOT / "actions/install.sh"
HOSTILE = {
    "PIP_REQUIRE_VIRTUALENV": "1",
    "PIP_TARGET": "/nowhere",
    "PIP_USER": "1",
    "PYTHONHOME": "/nowhere",
    "PYTHONPATH": "/nowhere",
    "UV_EXCLUDE_NEWER": "2020-01-01",
    "UV_PYTHON": "2.7",
    "UV_SYSTEM_PYTHON": "1",
    "VIRTUAL_ENV": "/nowhere",
}


@pytest.fixture
def job(tmp_path):
    """A job's folders, with a space in each, and a workspace that is in the way."""
    (tmp_path / "work space").mkdir()
    for name in ("pip.py", "yaml.py", "cdml.py", "click.py"):
        (tmp_path / "work space" / name).write_text("raise SystemExit('the workspace was run')")
    (tmp_path / "work space" / "uv.toml").write_text("offline = true")
    (tmp_path / "run ner").mkdir()
    (tmp_path / "output").touch()
    return tmp_path


def install(job, size, **variables):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("CDML_", "RUNNER_"))}
    environment |= {"RUNNER_TEMP": f"{job}/run ner", "GITHUB_OUTPUT": f"{job}/output", **variables}
    return subprocess.run(
        ["bash", INSTALL, size],
        cwd=job / "work space",
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def interpreters(job):
    lines = (job / "output").read_text().splitlines()
    return [line.removeprefix("python=") for line in lines]


def test_core_is_installed_once_apart_from_everything_the_caller_has_set(job):
    before = sorted(path.name for path in (job / "work space").iterdir())
    first = install(job, "core", **HOSTILE)
    assert 0 == first.returncode, first.stderr
    again = install(job, "core", **HOSTILE)
    assert (0, "") == (again.returncode, again.stdout), again.stderr
    assert before == sorted(path.name for path in (job / "work space").iterdir())

    one, same = interpreters(job)
    assert one == same
    assert Path(one).is_relative_to(job / "run ner")
    run = subprocess.run(
        ["bash", ROOT / "actions/run.sh", "--version"],
        cwd=job / "work space",
        env=dict(os.environ) | {"CDML_PYTHON": one, "PYTHONHOME": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (0, "cdml") == (run.returncode, run.stdout.split()[0]), run.stderr


def test_storage_brings_its_client_and_serves_later_steps_without_it(job):
    done = install(job, "core", CDML_STORAGE="s3")
    assert 0 == done.returncode, done.stderr
    assert 0 == install(job, "core").returncode
    other = install(job, "core", CDML_STORAGE="gs", CDML_PYTHON=sys.executable)
    assert (0, "") == (other.returncode, other.stdout), other.stderr

    one, same, own = interpreters(job)
    assert (one, sys.executable) == (same, own)
    assert 0 == subprocess.run([one, "-P", "-c", "import boto3"], check=False).returncode


@pytest.mark.parametrize("storage", ["azure", "S3", "s3 gs", "../ml", "s3\n::error::x"])
def test_a_storage_that_is_not_known_is_told_before_anything_is_installed(job, storage):
    done = install(job, "core", CDML_STORAGE=storage)

    assert 2 == done.returncode
    assert ["::error title=cdml::The input storage is s3, gs or abfss"] == [
        line.partition(", and not")[0] for line in done.stderr.splitlines()
    ]
    assert not (job / "run ner/cdml").exists()


def test_an_installation_that_was_interrupted_is_done_again(job):
    stub = job / "run ner/cdml"
    install(job, "core")
    (found,) = {path for path in stub.iterdir() if path.name.startswith("core-")}
    (found / "complete").unlink()
    (found / "bin/python").unlink()
    done = install(job, "core")
    assert 0 == done.returncode, done.stderr
    assert (found / "complete").exists()
    assert (found / "bin/python").exists()


def test_whoever_brings_an_interpreter_gets_it_and_nothing_is_installed(job):
    done = install(job, "ml", CDML_PYTHON=sys.executable)
    assert (0, [sys.executable]) == (done.returncode, interpreters(job))
    assert [] == list((job / "run ner").iterdir())


@pytest.mark.parametrize("python", ["/nowhere/python", "/bin/false"])
def test_an_interpreter_that_is_none_is_a_configuration_error(job, python):
    done = install(job, "ml", CDML_PYTHON=python)
    assert (2, "") == (done.returncode, done.stdout)
    assert f"::error title=cdml::The input python, {python}, is not" in done.stderr


def test_a_runner_without_python_is_told_so(job):
    tools = job / "bin"
    tools.mkdir()
    for name in ("bash", "cat", "cksum", "dirname", "env", "grep", "tr"):
        (tools / name).symlink_to(subprocess.check_output(["which", name], text=True).strip())
    done = install(job, "core", PATH=str(tools))
    assert 2 == done.returncode
    assert "::error title=cdml::cdml needs Python 3.11 or newer" in done.stderr
    assert 1 == len(done.stderr.splitlines())


def test_packages_that_cannot_be_reached_are_a_failed_service(job):
    index = "http://127.0.0.1:9/simple"
    done = install(
        job, "core", PIP_INDEX_URL=index, PIP_NO_CACHE_DIR="1", PIP_RETRIES="0", PIP_FIND_LINKS=""
    )
    assert 5 == done.returncode
    assert "::error title=cdml::pip could not install uv" in done.stderr


def test_the_command_takes_the_shells_place_so_that_an_interrupt_reaches_it(job):
    stub = job / "python"
    stub.write_text('#!/bin/sh\necho "$$ $* $PYTHONPATH $GITHUB_TOKEN"\n')
    stub.chmod(0o755)
    variables = {"CDML_PYTHON": str(stub), "PYTHONPATH": "/nowhere", "GITHUB_TOKEN": "stray"}
    started = subprocess.Popen(
        ["bash", ROOT / "actions/run.sh", "gate"],
        env=dict(os.environ) | variables,
        stdout=subprocess.PIPE,
        text=True,
    )
    told, _ = started.communicate(timeout=600)
    assert f"{started.pid} -P -m cdml gate {ROOT / 'src'} \n" == told
