"""Git by its plumbing: no hook runs, no work tree is touched, nothing prompts."""

import os
import re
import subprocess
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from cdml.ci.run import PushCredentials
from cdml.common.redaction import without_journal_keys
from cdml.errors import ConfigurationError, ServiceError

TIMEOUT = 90
"""Seconds after which a git command is given up."""

_IDENTITY = {
    f"GIT_{role}_{attribute}": value
    for role in ("AUTHOR", "COMMITTER")
    for attribute, value in (("NAME", "cdml"), ("EMAIL", "noreply@cdml.invalid"))
}
_QUIET = {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}
_SETTINGS = (
    ("core.hooksPath", os.devnull),
    ("core.filesRefLockTimeout", "2000"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("push.gpgSign", "false"),
    ("i18n.commitEncoding", "UTF-8"),  # what we hand to commit-tree
    ("i18n.logOutputEncoding", "UTF-8"),
)
_PLACES = re.compile(
    r"GIT_(DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|COMMON_DIR"
    r"|NAMESPACE|CEILING_DIRECTORIES|TRACE.*|CURL_VERBOSE)"
)
_ADVICE = re.compile(r"git config --global --add safe\.directory .+")
_USERINFO = re.compile(r"(?<=://)[^/@\s]+@")


@dataclass(frozen=True, slots=True)
class Done:
    """How a git command ended."""

    code: int
    output: str
    errors: str

    @property
    def message(self) -> str:
        """What git said, in one line, without its advice and the credentials of an address."""
        lines = [line.strip() for line in f"{self.errors}\n{self.output}".splitlines()]
        message = "; ".join(line for line in lines if line and not line.startswith("hint:"))
        return _USERINFO.sub("", message)[:2000]

    @property
    def trust_advice(self) -> str:
        """The command by which git lets us into a repository of another user, if it refused."""
        advice = _ADVICE.search(self.errors)
        return (
            f"It belongs to another user. If you trust it: `{advice[0].strip()}`." if advice else ""
        )


@dataclass(frozen=True, slots=True)
class Git:
    """Runs git with settings that travel in the environment, where no process list shows them.

    `repository` is another one than that around `folder`.
    """

    folder: Path
    variables: Mapping[str, str] = field(repr=False)
    settings: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    repository: Path | None = None

    def __call__(self, *arguments: str, text: str = "") -> Done:
        """Run a command to its end.

        Raises:
            ConfigurationError: git is not installed, or the folder is gone.
            ServiceError: git did not end in time.
        """
        try:
            done = subprocess.run(
                ["git", *arguments],
                cwd=self.folder,
                env=self._environment(),
                input=text.encode(),
                capture_output=True,
                timeout=TIMEOUT,
                check=False,
            )
        except FileNotFoundError as error:
            raise ConfigurationError(
                f"git cannot be started in {self.folder}.", "Install git; the journal needs it."
            ) from error
        except subprocess.TimeoutExpired as error:
            raise ServiceError(f"git {arguments[0]} did not finish within {TIMEOUT} s.") from error
        output, errors = (part.decode(errors="replace") for part in (done.stdout, done.stderr))
        return Done(done.returncode, output, errors)

    def run(self, *arguments: str, text: str = "") -> str:
        """The output of a command that must succeed, without the newline at its end.

        Raises:
            ServiceError: it failed.
        """
        done = self(*arguments, text=text)
        if done.code != 0:
            raise ServiceError(f"git {arguments[0]} failed: {done.message}.")
        return done.output.removesuffix("\n")

    def commit(self, content: str, subject: str, trailer: str, parent: str | None) -> str:
        """Write a commit that holds one file, `journal.json`."""
        blob = self.run("hash-object", "-w", "--stdin", text=content)
        tree = self.run("mktree", text=f"100644 blob {blob}\tjournal.json\n")
        parents = ("-p", parent) if parent else ()
        message = f"{' '.join(subject.split())}\n\n{trailer}\n"
        return self.run("commit-tree", tree, *parents, text=message)

    def parent(self, commit: str) -> str | None:
        """The commit before this one, by its own word, whether it was fetched or not.

        Raises:
            ServiceError: there is no such commit.
        """
        header = self.run("cat-file", "commit", commit).partition("\n\n")[0]
        parents = [line.split()[1] for line in header.splitlines() if line.startswith("parent ")]
        return parents[0] if len(parents) == 1 else None

    def _environment(self) -> dict[str, str]:
        inherited = without_journal_keys(self.variables)  # a remote's hooks would see them
        allowed = {name: value for name, value in inherited.items() if not _PLACES.fullmatch(name)}
        earlier = allowed.get("GIT_CONFIG_COUNT", "")
        first = int(earlier) if earlier.isdigit() else 0
        settings: dict[str, str] = {}
        for index, (key, value) in enumerate((*_SETTINGS, *self.settings), start=first):
            settings |= {f"GIT_CONFIG_KEY_{index}": key, f"GIT_CONFIG_VALUE_{index}": value}
        settings["GIT_CONFIG_COUNT"] = str(first + len(_SETTINGS) + len(self.settings))
        place = {"GIT_DIR": str(self.repository)} if self.repository else {}
        return {**allowed, **_QUIET, **_IDENTITY, **settings, **place}


def authenticate(
    url: str, credentials: PushCredentials | None, local: Git
) -> Iterable[tuple[str, str]]:
    """Settings that authenticate at a remote.

    The token goes only to the code host's own server, where it replaces whatever else the
    machine's configuration would send. Without one, a header that a checkout left in the
    repository still lets us read, and certificates that it left are trusted.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        return
    host = parts.netloc.rpartition("@")[2]
    if credentials and host == urlsplit(credentials.server).netloc:
        header = f"http.{parts.scheme}://{host}{parts.path}.extraheader"
        if credentials.certificates:
            yield (f"http.{parts.scheme}://{host}/.sslCAInfo", credentials.certificates)
        basic = b64encode(f"{credentials.user}:{credentials.token}".encode()).decode()
        yield (header, "")
        yield (header, f"Authorization: Basic {basic}")
        return
    left = local("config", "--null", "--get-regexp", r"^http\..*\.(extraheader|sslcainfo)$")
    for setting in filter(None, left.output.split("\0")):
        key, _, value = setting.partition("\n")
        yield (key, value)
