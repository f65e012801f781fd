"""The journal is where people think it is: one for all clones, whatever the remote's name."""

import os
import subprocess

import pytest

from cdml.adapters.journals.git import GitJournal
from cdml.errors import ConfigurationError, ServiceError

BRANCH = "cdml/production/flights"


def git(*arguments, cwd):
    identity = ("-c", "user.name=U", "-c", "user.email=u@e.org")
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=cwd, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def hub(tmp_path):
    """Makes bare repositories with one commit on main, and clones them."""

    class Hub:
        def bare(self, name, *options):
            git("init", "-q", "--bare", "-b", "main", *options, f"{name}.git", cwd=tmp_path)
            git("init", "-q", "-b", "main", *options, f"{name}-seed", cwd=tmp_path)
            seed = tmp_path / f"{name}-seed"
            git("commit", "-q", "--allow-empty", "-m", "begin", cwd=seed)
            git("push", "-q", tmp_path / f"{name}.git", "main", cwd=seed)
            return tmp_path / f"{name}.git"

        def clone(self, bare, folder, *options):
            git("clone", "-q", *options, bare, folder, cwd=tmp_path)
            return tmp_path / folder

    return Hub()


@pytest.fixture
def open_journal(tmp_path):
    def opened(folder, remote=None, note=lambda _: None, **variables):
        home = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home")}
        return GitJournal(
            folder=folder,
            environment="production",
            model="flights",
            variables={**home, **variables},
            remote=remote,
            note=note,
        )

    return opened


def branches(repository):
    return git("branch", "--list", BRANCH, cwd=repository)


def test_clones_share_one_journal_whatever_they_call_the_remote(hub, open_journal):
    bare = hub.bare("models")
    one = hub.clone(bare, "one", "-o", "upstream")
    two = hub.clone(bare, "two", "-o", "company")

    open_journal(one).write({"n": 1}, "one", None)

    assert {"n": 1} == open_journal(two).read().document
    assert branches(bare)
    assert not branches(one)


def test_of_several_remotes_the_upstream_of_the_branch_is_meant(hub, open_journal):
    bare = hub.bare("models")
    user = hub.clone(bare, "user", "-o", "company")
    git("remote", "add", "backup", hub.bare("backup"), cwd=user)

    open_journal(user).write({"n": 1}, "one", None)

    assert branches(bare)


def test_a_fork_as_origin_and_another_upstream_are_never_guessed_between(hub, open_journal):
    user = hub.clone(hub.bare("fork"), "user")
    git("remote", "add", "upstream", hub.bare("models"), cwd=user)
    git("fetch", "-q", "upstream", cwd=user)
    git("branch", "-q", "--set-upstream-to=upstream/main", cwd=user)

    with pytest.raises(ConfigurationError, match="origin or upstream") as caught:
        open_journal(user).read()

    assert "deploy.journal.remote" in caught.value.hint


def test_a_push_default_that_contradicts_origin_is_never_guessed_about(hub, open_journal):
    user = hub.clone(hub.bare("models"), "user")
    git("remote", "add", "mine", hub.bare("mine"), cwd=user)
    git("config", "remote.pushDefault", "mine", cwd=user)

    with pytest.raises(ConfigurationError, match="origin or mine"):
        open_journal(user).read()


def test_the_configured_remote_decides(hub, open_journal):
    upstream = hub.bare("models")
    user = hub.clone(hub.bare("fork"), "user")
    git("remote", "add", "upstream", upstream, cwd=user)

    open_journal(user, remote="upstream").write({"n": 1}, "one", None)

    assert branches(upstream)


def test_a_configured_remote_that_is_missing_is_told_with_those_there_are(hub, open_journal):
    user = hub.clone(hub.bare("models"), "user")

    with pytest.raises(ConfigurationError, match=r"is upstream.*\(origin\)"):
        open_journal(user, remote="upstream").read()


def test_the_journal_is_read_where_it_is_written_and_not_from_a_mirror(hub, open_journal):
    primary = hub.bare("primary")
    user = hub.clone(primary, "user")
    git("remote", "set-url", "origin", hub.bare("mirror"), cwd=user)
    git("remote", "set-url", "--push", "origin", primary, cwd=user)

    open_journal(user).write({"n": 1}, "one", None)

    assert branches(primary)
    assert {"n": 1} == open_journal(user).read().document


