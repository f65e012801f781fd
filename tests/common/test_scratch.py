"""What a killed process left is taken away by the next one, and nothing else is."""

import signal
import subprocess
import sys
import tempfile

import pytest

from cdml.common.scratch_folders import prefix, sweep

LEAVES = """
import os, signal, sys, tempfile
from cdml.common.scratch_folders import prefix
for purpose in ("cdml-gate", ".building"):
    made = tempfile.mkdtemp(prefix=prefix(purpose), dir=sys.argv[1])
    os.mkdir(os.path.join(made, "inner"))
print("made", flush=True)
if sys.argv[2] == "dies":
    os.kill(os.getpid(), signal.SIGKILL)
sys.stdin.read()
"""


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


@pytest.fixture
def left(tmp_path):
    """Folders of a process that is killed, or that goes on."""
    begun = []

    def leave(what):
        process = subprocess.Popen(
            [sys.executable, "-c", LEAVES, str(tmp_path), what],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        begun.append(process)
        assert b"made\n" == process.stdout.readline()
        if what == "dies":
            process.wait()
        return process

    yield leave
    for process in begun:
        process.kill()
        process.communicate()


def test_what_a_killed_process_left_is_swept(left, tmp_path):
    assert -signal.SIGKILL == left("dies").returncode
    assert 2 == len(names(tmp_path))
    sweep(tmp_path)
    assert [] == names(tmp_path)


def test_what_somebody_works_in_stays(left, tmp_path):
    left("lives")
    tempfile.mkdtemp(prefix=prefix("cdml-gate"), dir=tmp_path)
    sweep(tmp_path)
    assert 3 == len(names(tmp_path))


def test_what_is_not_a_folder_of_ours_stays(tmp_path):
    space, _, _ = prefix("cdml-gate").removeprefix("cdml-gate-").partition(".")
    dead = f"{space}.999999999.1-x"
    other = f"{int(space) + 1}.999999999.1-x"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    others = ["cdml-gate-abc", f"other-gate-{dead}", f"cdml-gate-{other}", f"xcdml-gate-{dead}"]
    for name in others:
        (tmp_path / name).mkdir()
    (tmp_path / f"cdml-file-{dead}").write_text("x")
    (tmp_path / f"cdml-link-{dead}").symlink_to(elsewhere)
    before = names(tmp_path)
    (tmp_path / f"cdml-gate-{dead}").mkdir()
    sweep(tmp_path)
    assert before == names(tmp_path)
    sweep(tmp_path / "none")
