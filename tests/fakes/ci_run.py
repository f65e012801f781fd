"""A CI run in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cdml.ci.code_host import PullRequest
from cdml.ci.run import Annotation, PushCredentials, RunTrust, Trigger, TriggeringRun
from cdml.errors import InputError, ServiceError
from support.evidence_builders import RUN

RUNS = "https://platform.test/runs/"


@dataclass
class FakeCiRun:
    """Remembers what it was told; `refuses` makes it refuse to tell of other runs.

    `judged` is the address of the run that triggered this one, and `ended` says how that was
    stopped. `over` are the addresses of runs that have ended, `asked` those that were asked about.
    """

    name: str = "fake"
    code_host: str | None = "fake"
    head: str | None = "c" * 40
    address: str | None = f"{RUNS}1"
    judged: str = RUN
    pull: PullRequest | None = None
    artifacts: dict[str, bytes] | None = None
    ended: str | None = None
    refuses: bool = False
    over: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    told: dict[str, str] = field(default_factory=dict)
    summaries: list[str] = field(default_factory=list)
    annotations: list[Annotation] = field(default_factory=list)

    def commit(self) -> str | None:
        return self.pull.head if self.pull else self.head

    def url(self) -> str | None:
        return self.address

    def trigger(self) -> Trigger:
        stopped = self.ended and TriggeringRun(
            commit="", branch="", owner="", repository=None, pull_requests={}, stopped=self.ended
        )
        return Trigger(pull_request=self.pull, run=stopped or None)

    def judged_in(self) -> tuple[int, int]:
        return 1, 1

    def is_another_run(self, url: str | None) -> bool:
        return self.address is not None and url not in {self.address, self.judged}

    def is_over(self, url: str) -> bool:
        if url == self.address or not url.startswith(RUNS):
            return False
        self.asked.append(url)
        if self.refuses:
            raise ServiceError("the CI system does not let this token look at a run.", "Grant it.")
        return url in self.over

    def artifact(self, name: str, most: int) -> bytes | None:
        if self.artifacts is None:
            raise InputError("no run triggered this one.")
        found = self.artifacts.get(name)
        if found is not None and len(found) > most:
            raise InputError("it is too large.")
        return found

    def trust(self) -> RunTrust:
        return RunTrust(strangers="")

    def push_credentials(self) -> PushCredentials | None:
        return None

    def host_environment(self) -> Mapping[str, str]:
        return {}

    def log_group(self, title: str) -> tuple[str, str] | None:
        return f"({title}", ")"

    def set_outputs(self, values: Mapping[str, str]) -> None:
        self.told.update(values)

    def add_summary(self, markdown: str) -> None:
        self.summaries.append(markdown)

    def annotate(self, annotations: Sequence[Annotation]) -> None:
        self.annotations += annotations