def test_of_several_push_addresses_the_one_that_is_fetched_from_holds_it(hub, open_journal):
    primary, backup = hub.bare("primary"), hub.bare("backup")
    user = hub.clone(primary, "user")
    for address in (backup, primary):
        git("remote", "set-url", "--push", "--add", "origin", address, cwd=user)

    open_journal(user).write({"n": 1}, "one", None)

    assert branches(primary)


def test_push_addresses_without_the_fetched_one_are_refused(hub, open_journal):
    user = hub.clone(hub.bare("primary"), "user")
    for name in ("left", "right"):
        git("remote", "set-url", "--push", "--add", "origin", hub.bare(name), cwd=user)

    with pytest.raises(ConfigurationError, match="2 addresses"):
        open_journal(user).read()


def test_a_mirror_clone_keeps_the_journal_where_it_was_cloned_from(hub, open_journal):
    bare = hub.bare("models")
    mirror = hub.clone(bare, "mirror.git", "--mirror")

    open_journal(mirror).write({"n": 1}, "one", None)

    assert branches(bare)


@pytest.mark.parametrize("where", ["local", "remote"])
def test_a_repository_with_sha256_has_a_journal_like_any_other(hub, open_journal, tmp_path, where):
    if where == "remote":
        user = hub.clone(hub.bare("models", "--object-format=sha256"), "user")
    else:
        git("init", "-q", "--object-format=sha256", "user", cwd=tmp_path)
        user = tmp_path / "user"
    journal = open_journal(user)

    first = journal.write({"n": 1}, "one", None)
    journal.write({"n": 2}, "two", first)

    assert 64 == len(first)
    assert {"n": 2} == open_journal(user).read().document


def test_subjects_are_utf8_whatever_the_user_encodes_commits_in(hub, open_journal):
    bare = hub.bare("models")
    user = hub.clone(bare, "user")
    git("config", "i18n.commitEncoding", "ISO-8859-1", cwd=user)

    open_journal(user).write({"n": 1}, "deploy: v1 → Zürich", None)

    raw = subprocess.run(
        ["git", "cat-file", "commit", BRANCH], cwd=bare, capture_output=True, check=True
    ).stdout
    assert "deploy: v1 → Zürich" in raw.decode("utf-8")
    assert b"\nencoding " not in raw


def test_a_journal_in_one_clone_alone_is_pointed_out_once(open_journal, tmp_path):
    git("init", "-q", "user", cwd=tmp_path)
    notes = []
    journal = open_journal(tmp_path / "user", note=notes.append)

    journal.read()
    journal.read()

    assert 1 == len(notes)
    assert "no other clone" in notes[0]


def test_a_shared_journal_needs_no_words(hub, open_journal):
    notes = []
    open_journal(hub.clone(hub.bare("models"), "user"), note=notes.append).read()

    assert [] == notes


def test_in_ci_a_repository_without_a_remote_is_refused(open_journal, tmp_path):
    git("init", "-q", "user", cwd=tmp_path)

    with pytest.raises(ConfigurationError, match="no remote"):
        open_journal(tmp_path / "user", CI="true").read()


def test_git_refusing_a_repository_of_another_user_hands_on_its_advice(open_journal, tmp_path):
    git("init", "-q", "user", cwd=tmp_path)

    with pytest.raises(ConfigurationError) as caught:
        open_journal(tmp_path / "user", GIT_TEST_ASSUME_DIFFERENT_OWNER="1").read()

    assert "git config --global --add safe.directory" in caught.value.hint


def test_a_full_disk_at_the_remote_is_not_told_as_a_remote_that_is_away(hub, open_journal):
    bare = hub.bare("models")
    hook = bare / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'write error: No space left on device' >&2; exit 1\n")
    hook.chmod(0o755)

    with pytest.raises(ServiceError) as caught:
        open_journal(hub.clone(bare, "user")).write({"n": 1}, "one", None)

    assert "space" in caught.value.hint
