"""Other programs: their lines as they come, their last words when they fail."""

import sys

import pytest

from cdml.adapters.commands import lines
from cdml.errors import InputError


def python(code):
    return (sys.executable, "-c", code)


def test_lines_come_as_they_are_printed(tmp_path):
    assert ["one", "two"] == list(lines(python("print('one'); print('two')"), tmp_path))


def test_it_runs_in_the_folder(tmp_path):
    assert [str(tmp_path)] == list(lines(python("import os; print(os.getcwd())"), tmp_path))


def test_a_failure_has_the_programs_last_words(tmp_path):
    with pytest.raises(InputError, match=r"exit code 1: no flights today"):
        list(lines(python("import sys; sys.exit('no flights today')"), tmp_path))


def test_a_program_that_is_not_there_is_told(tmp_path):
    with pytest.raises(InputError, match="cannot be started"):
        list(lines(("no-such-program-anywhere",), tmp_path))


def test_the_exit_code_that_was_expected_is_no_failure(tmp_path):
    assert [] == list(lines(python("import sys; sys.exit(3)"), tmp_path, expected=3))


def test_success_is_a_failure_where_another_code_was_expected(tmp_path):
    with pytest.raises(InputError, match="exit code 0"):
        list(lines(python(""), tmp_path, expected=1))
