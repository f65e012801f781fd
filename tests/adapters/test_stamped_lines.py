"""What a command says behind walls is heard whole and in order, behind the time it was said at."""

import pytest

from cdml.adapters.scoring.sandbox import SandboxedCommand, Walls
from cdml.adapters.scoring.sandbox_choice import can_build
from cdml.adapters.scoring.subprocesses import private_folder, run


@pytest.mark.parametrize("stamped", [True, False], ids=["stamped", "plain"])
@pytest.mark.parametrize("walls", Walls, ids=str)
def test_every_line_is_heard_in_every_wall(walls, stamped):
    if not can_build(walls):
        pytest.skip(f"this machine lets nobody build the walls {walls}")
    heard = []
    with private_folder("cdml-test-") as scratch:
        command = SandboxedCommand(
            command=["/bin/bash", "-c", "sleep 0.2; echo one >&$1; echo two three >&$1", "bash"],
            scratch=scratch,
            keep=[(scratch, True)],
            walls=walls,
            seconds=120,
        )
        ended = run(command, heard.append, stamped=stamped)

    assert (0, False) == (ended.code, ended.timed_out)
    if stamped:
        times, heard = zip(*(line.split(b" ", 1) for line in heard), strict=True)
        assert sorted(map(int, times)) == [*map(int, times)]
    assert [b"one", b"two three"] == [*heard]
