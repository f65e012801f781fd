"""What the git journal promises beyond the contract: whose hands it keeps out of what."""

import base64
import os
import stat
import subprocess
import time
from urllib.parse import unquote

import pytest

from cdml.adapters.ci.github import push_credentials
from cdml.adapters.journals.git import GitJournal
from cdml.errors import ConfigurationError, InputError, ServiceError
from cdml.journal.branches import branch_part
from fakes.git_server import git_server

BRANCH = "cdml/production/flights"
TOKEN = "ghs_made_up"
HEADER = "Basic " + base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()


def git(*arguments, cwd):
    done = subprocess.run(["git", *arguments], cwd=cwd, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def open_journal(home):
    def opened(folder, model="flights", **variables):
        process = {"PATH": os.environ["PATH"], "HOME": str(home), **variables}
        return GitJournal(
            folder=folder,
            environment="production",
            model=model,
            variables=process,
            credentials=push_credentials(process),
        )

    return opened


@pytest.fixture
def user(tmp_path):
    git("init", "--quiet", "--initial-branch=main", "user", cwd=tmp_path)
    return tmp_path / "user"


@pytest.fixture
def origin(tmp_path, user):
    git("init", "--quiet", "--bare", "origin.git", cwd=tmp_path)
    git("remote", "add", "origin", "../origin.git", cwd=user)
    return tmp_path / "origin.git"


def hook(repository, name, body):
    path = repository / "hooks" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


NAMES = [
    "a",
    "a.b",
    ".a",
    "a.",
    "a..b",
    "x.lock",
    "a b",
    "a/b",
    "ü",
    "a%20",
    "-x",
    "@{",
    "~^:?*[\\",
]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_becomes_one_part_of_a_branch_and_comes_back(name):
    part = branch_part(name)

    assert "/" not in part
    assert name == unquote(part)
    git("check-ref-format", "--branch", f"cdml/{part}/{part}", cwd="/")


def test_names_that_git_takes_stay_as_they_are():
    assert "flights-v1.2_x" == branch_part("flights-v1.2_x")


def test_each_entry_is_a_commit_that_says_what_happened(open_journal, user):
    journal = open_journal(user)
    first = journal.write({"n": 1}, "deploy: v7 serves\nproduction", None)
    journal.write({"n": 2}, "deploy: v7 → done", first)

    subjects = git("log", "--format=%s %an %cn", BRANCH, cwd=user).splitlines()
    assert ["deploy: v7 → done cdml cdml", "deploy: v7 serves production cdml cdml"] == subjects
    assert "journal.json" == git("ls-tree", "--name-only", BRANCH, cwd=user)
    assert "" == git("rev-list", "--max-parents=0", "--skip=1", BRANCH, cwd=user)


def test_neither_work_tree_nor_index_nor_hooks_nor_head_are_touched(open_journal, user, origin):
    (user / "draft.txt").write_text("mine")
    for name in ("reference-transaction", "pre-push", "post-commit"):
        hook(user / ".git", name, f"touch {user}/ran-{name}; exit 1")
    before = (git("status", "--porcelain", cwd=user), (user / ".git/HEAD").read_text())

    journal = open_journal(user)
    journal.write({"n": 2}, "two", journal.write({"n": 1}, "one", None))

    assert before == (git("status", "--porcelain", cwd=user), (user / ".git/HEAD").read_text())
    assert "" == git("for-each-ref", cwd=user)
    assert BRANCH in git("branch", "--list", BRANCH, cwd=origin)


@pytest.mark.usefixtures("origin")
def test_the_journal_is_found_from_a_folder_deep_in_the_repository(open_journal, user):
    deep = user / "models" / "flights"
    deep.mkdir(parents=True)
    open_journal(deep).write({"n": 1}, "one", None)

    assert {"n": 1} == open_journal(user).read().document


def test_git_variables_of_a_hook_around_us_lead_nowhere(open_journal, user, tmp_path):
    around = {"GIT_DIR": str(tmp_path / "elsewhere"), "GIT_INDEX_FILE": "x", "GIT_WORK_TREE": "/"}
    open_journal(user, **around).write({"n": 1}, "one", None)

    assert {"n": 1} == open_journal(user).read().document


@pytest.mark.parametrize(
    "content",
    [{"README.md": "hello"}, {"journal.json": "not json"}, {"journal.json": "[1]"}],
    ids=["other file", "no JSON", "no object"],
)
def test_a_branch_with_foreign_content_is_an_input_error(open_journal, user, content):
    git("checkout", "--quiet", "--orphan", BRANCH, cwd=user)
    for name, text in content.items():
        (user / name).write_text(text)
    git("add", ".", cwd=user)
    git("-c", "user.name=U", "-c", "user.email=u@e.org", "commit", "-qm", "Mine", cwd=user)

    with pytest.raises(InputError, match="does not contain a journal"):
        open_journal(user).read()


def test_a_folder_without_git_is_a_configuration_error(open_journal, tmp_path):
    with pytest.raises(ConfigurationError, match="not in a usable git repository"):
        open_journal(tmp_path).read()


def test_an_unreachable_remote_is_never_an_empty_journal(open_journal, user):
    git("remote", "add", "origin", "http://127.0.0.1:9/nowhere.git", cwd=user)

    with pytest.raises(ServiceError, match="cannot be read"):
        open_journal(user).read()


def test_a_protected_branch_is_told_as_such(open_journal, user, origin):
    hook(origin, "pre-receive", "echo 'GH006: Protected branch update failed'; exit 1")

    with pytest.raises(ServiceError, match="cannot be written") as caught:
        open_journal(user).write({"n": 1}, "one", None)

    assert "cdml/**" in caught.value.hint


@pytest.mark.parametrize("where", ["local", "remote"])
def test_a_branch_in_the_way_is_told_and_not_taken_for_a_race(open_journal, user, request, where):
    repository = request.getfixturevalue("origin") if where == "remote" else user
    tree = git("hash-object", "-t", "tree", "-w", "/dev/null", cwd=repository)
    identity = ("-c", "user.name=U", "-c", "user.email=u@e.org")
    commit = git(*identity, "commit-tree", tree, "-m", "x", cwd=repository)
    git("update-ref", "refs/heads/cdml", commit, cwd=repository)

    with pytest.raises(ServiceError, match="cannot be written") as caught:
        open_journal(user).write({"n": 1}, "one", None)

    assert "rename that branch" in caught.value.hint


def test_a_lock_file_of_a_killed_writer_is_swept_away(open_journal, user):
    first = open_journal(user).write({"n": 1}, "one", None)
    left = user / ".git/refs/heads" / f"{BRANCH}.lock"
    left.touch()
    os.utime(left, (time.time() - 60,) * 2)

    open_journal(user).write({"n": 2}, "two", first)

    assert {"n": 2} == open_journal(user).read().document


def http_origin(user, address):
    git("remote", "add", "origin", f"{address}/origin.git", cwd=user)


@pytest.fixture
def served(tmp_path):
    git("init", "--quiet", "--bare", "served/origin.git", cwd=tmp_path)
    git("config", "http.receivepack", "true", cwd=tmp_path / "served/origin.git")
    return tmp_path / "served"


def test_the_token_is_the_one_credential_that_is_sent(open_journal, user, home, served):
    with git_server(served, read={HEADER}, write={HEADER}) as (address, seen):
        http_origin(user, address)
        for scope in ("--local", "--global"):
            subprocess.run(
                ["git", "config", scope, f"http.{address}/.extraheader", "Authorization: Basic x"],
                cwd=user,
                env={"PATH": os.environ["PATH"], "HOME": str(home)},
                check=True,
            )
        journal = open_journal(user, CDML_GITHUB_TOKEN=TOKEN, GITHUB_SERVER_URL=address)
        commit = journal.write({"n": 1}, "one", None)

        assert commit == journal.read().commit
        assert {(HEADER,)} == set(seen)


def test_the_token_goes_to_no_other_server(open_journal, user, served):
    with git_server(served, read={None}, write={None}) as (address, seen):
        http_origin(user, address)
        open_journal(user, CDML_GITHUB_TOKEN=TOKEN).read()

        assert {()} == set(seen)


def test_without_a_token_what_the_checkout_left_lets_us_read(open_journal, user, served):
    with git_server(served, read={HEADER}, write={HEADER}) as (address, _):
        http_origin(user, address)
        git("config", f"http.{address}/.extraheader", f"Authorization: {HEADER}", cwd=user)

        assert open_journal(user).read().commit is None


def test_a_token_that_may_only_read_is_told_which_permission_it_needs(open_journal, user, served):
    with git_server(served, read={HEADER}, write=set()) as (address, _):
        http_origin(user, address)
        journal = open_journal(user, CDML_GITHUB_TOKEN=TOKEN, GITHUB_SERVER_URL=address)

        with pytest.raises(ServiceError, match="cannot be written") as caught:
            journal.write({"n": 1}, "one", None)

    assert "contents: write" in caught.value.hint
    assert TOKEN not in caught.value.message


def test_no_process_shows_the_token(open_journal, user, tmp_path):
    real = subprocess.run(["which", "git"], capture_output=True, text=True, check=True)
    shown, wrapper = tmp_path / "shown", tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\necho "$@" >>{shown}\nexec {real.stdout.strip()} "$@"\n')
    wrapper.chmod(0o755)
    git("remote", "add", "origin", f"http://u:{TOKEN}@127.0.0.1:9/x.git", cwd=user)
    variables = {"PATH": f"{wrapper.parent}:{os.environ['PATH']}", "CDML_GITHUB_TOKEN": TOKEN}

    with pytest.raises(ServiceError) as caught:
        open_journal(user, **variables, GITHUB_SERVER_URL="http://127.0.0.1:9").read()

    assert "fetch" in shown.read_text()
    assert TOKEN not in shown.read_text() + caught.value.message


def test_no_hook_of_the_remote_sees_the_key_that_signs(user, open_journal, tmp_path):
    bare = tmp_path / "keyless.git"
    git("clone", "--quiet", "--bare", str(user), str(bare), cwd=tmp_path)
    for name in git("remote", cwd=user).splitlines():
        git("remote", "remove", name, cwd=user)
    git("remote", "add", "origin", str(bare), cwd=user)
    hook = bare / "hooks" / "post-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\nenv > {tmp_path}/seen\n")
    hook.chmod(0o755)
    keys = {"CDML_JOURNAL_KEY": "CANARY" * 6, "CDML_JOURNAL_KEY_PREVIOUS": "CANARY" * 7}

    open_journal(user, **keys).write({"n": 1}, "one", None)

    assert "PATH=" in (tmp_path / "seen").read_text()
    assert "CANARY" not in (tmp_path / "seen").read_text()


def test_a_lock_file_that_cannot_be_opened_is_a_service_error(tmp_path):
    repository = tmp_path / "repository"
    subprocess.run(["git", "init", "-q", str(repository)], check=True)
    (repository / ".git" / "cdml.lock").mkdir()
    journal = GitJournal(folder=repository, environment="production", model="m", variables={})
    with pytest.raises(ServiceError, match=r"lock file .*cdml\.lock cannot be opened"):
        journal.write({}, "begin", None)
