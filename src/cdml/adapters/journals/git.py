"""The journal as an orphan branch of the user's repository, one commit per transition."""

import fcntl
import json
import re
import secrets
import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from cdml.adapters.journals.git_objects import Done, Git, authenticate
from cdml.adapters.journals.git_remote import Remote, find_remote
from cdml.ci.run import PushCredentials
from cdml.common.scratch_folders import prefix as scratch_prefix
from cdml.errors import ConfigurationError, InputError, ServiceError
from cdml.journal.branches import journal_branch
from cdml.journal.port import Moved, Snapshot

MAX_BYTES = 8 * 2**20
STALE = 1.5
"""Seconds after which a ref's lock file was left by a process that is dead: our writers hold
their own lock around it, it is held for milliseconds, and git itself waits two seconds."""

_PAUSES = (0.1, 0.4, 1.5)
"""Seconds to wait where another writer's lock, and not its write, stood in the way."""

_ABSENT = ""
"""The old value of a ref that must not exist; zeros would depend on the repository's hash."""
_HERE = "refs/cdml/journal"
_RACED = re.compile(
    r"fetch first|non-fast-forward|failed to update ref|cannot lock ref|incorrect old value"
    r"|reference already exists|stale info"
)
_PROTECTED = re.compile(r"GH006|GH013|protected branch|rule violations|hook declined")
_DENIED = re.compile(
    r"\b40[13]\b|denied|authentication failed|could not read (username|password)|not authorized"
    r"|not granted|read-only|repository not found",
    re.IGNORECASE,
)
_FULL = re.compile(r"no space left|disk quota exceeded|disk full", re.IGNORECASE)


