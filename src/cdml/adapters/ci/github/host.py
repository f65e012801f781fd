"""A repository at GitHub, as any CI run sees it."""

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from cdml.ci.code_host import (
    Behaviour,
    Commit,
    GateSigns,
    PullRequest,
    PushedCommit,
    Thread,
    Warned,
)
from cdml.ci.run import CiRun
from cdml.common.time_budget import Budget
from cdml.common.verdict import Verdict
from cdml.errors import ServiceError

if TYPE_CHECKING:
    from cdml.adapters.ci.github.client import Client

_PROTECTING = frozenset({"creation", "update", "deletion"})
"""Types of rules that leave a branch to those who may bypass them."""


class GitHubHost:
    """A repository at GitHub. The API is called, and PyGithub imported, only when needed.

    `environment` has the token, and where the API and the repository are; `run` says what is
    judged; `pace` is in seconds between two writes to the API.
    """

    name = "github"

    def __init__(
        self, *, environment: Mapping[str, str], folder: Path, run: CiRun, pace: float = 1.0
    ) -> None:
        del folder
        self.run = run
        self.budget = Budget()
        self._environment = dict(environment)
        self._pace = pace

    def __repr__(self) -> str:
        return f"GitHubHost({self._environment.get('GITHUB_REPOSITORY', '')!r})"

    @cached_property
    def _client(self) -> "Client":
        from cdml.adapters.ci.github.client import connect

        return connect(self._environment, pace=self._pace, budget=self.budget)

    def is_protected(self, branch: str) -> bool | None:
        """By the rulesets that apply to the branch; whether it exists already or not."""
        from cdml.adapters.ci.github.client import connect, translate_errors

        try:
            with translate_errors("see the rules of a branch", "metadata: read"):
                # A rollback must not wait for this for long.
                hasty = connect(self._environment, pace=0, hasty=True, budget=self.budget)
                return hasty.branch_rules(branch) >= _PROTECTING
        except ServiceError:
            return None

    def merged_pull_requests(self, commit: str) -> tuple[PullRequest, ...]:
        """See the port."""
        from cdml.adapters.ci.github.client import translate_errors

        branch = self.run.trigger().branch
        with translate_errors("list the commit's pull requests", "pull-requests: read"):
            return tuple(
                PullRequest(number=pull.number, head=pull.head.sha)
                for pull in self._client.repository.get_commit(commit).get_pulls()
                if pull.merged_at is not None and branch in (None, pull.base.ref)
            )

    def pushed(self) -> tuple[PushedCommit, ...]:
        """All commits of the push, oldest first; for other events the commit that is judged."""
        return self._pushed

    @cached_property
    def _pushed(self) -> tuple[PushedCommit, ...]:
        from cdml.adapters.ci.github.pushes import commits

        push = self.run.trigger().push
        if push is not None:
            brought = commits(self._client, push)
        else:
            brought = tuple((sha, True) for sha in (self.run.commit(),) if sha)
        return tuple(
            PushedCommit(sha=sha, merged=self.merged_pull_requests(sha) if on_line else ())
            for sha, on_line in brought
        )

    def gate_signs(self, on: PullRequest | Commit) -> GateSigns | None:
        """What a gate left: comments of reports, and checks by their names."""
        from cdml.adapters.ci.github.pushes import signs

        if isinstance(on, Commit):
            return signs(self._client, on.sha, None)
        return signs(self._client, on.head, on.number)

    def thread(self) -> Thread | None:
        """The pull request of the event, of the run that triggered this one, or of the commit."""
        from cdml.adapters.ci.github.threads import find_thread

        return find_thread(lambda: self._client, self.run)

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
        """Post or update the one comment of this report, and give its address."""
        from cdml.adapters.ci.github.comments import open_thread
        from cdml.adapters.ci.report_comment import post_comment
        from cdml.adapters.ci.report_marker import Marker, State

        state = State.BEGUN if begun else State.REPORTED
        source = self._source(config)
        marker = Marker.for_report(report_id, self.run.judged_in(), state, source=source)
        return post_comment(
            open_thread(self._client, on),
            marker,
            body,
            only_update=only_update,
            behaviour=behaviour,
            warned=warned,
        )

    def warned(self, on: Thread, report_id: str, *, config: Path | None = None) -> frozenset[str]:
        """What the marker of the last report's comment holds."""
        from cdml.adapters.ci.github.comments import open_thread
        from cdml.adapters.ci.report_comment import earlier_warnings
        from cdml.adapters.ci.report_marker import Marker

        marker = Marker.for_report(report_id, self.run.judged_in(), source=self._source(config))
        return earlier_warnings(open_thread(self._client, on), marker)

    def _source(self, config: Path | None) -> str:
        """Which configuration, as the marker names it; empty where there is none."""
        return "" if config is None else self._in_checkout(config) or config.as_posix()

    def base_file(self, path: Path) -> bytes | None:
        """A file at the base of the event's pull request; None where there is none."""
        from cdml.adapters.ci.api_errors import NotFoundError
        from cdml.adapters.ci.github.client import translate_errors

        base, name = self.run.trigger().base, self._in_checkout(path)
        if not base or name is None:
            return None
        try:
            with translate_errors("read a file of the base", "contents: read"):
                return self._client.content(name, base)
        except NotFoundError:
            return None

    def unchanged(self, path: Path) -> bool | None:
        """See the port."""
        from cdml.adapters.ci.api_errors import NotFoundError
        from cdml.adapters.ci.github.client import translate_errors
        from cdml.adapters.ci.same_file import is_same

        base, name = self.run.trigger().base, self._in_checkout(path)
        if not base or name is None:
            return None
        for commit in filter(None, (base, self.run.commit())):
            try:
                with translate_errors("read a file of the base", "contents: read"):
                    entry = self._client.get(f"/contents/{quote(name)}", ref=commit)
            except NotFoundError:
                continue
            return commit == base and is_same(path, entry)
        return None  # no file of the repository: a step before has brought it

    def _in_checkout(self, path: Path) -> str | None:
        """A file's path in the repository; None where it lies elsewhere."""
        root = Path(self._environment.get("GITHUB_WORKSPACE") or Path.cwd()).resolve()
        there = path.resolve()
        return there.relative_to(root).as_posix() if there.is_relative_to(root) else None

    def set_commit_status(
        self, report_id: str, *, verdict: Verdict, description: str, url: str | None
    ) -> None:
        """The check of the gate's job stands next to the commit already."""

    def open_deployment(
        self,
        operation: str,
        ref: str,
        environment: str,
        task: str,
        description: str,
        payload: Mapping[str, str],
    ) -> str | None:
        """File a deployment, or find the one this operation filed."""
        from cdml.adapters.ci.github.deployments import open_deployment

        return open_deployment(
            self._client,
            operation=operation,
            ref=ref,
            environment=environment,
            task=task,
            description=description,
            payload=payload,
        )

    def deployment_status(
        self,
        deployment: str,
        state: str,
        description: str,
        environment: str,
        *,
        url: str | None = None,
    ) -> None:
        """Tell how a deployment goes; a success makes older ones of the environment inactive."""
        from cdml.adapters.ci.github.deployments import set_status

        set_status(
            self._client,
            deployment=deployment,
            state=state,
            description=description,
            environment=environment,
            run_url=self.run.url(),
            environment_url=url,
        )

    def report_issue(self, id_: str, title: str, body: str) -> str:
        """See `cdml.ci.automation`."""
        from cdml.adapters.ci.github.automation import GitHubIssues
        from cdml.adapters.ci.sticky_issue import report_issue

        return report_issue(GitHubIssues(self._client), id_, title, body)

    def close_issue(self, id_: str, body: str) -> str | None:
        """See `cdml.ci.automation`."""
        from cdml.adapters.ci.github.automation import GitHubIssues
        from cdml.adapters.ci.sticky_issue import close_issue

        return close_issue(GitHubIssues(self._client), id_, body)

    def start_workflow(
        self, workflow: str, ref: str | None, inputs: Mapping[str, str], *, since: datetime
    ) -> str:
        """See `cdml.ci.automation`."""
        from cdml.adapters.ci.github.automation import start_workflow

        return start_workflow(self._client, workflow, ref, inputs, since=since)

    def send_event(self, event: str, payload: Mapping[str, str], *, since: datetime) -> str:
        """See `cdml.ci.automation`."""
        from cdml.adapters.ci.github.automation import send_event

        return send_event(self._client, event, payload, since=since)
