"""How a report talks to people: when, where, and what becomes of what it said before."""

from dataclasses import dataclass
from pathlib import Path

from cdml.ci.code_host import Behaviour, Commit, Warned
from cdml.common.markdown import clean
from cdml.common.verdict import Verdict
from cdml.errors import ConfigurationError, ServiceError
from cdml.report.ports import ReportPorts

MODES = ("always", "changes", "failures", "off")
BEHAVIOURS: tuple[Behaviour, ...] = ("update", "recreate", "hide-and-recreate")
MAX_ID = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentPolicy:
    """What was requested.

    `mode` says when: always; failures, when the verdict is not pass or warn; changes, unless the
    model is the champion itself and passed; off. Except for off, a comment that is there is always
    brought up to date.

    Raises:
        ConfigurationError: mode, behaviour or id cannot be used.
    """

    mode: str
    report_id: str
    behaviour: Behaviour = "update"
    pull_request: int | None = None
    config: Path | None = None

    def __post_init__(self) -> None:
        is_valid = self.mode in MODES and self.behaviour in BEHAVIOURS
        if not is_valid or len(self.report_id) > MAX_ID:
            raise ConfigurationError(
                f"invalid comment mode {self.mode!r}, behaviour {self.behaviour!r} or report id"
                f" ({len(self.report_id)} characters).",
                f"Modes: {', '.join(MODES)}; behaviours: {', '.join(BEHAVIOURS)}; an id has at"
                f" most {MAX_ID} characters.",
            )

    def earlier_warnings(self, host: ReportPorts) -> frozenset[str]:
        """Digests of the warnings that the last report had; none where nobody can tell."""
        code_host = host.code_host
        if self.mode == "off" or code_host is None:
            return frozenset()
        try:
            on = self.pull_request or code_host.thread()
            if on is None:
                return frozenset()
            return code_host.warned(on, self.report_id, config=self.config)
        except ServiceError:  # the comment then fails for the same reason, and reports it
            return frozenset()

    def post(
        self,
        host: ReportPorts,
        body: str,
        *,
        quiet: bool,
        begun: bool = False,
        warned: Warned | None = None,
    ) -> str | None:
        """Comment where this run belongs, and give the comment's address; None without one.

        When `quiet`, it only brings up to date what is there; `begun`: there is no verdict yet.

        Raises:
            ServiceError: the code host refused to comment on a pull request, or to look for one;
                or there is none, and a pull request was named.
        """
        if self.mode == "off":
            return None
        code_host = host.code_host
        if code_host is None and self.pull_request:
            raise ServiceError(
                f"cannot comment on pull request {self.pull_request}: this run has no code host.",
                "Comments are posted on GitHub and GitLab; report files are written everywhere.",
            )
        on = self.pull_request or (code_host.thread() if code_host else None)
        if code_host is None or on is None or (begun and isinstance(on, Commit)):
            host.progress.note("this run has no pull request to comment on")
            return None
        try:
            return code_host.comment(
                on,
                self.report_id,
                body,
                only_update=quiet,
                begun=begun,
                behaviour=self.behaviour,
                config=self.config,
                warned=warned,
            )
        except ServiceError as error:
            if isinstance(on, Commit):  # nobody requested it: the summary is enough
                host.progress.note(f"could not comment on the commit: {error.message}")
                return None
            raise

    def set_status(
        self, host: ReportPorts, verdict: Verdict, headline: str, address: str | None
    ) -> None:
        """Show the verdict next to the commit, too; that this failed is only noted."""
        if self.mode == "off" or host.code_host is None:
            return
        # Installed packages may bring a code host that was written before there were statuses.
        if not hasattr(host.code_host, "set_commit_status"):
            return
        try:
            host.code_host.set_commit_status(
                self.report_id, verdict=verdict, description=clean(headline), url=address
            )
        except ServiceError as error:
            host.progress.note(f"could not set the commit's status: {error.message}")
