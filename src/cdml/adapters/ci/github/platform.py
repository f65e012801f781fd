"""GitHub Actions and GitHub's API."""

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from cdml.adapters.ci.github import workflow_commands
from cdml.ci.code_host import (
    Behaviour,
    Commit,
    GateSigns,
    PullRequest,
    PushedCommit,
    Thread,
    Warned,
)
from cdml.ci.run import Annotation
from cdml.common.time_budget import Budget
from cdml.errors import InputError, ServiceError

if TYPE_CHECKING:
    from cdml.adapters.ci.github.client import Client

_STOPPED = {"cancelled": "was cancelled", "timed_out": "ran out of time"}
"""What GitHub calls the end of a run that did not end by itself, in words."""
_PROTECTING = frozenset({"creation", "update", "deletion"})
"""Types of rules that leave a branch to those who may bypass them."""
_TOKENS = ("CDML_GITHUB_TOKEN", "GITHUB_TOKEN")


class GitHubPlatform:
    """A step of a workflow. The API is asked, and PyGithub imported, only when it is needed.

    Args:
        environment: the runner's variables; the token is `CDML_GITHUB_TOKEN` or `GITHUB_TOKEN`.
        folder: a folder of the checkout.
        pace: seconds between two writes to the API.
    """

    name = "github"

    def __init__(self, *, environment: Mapping[str, str], folder: Path, pace: float = 1.0) -> None:
        self._environment = dict(environment)
        self._folder = folder
        self._pace = pace
        self.budget = Budget()

    def __repr__(self) -> str:
        return f"GitHubPlatform({self._environment.get('GITHUB_REPOSITORY', '')!r})"

    def commit(self) -> str | None:
        """The head of the pull request or of the run that triggered this one, else the commit."""
        pull = self.pull_request()
        if pull is not None:
            return pull.head
        told = self._event.get("workflow_run")
        judged = told.get("head_sha") if isinstance(told, dict) else None
        return str(judged) if judged else self._environment.get("GITHUB_SHA") or None

    def run_url(self) -> str | None:
        """Address of the page of this run's present attempt."""
        from cdml.adapters.ci.github.runs import run_address

        return run_address(self._environment)

    def is_another_run(self, url: str | None) -> bool:
        """Whether this is not the run that is reported; a runner without addresses cannot tell."""
        from cdml.adapters.ci.github.runs import Run

        if self.run_url() is None:
            return False
        run, (judged, _) = Run.at(url or "", self._environment), self._judged_in
        return run is None or judged != run.number

    def stopped(self) -> str | None:
        """How the run that triggered this one was stopped; None where it was not."""
        told = self._event.get("workflow_run")
        ended = str(told.get("conclusion") or "success") if isinstance(told, dict) else "success"
        if ended in {"success", "failure", "neutral"}:
            return None
        return _STOPPED.get(ended, "ended before it could judge")

    def run_is_over(self, url: str) -> bool:
        """Whether a run of this repository is over; what is no such run may go on."""
        from cdml.adapters.ci.github.runs import Run, is_over, was_restarted

        run, own = (Run.at(one, self._environment) for one in (url, self.run_url() or ""))
        if run is None or own is None:
            return False
        if run.number == own.number:
            return was_restarted(run, own)
        return is_over(self._hasty, run)

    def is_protected(self, branch: str) -> bool | None:
        """By the rulesets that apply to the branch; whether it exists already or not."""
        from cdml.adapters.ci.github.client import translate_errors

        try:
            with translate_errors("see the rules of a branch", "metadata: read"):
                return self._hasty.branch_rules(branch) >= _PROTECTING
        except ServiceError:
            return None

    def outputs(self, values: Mapping[str, str]) -> None:
        """Hand values to later steps."""
        workflow_commands.set_outputs(self._environment.get("GITHUB_OUTPUT", ""), values)

    def summary(self, markdown: str) -> None:
        """Show Markdown on the run's page."""
        workflow_commands.add_summary(self._environment.get("GITHUB_STEP_SUMMARY", ""), markdown)

    def annotate(self, annotations: Sequence[Annotation]) -> None:
        """Show lines beside the code."""
        workflow_commands.annotate(annotations, self._environment.get("GITHUB_WORKSPACE", ""))

    def pull_request(self) -> PullRequest | None:
        """The pull request of the event; None for events that have none."""
        pull = self._event.get("pull_request")
        if not isinstance(pull, dict):
            return None
        try:
            return PullRequest(number=int(pull["number"]), head=str(pull["head"]["sha"]))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"the event's pull request lacks {error}.",
                "GITHUB_EVENT_PATH must name the event as GitHub wrote it.",
            ) from error

    @cached_property
    def _event(self) -> dict[str, Any]:
        path = self._environment.get("GITHUB_EVENT_PATH")
        if not path:
            return {}
        try:
            event = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"the event {path} cannot be read: {error}.") from error
        return event if isinstance(event, dict) else {}

    @cached_property
    def _client(self) -> "Client":
        return self._client_of()

    @cached_property
    def _hasty(self) -> "Client":
        """For what a rollback must not wait for long."""
        return self._client_of(hasty=True)

    def _client_of(self, *, hasty: bool = False) -> "Client":
        from cdml.adapters.ci.github.client import Client

        if self._environment.get("CDML_UNWALLED") == "true":
            raise ServiceError(
                "this step gets no GitHub token, as a model ran in its job with isolation: none.",
                "Report from a second job, as the workflow of cdml init does.",
            )
        token = next(filter(None, map(self._environment.get, _TOKENS)), None)
        if token is None:
            raise ServiceError(
                "there is no GitHub token.",
                "Leave `github-token` to its default, or set GITHUB_TOKEN.",
            )
        return Client(self._environment, token, pace=self._pace, hasty=hasty, budget=self.budget)

    def merged_pull_requests(self, commit: str) -> tuple[PullRequest, ...]:
        """The pull requests that brought this commit into the run's branch."""
        from cdml.adapters.ci.github.client import translate_errors

        reference = self._environment.get("GITHUB_REF", "")
        branch = reference.removeprefix("refs/heads/") if "refs/heads/" in reference else None
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

        if self._environment.get("GITHUB_EVENT_NAME") == "push" and "after" in self._event:
            brought = commits(self._client, self._event)
        else:
            brought = tuple((sha, True) for sha in (self.commit(),) if sha)
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
        from cdml.adapters.ci.github.comments import find_thread

        pull = self.pull_request()
        if pull is not None:
            return pull.number
        name = self._environment.get("GITHUB_EVENT_NAME", "")
        return find_thread(lambda: self._client, name, self._event, self._environment)

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
        from cdml.adapters.ci.github.comments import Marker, State, post_comment

        state = State.BEGUN if begun else State.TOLD
        source = self._source(config)
        marker = Marker.of(report_id, self._judged_in, state, source=source)
        return post_comment(
            self._client,
            on,
            marker,
            body,
            only_update=only_update,
            behaviour=behaviour,
            warned=warned,
        )

    def warned(self, on: Thread, report_id: str, *, config: Path | None = None) -> frozenset[str]:
        """What the marker of the last report's comment holds."""
        from cdml.adapters.ci.github.comments import Marker, known_warnings

        marker = Marker.of(report_id, self._judged_in, source=self._source(config))
        return known_warnings(self._client, on, marker)

    def _source(self, config: Path | None) -> str:
        """Which configuration, as the marker names it; empty where there is none."""
        return "" if config is None else self._in_checkout(config) or config.as_posix()

    def base_file(self, path: Path) -> bytes | None:
        """A file at the base of the event's pull request; None where there is none."""
        from cdml.adapters.ci.github.client import NotFoundError, translate_errors

        base, name = self._end("base"), self._in_checkout(path)
        if not base or name is None:
            return None
        try:
            with translate_errors("read a file of the base", "contents: read"):
                return self._client.content(name, base)
        except NotFoundError:
            return None

    def unchanged(self, path: Path) -> bool | None:
        """See the port."""
        from cdml.adapters.ci.github.client import NotFoundError, translate_errors
        from cdml.adapters.ci.github.files import is_same

        base, name = self._end("base"), self._in_checkout(path)
        if not base or name is None:
            return None
        for commit in filter(None, (base, self._end("head"))):
            try:
                with translate_errors("read a file of the base", "contents: read"):
                    found = self._client.get(f"/contents/{quote(name)}", ref=commit)
            except NotFoundError:
                continue
            return commit == base and is_same(path, found)
        return None  # no file of the repository: a step before has brought it

    def _end(self, which: str) -> str:
        """The commit at an end of the event's pull request, base or head; empty without one."""
        pull = self._event.get("pull_request") or {}
        return str((pull.get(which) or {}).get("sha") or "")

    def _in_checkout(self, path: Path) -> str | None:
        """A file's path in the repository; None where it lies elsewhere."""
        root = Path(self._environment.get("GITHUB_WORKSPACE") or Path.cwd()).resolve()
        there = path.resolve()
        return there.relative_to(root).as_posix() if there.is_relative_to(root) else None

    def artifact(self, name: str, most: int) -> bytes | None:
        """What the run that triggered this one left under this name, as a zip archive."""
        from cdml.adapters.ci.github.runs import newest_artifact

        told = self._event.get("workflow_run")
        told = told if isinstance(told, dict) else {}
        run = _number(told.get("id"))
        if not run:
            raise InputError(
                f"no run triggered this one, so there is no artifact {name!r}.",
                "The workflow is to run `on: workflow_run`; see the fork workflows of `cdml init`.",
            )
        return newest_artifact(self._client, run, name, most, str(told.get("run_started_at") or ""))

    @property
    def _judged_in(self) -> tuple[int, int]:
        """Number and attempt of the run that judged: the one that triggered this one, or this."""
        told = self._event.get("workflow_run")
        if isinstance(told, dict):
            return _number(told.get("id")), _number(told.get("run_attempt"))
        run, attempt = map(self._environment.get, ("GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT"))
        return _number(run), _number(attempt)

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
            run_url=self.run_url(),
            environment_url=url,
        )


def _number(written: object) -> int:
    text = str(written)
    return int(text) if text.isascii() and text.isdecimal() else 0
