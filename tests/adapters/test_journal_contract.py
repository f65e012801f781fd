"""What every journal promises."""

import json
import subprocess
import sys

import pytest

from cdml.adapters.journals.git import GitJournal
from cdml.journal.port import Moved
from fakes.journal import FakeJournal


def git(*arguments, cwd):
    done = subprocess.run(["git", *arguments], cwd=cwd, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def user_repository(folder):
    git("init", "--quiet", "--initial-branch=main", str(folder), cwd=folder.parent)
    identity = ("-c", "user.name=User", "-c", "user.email=user@example.org")
    (folder / "model.py").write_text("fit()\n")
    git("add", ".", cwd=folder)
    git(*identity, "commit", "--quiet", "-m", "Fit", cwd=folder)
    return folder


def journal_in(folder):
    return GitJournal(folder=folder, environment="production", model="flights", variables=ENV)


ENV = {"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": "/nonexistent"}


@pytest.fixture(params=["fake", "local", "remote", "shallow"])
def open_journal(request, tmp_path):
    """Gives the same journal again and again, as different runs would open it."""
    if request.param == "fake":
        journal = FakeJournal()
        return lambda: journal
    folder = user_repository(tmp_path / "user")
    if request.param == "local":
        return lambda: journal_in(folder)
    git("clone", "--quiet", "--bare", str(folder), str(tmp_path / "origin.git"), cwd=tmp_path)
    checkouts = iter(range(100))

    def opened():
        checkout = tmp_path / f"checkout{next(checkouts)}"
        depth = ("--depth=1",) if request.param == "shallow" else ()
        git(
            "clone", "--quiet", *depth, f"file://{tmp_path}/origin.git", str(checkout), cwd=tmp_path
        )
        return journal_in(checkout)

    return opened


def test_an_entry_tells_which_one_it_lies_on(open_journal):
    first = open_journal().write({"n": 1}, "one", None)
    assert None is open_journal().read().parent
    second = open_journal().write({"n": 2}, "two", first)

    assert (second, first) == (open_journal().read().commit, open_journal().read().parent)


def test_a_new_journal_is_empty(open_journal):
    snapshot = open_journal().read()

    assert (None, None) == (snapshot.document, snapshot.commit)


def test_what_was_written_is_read_by_the_next_run(open_journal):
    document = {"text": "naïve → ✓", "number": 1.5, "nothing": None, "list": [1, {"a": True}]}

    commit = open_journal().write(document, "begin", None)

    snapshot = open_journal().read()
    assert (document, commit) == (snapshot.document, snapshot.commit)


def test_each_write_stands_on_the_one_before(open_journal):
    journal = open_journal()
    first = journal.write({"n": 1}, "one", None)
    second = open_journal().write({"n": 2}, "two", first)
    third = journal.write({"n": 3}, "three", second)

    snapshot = open_journal().read()
    assert ({"n": 3}, third) == (snapshot.document, snapshot.commit)


@pytest.mark.parametrize("stale", ["none", "first"])
def test_a_write_on_anything_but_the_newest_entry_is_refused(open_journal, stale):
    journal, other = open_journal(), open_journal()
    first = journal.write({"n": 1}, "one", None)
    other.read()
    second = journal.write({"n": 2}, "two", first)

    with pytest.raises(Moved):
        other.write({"n": 9}, "late", None if stale == "none" else first)

    snapshot = open_journal().read()
    assert ({"n": 2}, second) == (snapshot.document, snapshot.commit)


def test_of_two_writers_of_the_same_document_one_loses(open_journal):
    first, second = open_journal(), open_journal()
    first.read()
    second.read()
    first.write({"n": 1}, "same", None)

    with pytest.raises(Moved):
        second.write({"n": 1}, "same", None)


def test_a_write_that_lost_can_be_repeated_after_reading(open_journal):
    journal, other = open_journal(), open_journal()
    journal.read()
    other.write({"n": 1}, "one", None)
    with pytest.raises(Moved):
        journal.write({"n": 2}, "two", None)

    journal.write({"n": 2}, "two", journal.read().commit)

    assert {"n": 2} == open_journal().read().document


WRITER = """
import sys
from pathlib import Path
from cdml.adapters.journals.git import GitJournal
from cdml.journal.port import Moved
folder, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
journal = GitJournal(folder=Path(folder), environment="production", model="flights",
                     variables={"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": "/nonexistent"})
for number in range(count):
    while True:
        snapshot = journal.read()
        written = (snapshot.document or {"all": []})["all"]
        try:
            journal.write({"all": [*written, f"{name}{number}"]}, name, snapshot.commit)
            break
        except Moved:
            continue
"""


@pytest.mark.parametrize("where", ["local", "remote"])
def test_racing_processes_lose_no_write(tmp_path, where):
    folder = user_repository(tmp_path / "user")
    if where == "remote":
        git("clone", "--quiet", "--bare", str(folder), str(tmp_path / "origin.git"), cwd=tmp_path)
        git("remote", "add", "origin", f"file://{tmp_path}/origin.git", cwd=folder)
    racing = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(folder), name, "4"]) for name in "abcd"
    ]

    assert [0] * 4 == [writer.wait(timeout=600) for writer in racing]

    final = journal_in(folder).read()
    assert sorted(f"{name}{n}" for name in "abcd" for n in range(4)) == sorted(
        final.document["all"]
    )
    home = tmp_path / "origin.git" if where == "remote" else folder
    branch = "cdml/production/flights"
    assert "16" == git("rev-list", "--count", branch, cwd=home)
    older = json.loads(git("show", f"{branch}~1:journal.json", cwd=home))
    assert final.document["all"][:-1] == older["all"]
