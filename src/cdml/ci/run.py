"""The CI run that a command is part of; at a terminal there is the least there can be of one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from cdml.ci.code_host import PullRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """A message; shown next to a line of a file of the repository, if it names one."""

    level: Literal["error", "warning", "notice"]
    title: str
    message: str
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """What a push moved a branch from and to, and the commits of it that the event lists."""

    before: str
    after: str
    commits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggeringRun:
    """The run at whose end this one was started.

    It judged `commit` of `branch` in the `repository` (`owner/name`) of `owner`, which may be a
    fork; None where it is gone.
    `pull_requests` are those of our own repository that it names, with the branch each is to be
    merged into. `stopped` says how it ended, where it did not end by itself: words after "the
    run", such as `was cancelled`.
    """

    commit: str
    branch: str
    owner: str
    repository: str | None
    pull_requests: Mapping[int, str | None]
    stopped: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """What started a run, as far as the CI system says; the code host may know more.

    `pull_request` is the one that is judged, to be merged into the commit `base`; `thread` the
    number of another one that the event is about. `branch` is None where a tag is built. Nobody
    waits for a comment on a run that is `about_no_change`, such as one on a schedule.
    """

    pull_request: PullRequest | None = None
    base: str = ""
    thread: int | None = None
    branch: str | None = None
    push: Push | None = None
    about_no_change: bool = False
    run: TriggeringRun | None = None

    @property
    def stopped(self) -> str | None:
        """How the run that triggered this one was stopped; None where it was not."""
        return self.run.stopped if self.run else None


@dataclass(frozen=True, slots=True, kw_only=True)
class PushCredentials:
    """What authenticates a push to the code host's own server, and to no other.

    `certificates` is a file of the authorities that the server's certificate may come from, if
    they are not the machine's.
    """

    server: str
    user: str
    token: str = field(repr=False)
    certificates: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTrust:
    """How far a run and its machine may be trusted with a model.

    `strangers` says whose code the run may hold where it is not the repository's own, as in
    `pull requests from forks`; what cannot be determined is a stranger's. On a machine that is
    `disposable` after the job, the job may become root. No model may see the `private` folders.
    """

    strangers: str
    disposable: bool = False
    private: tuple[Path, ...] = ()


class CiRun(Protocol):
    """A run of a CI system. It knows its machine's variables and that system's API."""

    name: str
    code_host: str | None
    """The name of the code host that it works for; None where it has none."""

    def commit(self) -> str | None:
        """The commit that is judged: a pull request's head, else the checked-out commit."""
        ...

    def url(self) -> str | None:
        """Address of this run; of its present attempt, where it was started more than once."""
        ...

    def trigger(self) -> Trigger:
        """What started it.

        Raises:
            InputError: the event cannot be read.
        """
        ...

    def judged_in(self) -> tuple[int, int]:
        """Number and attempt of the run whose verdict is reported here; newer ones are larger.

        That is this run, or the one that triggered it; zeros where nobody counts.
        """
        ...

    def is_another_run(self, url: str | None) -> bool:
        """Whether evidence of the run at this address is not of the run that is reported here.

        That is this run, or the one that triggered it, in any attempt. None, of evidence that
        names no run, is another run wherever runs have an address.
        """
        ...

    def is_over(self, url: str) -> bool:
        """Whether the CI system says that nothing of the run at this address goes on any more.

        Only a plain yes is one. It is never said of this run itself, nor of an address that is
        not of this CI system, host and repository, which is not even asked about.

        Raises:
            ServiceError: the system could not be asked; the message says which permission is
                missing. The caller must assume that the run is alive.
        """
        ...

    def artifact(self, name: str, most: int) -> bytes | None:
        """What the run that triggered this one left under this name, as a zip archive.

        It is not yet looked at, and has at most `most` bytes; None where that run left none.

        Raises:
            InputError: it is larger, or no run triggered this one.
            ServiceError: the CI system refused or did not answer.
        """
        ...

    def trust(self) -> RunTrust:
        """How far it may be trusted; never an error."""
        ...

    def push_credentials(self) -> PushCredentials | None:
        """What git may push the journal with; None where git has its own."""
        ...

    def host_environment(self) -> Mapping[str, str]:
        """Variables of the code host's own CI system that its adapter reads, as this one has them.

        Empty where the machine has them already.
        """
        ...

    def log_group(self, title: str) -> tuple[str, str] | None:
        """The lines that open and close a group in the log; None where it knows no groups."""
        ...

    def set_outputs(self, values: Mapping[str, str]) -> None:
        """Hand values to later steps."""
        ...

    def add_summary(self, markdown: str) -> None:
        """Show Markdown on the run's page."""
        ...

    def annotate(self, annotations: Sequence[Annotation]) -> None:
        """Show lines next to the code."""
        ...
