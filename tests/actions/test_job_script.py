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


@pytest.mark.parametrize("command", ["gate", "report"])
@pytest.mark.parametrize("folder", [".cdml", "models/a b/out"])
def test_nothing_that_a_commit_brings_is_published(job, tmp_path, command, folder):
    place = tmp_path / folder
    place.mkdir(parents=True)
    secret = tmp_path / "id_rsa"
    secret.write_text("secret")
    names = ("key", "report.html", "gates.junit.xml", "data.json")
    for name in names:
        (place / name).symlink_to(secret)
    (place / "deeper").mkdir()
    (place / "deeper" / "link").symlink_to(tmp_path)
    (place / "evaluation.json").write_text("{}")
    given = {}
    if folder != ".cdml":
        config, output = folder.rsplit("/", 1)
        prefix = f"CDML_{command.upper()}"
        given = {f"{prefix}_CONFIG": f"{config}/cdml.yaml", f"{prefix}_OUTPUT_DIR": output}

    job(command, **given)

    assert ["deeper", "evaluation.json"] == sorted(one.name for one in place.iterdir())
    assert [] == [*(place / "deeper").iterdir()]
    assert "secret" == secret.read_text()


@pytest.mark.parametrize(
    "command", ["gate", "report", "validate-data", "evaluate-model", "compare-to-champion"]
)
def test_no_action_leaves_a_link_where_results_are_written(tmp_path, command):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "key").symlink_to("/etc/hostname")
    (tmp_path / "data.json").symlink_to("/etc/hostname")
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    output = {f"CDML_{command.upper().replace('-', '_')}_OUTPUT_DIR": "out"}

    subprocess.run(
        ["/bin/bash", "-p", ROOT / "actions/run.sh", command],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "CDML_PYTHON": str(python), **output},
        check=True,
    )

    assert [] == [*(tmp_path / "out").iterdir()]
    assert (tmp_path / "data.json").is_symlink()


@pytest.mark.parametrize("output", [".", "./", ".."])
def test_the_links_of_the_checkout_itself_are_the_users(job, tmp_path, output):
    (tmp_path / ".git").mkdir(exist_ok=True)
    (tmp_path / "models").mkdir()
    (tmp_path / "link").symlink_to("/etc/hostname")
    config = "models/cdml.yaml" if output == ".." else "cdml.yaml"

    job("gate", CDML_GATE_CONFIG=config, CDML_GATE_OUTPUT_DIR=output)

    assert (tmp_path / "link").is_symlink()


@pytest.mark.parametrize("output", [".cdml", ".cdml/", ".cdml//"])
def test_a_folder_of_results_that_is_a_link_is_replaced_and_not_followed(job, tmp_path, output):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "report.html").touch()
    (tmp_path / ".cdml").symlink_to(elsewhere)

    _, printed = job("report", CDML_REPORT_OUTPUT_DIR=output)

    assert "Removed the link ./.cdml:" in printed
    assert not (tmp_path / ".cdml").exists()
    assert (elsewhere / "report.html").exists()


def test_installing_runs_no_command(job):
    assert ({}, "") == job("install")
