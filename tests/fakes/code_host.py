"""A code host in memory."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cdml.ci.code_host import (
    Behaviour,
    Commit,
    GateSigns,
    PullRequest,
    PushedCommit,
    Thread,
    Warned,
)
from cdml.common.verdict import Verdict
from cdml.errors import ServiceError
from fakes.ci_run import FakeCiRun


@dataclass
class FakeComment:
    """A comment and which run wrote it."""

    number: Thread
    report_id: str
    body: str
    edits: int = 0
    begun: bool = False
    config: Path | None = None
    run: str | None = None
    warned: Warned = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"https://platform.test/pull/{self.number}#{self.report_id}"


@dataclass
class FakeDeployment:
    """A deployment and the states it went through."""

    id: str
    operation: str
    ref: str
    environment: str
    task: str
    description: str
    payload: Mapping[str, str]
    states: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    url: str | None = None


@dataclass
class FakeIssue:
    """An issue, open until it is closed."""

    title: str
    body: str
    open: bool = True


@dataclass
class FakeCodeHost:
    """Remembers what it was told; `refuses` makes it refuse to comment, to deploy and to tell.

    It takes the last run of a workflow for the requested one, unless it `forgets`. A push `brought`
    these commits; `signs` of gates are by pull request or commit, None for nobody knows.
    """

    run: FakeCiRun = field(default_factory=FakeCiRun)
    name: str = "fake"
    merged: dict[str, tuple[PullRequest, ...]] = field(default_factory=dict)
    brought: tuple[str, ...] = ()
    signs: dict[int | str, GateSigns | None] = field(default_factory=dict)
    on: Thread | None = None
    refuses: bool = False
    lost: bool = False
    base: bytes | ServiceError | None = None
    others: Mapping[str, bytes | ServiceError] = field(default_factory=dict)
    untracked: frozenset[str] = frozenset()
    protected: bool | None = None
    branches: list[str] = field(default_factory=list)
    behaviours: list[str] = field(default_factory=list)
    comments: list[FakeComment] = field(default_factory=list)
    deployments: list[FakeDeployment] = field(default_factory=list)
    statuses: list[tuple[str, Verdict, str, str | None]] = field(default_factory=list)
    issues: dict[str, FakeIssue] = field(default_factory=dict)
    started: list[tuple[str, str | None, dict[str, str]]] = field(default_factory=list)
    forgets: bool = False

    def is_protected(self, branch: str) -> bool | None:
        self.branches.append(branch)
        return self.protected

    def merged_pull_requests(self, commit: str) -> tuple[PullRequest, ...]:
        return self.merged.get(commit, ())

    def pushed(self) -> tuple[PushedCommit, ...]:
        commit = self.run.commit()
        brought = self.brought or ((commit,) if commit else ())
        return tuple(PushedCommit(sha=sha, merged=self.merged.get(sha, ())) for sha in brought)

    def gate_signs(self, on: PullRequest | Commit) -> GateSigns | None:
        self._may("list the checks")
        return self.signs.get(on.sha if isinstance(on, Commit) else on.number, GateSigns())

    def thread(self) -> Thread | None:
        if self.lost:
            raise ServiceError("the code host does not answer.")
        return self.run.pull.number if self.run.pull else self.on

    def base_file(self, path: Path) -> bytes | None:
        base = self.base if path.name == "cdml.yaml" else self.others.get(path.name)
        if isinstance(base, ServiceError):
            raise base
        return base

    def unchanged(self, path: Path) -> bool | None:
        before = self.others.get(path.name)
        if isinstance(before, ServiceError):
            raise before
        if self.base is None or path.name in self.untracked:
            return None
        return before is None or before == path.read_bytes()

    def comment(
        self,
        on: Thread,
        report_id: str,
        body: str,
        *,
        only_update: bool = False,
        begun: bool = False,
        behaviour: Behaviour = "update",
        config: Path | None = None,
        warned: Warned | None = None,
    ) -> str | None:
        self._may("comment")
        self.behaviours.append(behaviour)
        if warned is None:
            warned = dict.fromkeys(self.warned(on, report_id, config=config), True)
        found = next(self._own(on, report_id, config), None)
        if found is None:
            if only_update:
                return None
            found = FakeComment(on, report_id, body)
            self.comments.append(found)
        found.edits += found.body != body
        found.body, found.begun, found.run, found.warned = body, begun, self.run.address, warned
        found.report_id, found.config = report_id, config
        return found.url

    def warned(self, on: Thread, report_id: str, *, config: Path | None = None) -> frozenset[str]:
        self._may("read comments")
        found = next(self._own(on, report_id, config), None)
        known = found.warned.items() if found else ()
        return frozenset(one for one, old in known if old or found.run != self.run.address)

    def _own(self, on: Thread, report_id: str, config: Path | None) -> Iterator[FakeComment]:
        for one in self.comments:
            same = one.report_id == report_id or (config and one.config == config)
            if one.number == on and same:
                yield one

    def set_commit_status(
        self, report_id: str, *, verdict: Verdict, description: str, url: str | None
    ) -> None:
        self._may("set the commit's status")
        self.statuses.append((report_id, verdict, description, url))

    def open_deployment(
        self,
        operation: str,
        ref: str,
        environment: str,
        task: str,
        description: str,
        payload: Mapping[str, str],
    ) -> str | None:
        self._may("file a deployment")
        for known in self.deployments:
            if known.operation == operation:
                return known.id
        id_ = str(len(self.deployments) + 1)
        self.deployments.append(
            FakeDeployment(id_, operation, ref, environment, task, description, payload)
        )
        return id_

    def deployment_status(
        self,
        deployment: str,
        state: str,
        description: str,
        environment: str,
        *,
        url: str | None = None,
    ) -> None:
        self._may("set a deployment's status")
        current = self.deployments[int(deployment) - 1]
        current.states.append(state)
        current.told.append(description)
        current.url = url
        older = self.deployments[: int(deployment) - 1] if state == "success" else ()
        for other in older:
            same = other.environment == environment
            if same and other.payload.get("model") == current.payload.get("model"):
                other.states.append("inactive")

    def report_issue(self, id_: str, title: str, body: str) -> str:
        self._may("open an issue")
        self.issues[id_] = FakeIssue(title, body)
        return f"https://platform.test/issues/{id_}"

    def close_issue(self, id_: str, body: str) -> str | None:
        self._may("close an issue")
        found = self.issues.get(id_)
        if found is None or not found.open:
            return None
        found.body, found.open = body, False
        return f"https://platform.test/issues/{id_}"

    def start_workflow(
        self, workflow: str, ref: str | None, inputs: Mapping[str, str], *, since: datetime
    ) -> str:
        self._may("start a workflow")
        for number, (started, _, given) in enumerate(self.started):
            if (started, given) == (workflow, inputs) and not self.forgets:
                return f"https://platform.test/runs/{number}"
        del since
        self.started.append((workflow, ref, dict(inputs)))
        return f"https://platform.test/runs/{len(self.started) - 1}"

    def send_event(self, event: str, payload: Mapping[str, str], *, since: datetime) -> str:
        return self.start_workflow(event, None, payload, since=since)

    def _may(self, what: str) -> None:
        if self.refuses:
            raise ServiceError(f"the code host does not let this token {what}.", "Grant it.")
