"""A training command on this machine: its output, its signals, and how it ends."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from cdml.adapters.training.local_machine import LocalMachine
from cdml.errors import ConfigurationError
from cdml.training.machine import TrainingJob
from support.wheels import wheel

PATIENCE = 60
DRIVER = """\
import os, sys
from pathlib import Path
from cdml.adapters.training.local_machine import LocalMachine
from cdml.training.machine import TrainingJob
job = TrainingJob(command=sys.argv[1:], folder=Path.cwd(), seconds=600)
try:
    print("ended", LocalMachine(os.environ, grace=1.0).run(job).code)
except KeyboardInterrupt:
    print("interrupted")
"""
CHILDREN = """\
import pathlib, signal, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"])
def end(number, _):
    pathlib.Path("signal").write_text(str(number))
    {response}
signal.signal(signal.SIGTERM, end)
pathlib.Path("pid").write_text(str(child.pid))
while True:
    time.sleep(0.05)
"""


@pytest.fixture
def run(tmp_path):
    """Run Python code as the command."""

    def start(code, *, environment=os.environ, grace=10.0, **job):
        command = [sys.executable, "-S", "-c", code]
        given = {"command": command, "folder": tmp_path, "seconds": PATIENCE, **job}
        return LocalMachine(environment, grace=grace).run(TrainingJob(**given))

    return start


def is_alive(process):
    with suppress(FileNotFoundError, ProcessLookupError):
        status = Path(f"/proc/{process}/stat").read_text()
        return status.rpartition(")")[2].split()[0] != "Z"
    return False


def wait_for(path):
    deadline = time.monotonic() + PATIENCE
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < deadline, f"{path.name} was not written"
        time.sleep(0.02)
    return path.read_text()


def wait_until_gone(process):
    deadline = time.monotonic() + PATIENCE
    while is_alive(process):
        assert time.monotonic() < deadline, "a child still runs"
        time.sleep(0.02)


def test_output_of_both_streams_goes_to_the_log(run, capfd):
    end = run("import sys; print('one'); print('two', file=sys.stderr)")

    assert (0, False) == (end.code, end.timed_out)
    assert {"one", "two"} == set(capfd.readouterr().err.split())


def test_the_address_that_the_command_prints_is_given(run):
    end = run("print('saved as runs:/0a1b/model')\nprint('bye')")

    assert ("runs:/0a1b/model", "bye") == (end.address, end.last_line)


@pytest.mark.parametrize(("code", "expected"), [
    ("raise SystemExit(7)", 7),
    ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 137),
])  # fmt: skip
def test_a_failure_has_its_exit_code(run, code, expected):
    assert expected == run(code).code


def test_what_the_command_started_does_not_outlive_it(run, tmp_path):
    code = (
        "import pathlib, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(600)'])\n"
        "pathlib.Path('pid').write_text(str(child.pid))"
    )

    assert 0 == run(code).code
    wait_until_gone(int((tmp_path / "pid").read_text()))


def test_a_command_that_ignores_its_time_limit_is_killed_with_its_children(run, tmp_path):
    end = run(CHILDREN.format(response="pass"), seconds=0.01, grace=1.0)

    assert end.timed_out
    if (tmp_path / "pid").exists():
        wait_until_gone(int((tmp_path / "pid").read_text()))


@pytest.mark.parametrize("response", ["sys.exit(0)", "pass"], ids=["ends", "ignores it"])
def test_a_signal_reaches_the_command_and_nothing_of_it_is_left(tmp_path, response):
    command = [sys.executable, "-S", "-c", CHILDREN.format(response=response)]
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER, *command], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    child = int(wait_for(tmp_path / "pid"))
    process.send_signal(signal.SIGTERM)
    printed, _ = process.communicate(timeout=PATIENCE)

    assert "interrupted" == printed.strip()
    assert str(int(signal.SIGTERM)) == (tmp_path / "signal").read_text()
    wait_until_gone(child)


def test_the_command_has_the_callers_variables_and_none_of_ours(run):
    ours = {"CDML_GITHUB_TOKEN": "t", "CDML_JOURNAL_KEY": "k", "PYTHONPATH": "/cdml/src"}
    action = {
        "CDML_TRAINING_PATH": os.environ["PATH"],
        "CDML_TRAINING_LD_LIBRARY_PATH": "/cuda",
        "LD_LIBRARY_PATH": "",
        "AWS_PROFILE": "mine",
    }
    code = (
        "import os\nprint([os.environ.get(name) for name in ('CDML_GITHUB_TOKEN',"
        " 'CDML_JOURNAL_KEY', 'PYTHONPATH', 'CDML_SEED', 'LD_LIBRARY_PATH', 'AWS_PROFILE')])"
    )
    end = run(code, environment={**os.environ, **ours, **action}, variables={"CDML_SEED": "7"})

    assert "[None, None, None, '7', '/cuda', 'mine']" == end.last_line


@pytest.mark.parametrize("command", [["no-such-program"], ["./train.sh"]])
def test_what_cannot_be_run_is_a_configuration_error(tmp_path, command):
    (tmp_path / "train.sh").write_text("echo no permission")

    with pytest.raises(ConfigurationError, match=r"training\.command"):
        LocalMachine(os.environ).run(TrainingJob(command=command, folder=tmp_path, seconds=1))


def test_packages_of_the_command_are_those_of_its_interpreter(tmp_path):
    machine = LocalMachine(os.environ)
    installed = machine.packages(sys.executable, tmp_path)

    assert installed.python == ".".join(map(str, sys.version_info[:3]))
    assert any(one.startswith("pytest==") for one in installed.packages)
    assert list(installed.packages) == sorted(installed.packages)


def test_a_lock_is_what_the_command_runs_with(run, tmp_path):
    index = wheel(tmp_path / "wheels", "needed", {"needed.py": "weight = 42\n"}).parent
    lock = tmp_path / "requirements.lock"
    lock.write_text("needed==1.0\n")
    variables = {
        "UV_FIND_LINKS": str(index), "UV_OFFLINE": "1", "UV_CACHE_DIR": str(tmp_path / "cache"),
    }  # fmt: skip
    command = ["python", "-c", "import needed; print(needed.weight)"]
    end = run("", command=command, lock=lock, environment={**os.environ, **variables})

    assert (0, "42") == (end.code, end.last_line)
