"""Other programs: their lines as they come, their last words when they fail."""

import sys

import pytest

from cdml.errors import InputError
from fakes.execute import FakeExecute, Played
from support.flights import run_program


def python(code):
    return (sys.executable, "-c", code)


PROGRAMS = {
    python("print('one'); print('two')"): Played(lines=["one", "two"]),
    python("import sys; print('one'); sys.exit('no flights today')"): Played(
        lines=["one"], code=1, words="no flights today"
    ),
    python("import sys; sys.exit(3)"): Played(code=3),
    python(""): Played(),
}
TWO_LINES, FAILING, THREE, SILENT = PROGRAMS


@pytest.fixture(params=["fake", "processes"])
def execute(request):
    return FakeExecute(PROGRAMS.get) if request.param == "fake" else run_program


class TestEveryExecutor:
    def test_gives_the_lines_in_order_and_without_their_ends(self, execute, tmp_path):
        assert ["one", "two"] == list(execute(TWO_LINES, tmp_path))

    def test_gives_no_lines_of_a_program_that_prints_none(self, execute, tmp_path):
        assert [] == list(execute(SILENT, tmp_path))

    def test_tells_of_a_failure_by_the_programs_last_words_after_its_lines(self, execute, tmp_path):
        told = []
        with pytest.raises(InputError, match="exit code 1: no flights today"):
            told.extend(execute(FAILING, tmp_path))

        assert ["one"] == told

    def test_tells_of_a_failure_that_said_nothing(self, execute, tmp_path):
        with pytest.raises(InputError, match="exit code 3: it said nothing"):
            list(execute(THREE, tmp_path))

    def test_takes_the_exit_code_that_was_expected_for_no_failure(self, execute, tmp_path):
        assert [] == list(execute(THREE, tmp_path, expected=3))

    def test_takes_success_for_a_failure_where_another_code_was_expected(self, execute, tmp_path):
        with pytest.raises(InputError, match="exit code 0"):
            list(execute(SILENT, tmp_path, expected=1))

    def test_tells_of_a_program_that_is_not_there(self, execute, tmp_path):
        with pytest.raises(InputError, match="no-such-program-anywhere cannot be started"):
            list(execute(("no-such-program-anywhere",), tmp_path))


class TestProcesses:
    def test_run_in_the_folder(self, tmp_path):
        assert [str(tmp_path)] == list(
            run_program(python("import os; print(os.getcwd())"), tmp_path)
        )

    def test_are_heard_while_they_run(self, tmp_path):
        waiting = """
import pathlib, time
print("one", flush=True)
for _ in range(6000):
    if pathlib.Path("heard").exists():
        print("two")
        break
    time.sleep(0.01)
"""
        told = run_program(python(waiting), tmp_path)
        assert "one" == next(told)
        (tmp_path / "heard").touch()

        assert ["two"] == list(told)

    def test_have_nobody_to_ask(self, tmp_path):
        assert [""] == list(run_program(python("import sys; print(sys.stdin.read())"), tmp_path))

    def test_may_print_what_is_no_text_and_complain_at_length(self, tmp_path):
        loud = (
            "import sys; sys.stdout.buffer.write(bytes([255, 10])); sys.stderr.write('x' * 10**6)"
        )

        assert ["\N{REPLACEMENT CHARACTER}"] == list(run_program(python(loud), tmp_path))
