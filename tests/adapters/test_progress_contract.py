"""What all progress promises, and its fake."""

import io
import re
import sys

import pytest

from cdml.cli.progress import ConsoleProgress
from fakes.progress import FakeProgress

GROUP = ("::group::what was done", "::endgroup::")


@pytest.fixture(params=["fake", "log", "terminal"])
def progress(request):
    if request.param == "fake":
        return FakeProgress()
    return ConsoleProgress(interactive=request.param == "terminal")


@pytest.fixture
def told(progress, capsys):
    """What a person has been told; on the standard output there must never be anything."""

    def read():
        printed = capsys.readouterr()
        assert "" == printed.out
        if isinstance(progress, FakeProgress):
            return "\n".join([*progress.steps, *progress.notes])
        return printed.err

    return read


def test_a_step_is_told(progress, told):
    with progress.step("scoring 10 rows", 10) as step:
        step.advance(4)
        step.advance(6)

    assert "scoring 10 rows" in told()


def test_a_step_without_a_total_is_told(progress, told):
    with progress.step("reading the data") as step:
        step.advance()

    assert "reading the data" in told()


def test_a_note_is_told_whether_or_not_a_step_is_under_way(progress, told):
    progress.note("before")
    with progress.step("four gates", 4):
        progress.note("meanwhile")

    said = told()
    assert [True, True] == [note in said for note in ("before", "meanwhile")]


@pytest.mark.parametrize("amount", [0, 3, 99])
def test_work_that_is_more_or_less_than_was_announced_is_no_error(progress, amount):
    with progress.step("some of it", 10) as step:
        step.advance(amount)


def test_a_total_of_nothing_is_no_error(progress):
    with progress.step("no rows", 0) as step:
        step.advance()


def test_steps_may_be_nested(progress, told):
    with progress.step("the whole", 2) as outer, progress.step("a part", 5) as inner:
        inner.advance(5)
        outer.advance()

    said = told()
    assert [True, True] == [label in said for label in ("the whole", "a part")]


@pytest.mark.parametrize("total", [None, 10])
def test_an_error_inside_a_step_is_let_through(progress, total):
    with pytest.raises(ZeroDivisionError), progress.step("dividing", total):
        raise ZeroDivisionError


class TestConsole:
    def test_says_how_long_a_step_took_and_only_once_it_is_done(self, capsys):
        progress = ConsoleProgress(interactive=False)
        with progress.step("training", 5):
            assert "" == capsys.readouterr().err
        with pytest.raises(ZeroDivisionError), progress.step("dividing"):
            raise ZeroDivisionError

        printed = capsys.readouterr().err
        assert re.fullmatch(r"  training \(\d+\.\d s\)\n", printed)

    @pytest.mark.parametrize("total", [None, 3])
    def test_prints_nothing_that_a_terminal_would_obey(self, monkeypatch, total):
        screen = Terminal()
        monkeypatch.setattr(sys, "stderr", screen)
        progress = ConsoleProgress(interactive=False)
        progress.note("a note\x1b[2J")
        with progress.step("a step\x1b[2J", total):
            pass

        assert "\x1b[2J" not in screen.getvalue()

    @pytest.mark.parametrize(
        ("watched", "ci", "expected"),
        [(True, None, True), (True, "true", False), (False, None, False)],
    )
    def test_draws_bars_only_where_a_person_watches(self, monkeypatch, watched, ci, expected):
        monkeypatch.setattr(sys, "stderr", Terminal() if watched else io.StringIO())
        monkeypatch.delenv("CI", raising=False)
        if ci:
            monkeypatch.setenv("CI", ci)

        assert expected is ConsoleProgress().interactive

    def test_draws_how_much_is_done(self, monkeypatch):
        screen = Terminal()
        monkeypatch.setattr(sys, "stderr", screen)
        with ConsoleProgress(interactive=True, patience=0).step("scoring", 4) as step:
            step.advance(1)
            step.advance(3)

        assert "100%" in screen.getvalue()

    def test_draws_no_bar_for_work_that_nobody_waits_for(self, monkeypatch):
        screen = Terminal()
        monkeypatch.setattr(sys, "stderr", screen)
        with ConsoleProgress(interactive=True).step("scoring", 4) as step:
            step.advance(4)

        assert re.fullmatch(r"  scoring \(0\.\d s\)\n", screen.getvalue())

    def test_draws_what_was_done_before_somebody_waited(self, monkeypatch):
        screen, now = Terminal(), iter([0.0, 0.5, 1.5, 1.6])
        monkeypatch.setattr(sys, "stderr", screen)
        monkeypatch.setattr("cdml.cli.progress.time.monotonic", lambda: next(now, 2.0))
        with ConsoleProgress(interactive=True).step("scoring", 4) as step:
            step.advance(1)
            step.advance(1)

        assert "50%" in screen.getvalue()

    def test_groups_the_lines_of_a_command_and_closes_the_group(self, capsys):
        with ConsoleProgress(interactive=False, group=GROUP) as progress:
            progress.note("one")
            with progress.step("two"):
                pass
        progress.note("after")

        lines = capsys.readouterr().err.splitlines()
        assert [GROUP[0], "  one", GROUP[1], "  after"] == [
            line for line in lines if "two" not in line
        ]

    def test_has_no_group_where_nothing_was_said_or_the_log_has_none(self, capsys):
        with ConsoleProgress(interactive=False, group=GROUP):
            pass
        with ConsoleProgress(interactive=False) as progress:
            progress.note("one")

        assert "  one\n" == capsys.readouterr().err


class Terminal(io.StringIO):
    """A screen somebody looks at."""

    def isatty(self):
        return True


def test_a_note_that_several_parts_of_a_command_have_is_printed_once(capsys):
    progress = ConsoleProgress(interactive=False)
    for note in ("no remote", "no remote", "another"):
        progress.note(note)

    assert "  no remote\n  another\n" == capsys.readouterr().err
