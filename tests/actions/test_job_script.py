"""actions/job.sh: what a job of GitLab CI and a build of Jenkins start."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GIT = {
    "GIT_ASKPASS": "/agent/askpass",
    "GIT_USERNAME": "journal",
    "GIT_PASSWORD": "hidden",
    "GIT_SSH_COMMAND": "ssh -i /agent/key",
}


@pytest.fixture
def job(tmp_path: Path):
    """Runs a command; gives its interpreter's variables, and what the script printed."""

    def run(command: str, *, python: bool = True, **variables: str) -> tuple[dict[str, str], str]:
        seen, spy = tmp_path / "seen", tmp_path / "spy"
        script = f'tr "\\0" "\\n" </proc/$$/environ >{seen}'
        spy.write_text(f'#!/bin/sh\n[ "$3" != cdml ] || {script}\nexec {sys.executable} -c ""\n')
        spy.chmod(0o755)
        given = {"CDML_PYTHON": str(spy)} if python else {}
        done = subprocess.run(
            [ROOT / "actions/job.sh", command],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **given, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert 0 == done.returncode, done.stderr
        lines = seen.read_text().splitlines() if seen.exists() else []
        return dict(line.split("=", 1) for line in lines), done.stdout

    return run


@pytest.mark.parametrize("command", ["deploy", "rollback", "history", "monitor"])
def test_a_command_that_pushes_has_gits_own_credentials(job, command):
    variables, _ = job(command, **GIT)

    assert GIT.items() <= variables.items()


@pytest.mark.parametrize("command", ["gate", "report"])
def test_no_other_command_has_them(job, command):
    variables, _ = job(command, **GIT)

    assert not GIT.keys() & variables.keys()


@pytest.mark.parametrize("token", ["CDML_GITHUB_TOKEN", "CDML_GITLAB_TOKEN", "GIT_PASSWORD"])
def test_a_gate_with_a_token_in_reach_runs_no_model_without_isolation(job, token):
    variables, _ = job("gate", **{token: "hidden", "CDML_ISOLATION": "preferred"})

    assert "required" == variables["CDML_ISOLATION"]
    assert "hidden" not in variables.values()


def test_a_gate_that_shares_packages_requires_isolation_unless_the_job_says_otherwise(
    job, tmp_path
):
    cache = str(tmp_path / "cache")

    assert "CDML_ISOLATION" not in job("gate")[0]
    assert "required" == job("gate", CDML_CACHE=cache)[0]["CDML_ISOLATION"]
    chosen = job("gate", CDML_CACHE=cache, CDML_ISOLATION="preferred")[0]
    assert "preferred" == chosen["CDML_ISOLATION"]


def locks() -> str:
    """What an environment of these locks is called."""
    return subprocess.run(
        ["sh", "-c", "cat requirements/*.txt | cksum | tr ' ' -"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def test_packages_of_this_lock_are_found_in_the_agents_cache(job, tmp_path):
    environment = tmp_path / f"cache/cdml/ml-{locks()}"
    (environment / "bin").mkdir(parents=True)
    (environment / "complete").write_text(f"ml-{locks()}\n")
    (environment / "bin/python").symlink_to(tmp_path / "spy")

    for command in ("install", "deploy"):
        variables, printed = job(command, python=False, CDML_CACHE=str(tmp_path / "cache"))

        assert "Installed" not in printed
    assert str(environment / "bin/python") == variables["CDML_PYTHON"]


def aged(path: Path, days: float) -> Path:
    """A file whose last use was so long ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    then = time.time() - days * 86_400
    os.utime(path, (then, then))
    return path


def test_what_no_job_has_used_for_a_month_leaves_the_agents_cache(job, tmp_path):
    cache = tmp_path / "it's a \n cache"
    unused = [
        aged(cache / "cdml/core-1-2/pyvenv.cfg", 31.5).parent,
        aged(cache / f"source/{'a' * 40}/actions/job.sh", 31.5).parent.parent,
        aged(cache / "source/new.a b/x", 0).parent,
    ]
    os.utime(unused[2], (0, 0))
    kept = [
        aged(cache / "cdml/ml-1-2/pyvenv.cfg", 29),
        aged(cache / f"source/{'b' * 40}/actions/job.sh", 29),
        aged(cache / "source/new.c/x", 0),
        aged(cache / "other/pyvenv.cfg", 400),
    ]

    job("install", CDML_CACHE=str(cache))

    assert [] == [one for one in unused if one.exists()]
    assert kept == [one for one in kept if one.exists()]
    assert [] == [*cache.glob("gone.*")]


def test_what_a_job_uses_stays_in_the_agents_cache(job, tmp_path):
    cache = tmp_path / "cache"
    environment = cache / "cdml" / f"core-{locks()}"
    used = aged(environment / "pyvenv.cfg", 90)
    (environment / "bin").mkdir()
    (environment / "complete").write_text(f"core-{locks()}\n")
    (environment / "bin/python").symlink_to(tmp_path / "spy")

    job("deploy", python=False, CDML_CACHE=str(cache))

    assert time.time() - used.stat().st_atime < 3600


def test_installing_runs_no_command(job):
    assert ({}, "") == job("install")
