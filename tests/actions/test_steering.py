"""What an earlier step of a job left behind, and the scripts that the actions start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
STEP = yaml.safe_load((ROOT / "action.yml").read_text())["runs"]["steps"][-1]


@pytest.fixture
def left(tmp_path):
    """Everything that would run code of an earlier step: each leaves a mark."""
    mark = tmp_path / "marks"
    mark.mkdir()
    script = tmp_path / "left.sh"
    script.write_text(f"touch {mark}/$1-bash-env\n")
    commands = tmp_path / "commands"
    commands.mkdir()
    for name in ("bash", "env", "git", "sed", "cat", "cksum", "tr", "sudo", "dirname", "rm"):
        (commands / name).write_text(f'#!/bin/sh\ntouch {mark}/{name}\nexec /usr/bin/{name} "$@"\n')
        (commands / name).chmod(0o755)
    modules = tmp_path / "modules"
    modules.mkdir()
    for name in ("sitecustomize", "usercustomize", "click", "json"):
        (modules / f"{name}.py").write_text(f"open({str(mark / name)!r}, 'w').close()\n")
    config = tmp_path / "gitconfig"
    config.write_text(f"[core]\n\tfsmonitor = touch {mark}/fsmonitor\n")
    variables = {
        "BASH_ENV": str(script),
        "ENV": str(script),
        "PATH": f"{commands}:{os.environ['PATH']}",
        "PYTHONPATH": str(modules),
        "PYTHONSTARTUP": str(modules / "json.py"),
        "PYTHONHOME": str(modules),
        "GIT_CONFIG_GLOBAL": str(config),
        "GIT_SSH_COMMAND": f"touch {mark}/ssh",
        "LD_PRELOAD": str(tmp_path / "no-library.so"),
        "LD_LIBRARY_PATH": str(modules),
        "SHELLOPTS": "braceexpand:hashall:interactive-comments:xtrace",
        "PS4": f"$(touch {mark}/xtrace)",
        "GITHUB_ENV": str(tmp_path / "env"),
        "GITHUB_PATH": str(tmp_path / "path"),
        **dict.fromkeys(("CDML_CI", "CDML_PLATFORM"), "terminal"),  # where all evidence is believed
        "CDML_CODE_HOST": "none",
    }
    for name in ("cd", "pwd", "exec", "env", "compgen", "sed", "read", "unset", "cat"):
        variables[f"BASH_FUNC_{name}%%"] = f"() {{ touch {mark}/function-{name}; }}"
    return variables, mark


def step(run, variables, folder):
    """Run a step as the runner does: its shell, its file, its environment over the job's."""
    file = folder / "step.sh"
    file.write_text(run)
    shell = STEP["shell"].replace("{0}", str(file)).split()
    blank = {name: value for name, value in STEP["env"].items() if value == ""}
    environment = {**variables, "GITHUB_ACTION_PATH": str(ROOT), **blank}
    return subprocess.run(
        shell, env=environment, cwd=folder, capture_output=True, text=True, check=False
    )


def test_what_an_earlier_step_left_steers_no_step_of_ours(left, tmp_path):
    variables, mark = left
    (tmp_path / "sitecustomize.py").write_text(f"open({str(mark / 'here')!r}, 'w').close()\n")
    seen = tmp_path / "seen"
    spy = tmp_path / "spy"
    spy.write_text(
        f'#!/bin/sh\ntr "\\0" "\\n" </proc/$$/environ >{seen}\nexec {sys.executable} "$@"\n'
    )
    spy.chmod(0o755)

    done = step(
        '/bin/bash -p "$GITHUB_ACTION_PATH/actions/run.sh" schema',
        {**variables, "CDML_PYTHON": str(spy), "GITHUB_TOKEN": "planted", "GH_TOKEN": "planted"},
        tmp_path,
    )

    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout.startswith("{")
    assert [] == sorted(path.name for path in mark.iterdir())
    told = seen.read_text()
    names = {line.partition("=")[0] for line in told.splitlines()}
    kept = {name for name in names if name.startswith(("GIT_", "PYTHON", "LD_", "BASH_"))}
    assert {"PYTHONPATH"} == kept
    assert f"PYTHONPATH={ROOT / 'src'}" in told.splitlines()
    assert not names & {"GITHUB_ENV", "GITHUB_PATH", "ENV"}
    assert not names & {"CDML_CI", "CDML_CODE_HOST", "CDML_PLATFORM"}
    assert "planted" not in told


def test_the_traps_of_this_test_do_run_where_nothing_is_done_about_them(left, tmp_path):
    variables, mark = left
    variables = {key: value for key, value in variables.items() if not key.startswith("PYTHON")}
    file = tmp_path / "step.sh"
    file.write_text("env >/dev/null\n")

    subprocess.run(
        ["/bin/bash", "-e", file], env=variables, capture_output=True, check=False, cwd=tmp_path
    )

    assert {"function-env", "-bash-env"} <= {path.name for path in mark.iterdir()}


@pytest.mark.parametrize("script", ["install.sh core", "fallback.sh report"])
def test_the_other_scripts_use_the_systems_commands_too(left, tmp_path, script):
    variables, mark = left
    given = {"CDML_PYTHON": sys.executable, "CDML_COMMENT_MODE": "off", "CDML_CONFIG": "cdml.yaml"}
    name, argument = script.split()

    done = step(
        f'/bin/bash -p "$GITHUB_ACTION_PATH/actions/{name}" {argument}',
        {**variables, **given, "GITHUB_OUTPUT": str(tmp_path / "output")},
        tmp_path,
    )

    assert 0 == done.returncode, done.stderr
    assert [] == sorted(path.name for path in mark.iterdir())