class GitJournal:
    """Reads and writes the branch `cdml/<environment>/<model>`.

    With a remote (`find_remote` says which), the branch lives there: it is fetched into a bare
    repository of our own, and moved by a plain fast-forward push. Without one it lives in the
    repository around `folder`, and is moved by `git update-ref` with the old value. Either way one
    of two writers loses: each commit has a nonce, so that no two are the same. `credentials`
    authenticate at their server; elsewhere git has its own.
    """

    def __init__(
        self,
        *,
        folder: Path,
        environment: str,
        model: str,
        variables: Mapping[str, str],
        remote: str | None = None,
        note: Callable[[str], None] = lambda _: None,
        credentials: PushCredentials | None = None,
        branch: Callable[[str, str], str] = journal_branch,
    ) -> None:
        self._folder = folder
        self._configured = remote
        self._note = note
        self._credentials = credentials
        self._branch = branch(environment, model)
        self._ref = f"refs/heads/{self._branch}"
        self._variables = variables
        self._at_hand: str | None = None

    def read(self) -> Snapshot:
        """The newest entry."""
        commit = self._at_hand = self._fetched() if self._remote else self._local_commit()
        if commit is None:
            return Snapshot(document=None, commit=None)
        return Snapshot(
            document=self._document(commit), commit=commit, parent=self._git.parent(commit)
        )

    def write(self, document: Mapping[str, object], subject: str, expected: str | None) -> str:
        """Append an entry on top of `expected` and give its commit."""
        content = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        if expected not in (None, self._at_hand) and self._git("cat-file", "-e", expected).code:
            self._fetched()
        nonce = f"Nonce: {secrets.token_hex(16)}"
        commit = self._git.commit(content, subject, nonce, expected)
        if self._remote:
            self._push(commit, expected)
        else:
            self._update(commit, expected)
        self._at_hand = commit
        return commit

    @cached_property
    def _local(self) -> Git:
        """The user's repository.

        Raises:
            ConfigurationError: there is none.
        """
        around = Git(self._folder, self._variables)
        result = around("rev-parse", "--absolute-git-dir")
        if result.code != 0:
            raise ConfigurationError(
                f"{self._folder} is not in a usable git repository: {result.message}.",
                result.trust_advice
                or (
                    "The journal is a branch of the repository: run `git init`, or check the"
                    " repository out."
                ),
            )
        return around

    @cached_property
    def _common(self) -> Path:
        """What all work trees of the user's repository share."""
        return self._folder / self._local.run("rev-parse", "--git-common-dir")

    @cached_property
    def _remote(self) -> Remote | None:
        """Where the branch lives; None where it lives here."""
        remote = find_remote(self._local, self._configured, self._variables)
        if remote is None:
            self._note(
                "The repository has no remote: the journal exists only in this clone, and no"
                " other clone sees what was deployed or who is deploying."
            )
        return remote

    @cached_property
    def _git(self) -> Git:
        """Where commits are made: a bare repository of our own, or the user's."""
        if self._remote is None:
            return self._local
        bare = Path(tempfile.mkdtemp(prefix=scratch_prefix("cdml-journal")))
        weakref.finalize(self, shutil.rmtree, bare, ignore_errors=True)
        variables = self._variables
        settings = authenticate(self._remote.url, self._credentials, self._local)
        # A relative address is meant from the top of the work tree.
        top = self._local("rev-parse", "--show-toplevel").output.strip() or str(self._folder)
        git = Git(
            Path(top),
            variables,
            (("remote.origin.url", self._remote.url), *settings),
            bare,
        )
        # The hash of a clone is that of its remote; git before 2.26 knows one only.
        object_format = self._local("rev-parse", "--show-object-format")
        of_remote = (
            f"--object-format={object_format.output.strip()}"
            if object_format.code == 0
            else "--bare"
        )
        git.run("init", "--quiet", "--bare", "--template=", of_remote, str(bare))
        return git

    def _fetched(self) -> str | None:
        """The remote branch's commit, brought here; None where there is no such branch."""
        if self._remote is None:
            return self._local_commit()
        options = ("--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules")
        done = self._git("fetch", *options, "origin", f"+{self._ref}:{_HERE}")
        if done.code == 0:
            return self._git.run("rev-parse", _HERE)
        if "couldn't find remote ref" in done.errors:
            return None
        raise self._refused(done, "read")

    def _local_commit(self) -> str | None:
        commit = self._local("rev-parse", "--verify", "--quiet", f"{self._ref}^{{commit}}")
        return commit.output.strip() or None

    def _document(self, commit: str) -> Mapping[str, object]:
        foreign = InputError(
            f"The branch {self._branch} does not contain a journal of cdml.",
            "Rename that branch. The next deploy starts a new journal.",
        )
        size = self._git("cat-file", "-s", f"{commit}:journal.json")
        if size.code != 0 or not int(size.output) <= MAX_BYTES:
            raise foreign
        try:
            document = json.loads(self._git.run("cat-file", "blob", f"{commit}:journal.json"))
        except ValueError as error:
            raise foreign from error
        if not isinstance(document, dict):
            raise foreign
        return document

    def _push(self, commit: str, expected: str | None) -> None:
        options = ("--porcelain", "--no-verify", "--no-follow-tags", "--recurse-submodules=no")
        for pause in (*_PAUSES, None):
            done = self._git("push", *options, "origin", f"{commit}:{self._ref}")
            if done.code == 0:
                return
            if not _RACED.search(done.message) or _PROTECTED.search(done.message):
                raise self._refused(done, "write")
            newest = self._fetched()
            if newest == commit:
                return
            if newest != expected:
                raise Moved
            if pause is None:
                raise self._blocked(done)
            time.sleep(pause)

    def _update(self, commit: str, expected: str | None) -> None:
        arguments = ("update-ref", self._ref, commit, expected or _ABSENT)
        with self._alone():
            done = self._local(*arguments)
            if done.code != 0 and self._swept():
                done = self._local(*arguments)
        if done.code == 0:
            return
        if not _RACED.search(done.message):
            raise ServiceError(f"The journal cannot be written: {done.message}.")
        if self._local_commit() == expected:
            raise self._blocked(done)
        raise Moved

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other writers of this machine out; the system lets go when a process dies."""
        path = self._common / "cdml.lock"
        try:
            file = path.open("a")
        except OSError as error:
            raise ServiceError(
                f"The journal cannot be written: its lock file {path} cannot be opened"
                f" ({error.strerror}).",
                "Give this user write access to the file and its folder.",
            ) from error
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _swept(self) -> bool:
        """Take away a lock file that a killed `git update-ref` left, and say if there was one."""
        path = self._folder / self._local.run("rev-parse", "--git-path", f"{self._ref}.lock")
        try:
            left = time.time() - path.stat().st_mtime > STALE
        except (FileNotFoundError, NotADirectoryError):
            return False
        if left:
            path.unlink(missing_ok=True)
        return left

    def _blocked(self, done: Done) -> ServiceError:
        """The branch did not move, and yet git refused to move it."""
        return ServiceError(
            f"The journal's branch {self._branch} cannot be written: {done.message}.",
            "A branch named like a part of it, such as `cdml`, may block it: rename that branch.",
        )

    def _refused(self, done: Done, permission: str) -> ServiceError:
        where = f"at {self._remote.name}" if self._remote else "here"
        if done.trust_advice:
            hint = done.trust_advice
        elif _FULL.search(done.message):
            hint = "Free space on that disk, and run the command again."
        elif _PROTECTED.search(done.message):
            hint = f"A rule protects the branch {self._branch}: allow cdml to push to `cdml/**`."
        elif _DENIED.search(done.message):
            hint = (
                f"The token needs the permission `contents: {permission}`; at GitLab, the scope"
                f" `{permission}_repository`."
            )
        else:
            hint = "Try again when the remote is reachable."
        action = "written" if permission == "write" else "read"
        return ServiceError(f"The journal cannot be {action} {where}: {done.message}.", hint)
