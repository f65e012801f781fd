"""A step of a workflow of GitHub Actions."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cdml.adapters.ci.github import push_credentials, workflow_commands
from cdml.adapters.ci.github.events import Event, at, find_trigger, number, read_event
from cdml.ci.run import Annotation, PushCredentials, RunTrust, Trigger
from cdml.common.time_budget import Budget
from cdml.errors import InputError

if TYPE_CHECKING:
    from cdml.adapters.ci.github.client import Client


class GitHubActionsRun:
    """A step of a workflow. The API is called, and PyGithub imported, only when needed.

    `environment` holds the runner's variables, `pace` is in seconds between two writes to the API.
    """

    name = code_host = "github"

    def __init__(self, *, environment: Mapping[str, str], folder: Path, pace: float = 1.0) -> None:
        del folder
        self._environment = dict(environment)
        self._pace = pace
        self.budget = Budget()

    def __repr__(self) -> str:
        return f"GitHubActionsRun({self._environment.get('GITHUB_REPOSITORY', '')!r})"

    @cached_property
    def _event(self) -> Event:
        return read_event(self._environment)

    @cached_property
    def _trigger(self) -> Trigger:
        return find_trigger(self._event, self._environment)

    @cached_property
    def _client(self) -> "Client":
        return self._connected()

    @cached_property
    def _hasty(self) -> "Client":
        """For what a rollback must not wait for long."""
        return self._connected(hasty=True)

    def _connected(self, *, hasty: bool = False) -> "Client":
        from cdml.adapters.ci.github.client import connect

        return connect(self._environment, pace=self._pace, hasty=hasty, budget=self.budget)

    def trigger(self) -> Trigger:
        """What the event says."""
        return self._trigger

    def commit(self) -> str | None:
        """The head of the pull request or of the run that triggered this one, else the commit."""
        pull, run = self._trigger.pull_request, self._trigger.run
        if pull is not None:
            return pull.head
        return (run.commit if run else "") or self._environment.get("GITHUB_SHA") or None

    def url(self) -> str | None:
        """Address of the page of this run's present attempt."""
        from cdml.adapters.ci.github.runs import run_address

        return run_address(self._environment)

    def judged_in(self) -> tuple[int, int]:
        """See the port."""
        run = self._event.get("workflow_run")
        if isinstance(run, dict):
            return number(run.get("id")), number(run.get("run_attempt"))
        id_, attempt = map(self._environment.get, ("GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT"))
        return number(id_), number(attempt)

    def is_another_run(self, url: str | None) -> bool:
        """Whether this is not the run that is reported; a runner without addresses cannot tell."""
        from cdml.adapters.ci.github.runs import Run

        if self.url() is None:
            return False
        run, (judged, _) = Run.at(url or "", self._environment), self.judged_in()
        return run is None or judged != run.number

    def is_over(self, url: str) -> bool:
        """Whether a run of this repository is over; what is no such run may go on."""
        from cdml.adapters.ci.github.runs import Run, is_over, was_restarted

        run, own = (Run.at(one, self._environment) for one in (url, self.url() or ""))
        if run is None or own is None:
            return False
        if run.number == own.number:
            return was_restarted(run, own)
        return is_over(self._hasty, run)

    def artifact(self, name: str, most: int) -> bytes | None:
        """See the port."""
        from cdml.adapters.ci.github.runs import newest_artifact

        run = number(at(self._event, "workflow_run", "id"))
        if not run:
            raise InputError(
                f"no run triggered this one, so there is no artifact {name!r}.",
                "Run the workflow `on: workflow_run`; see the fork workflows of `cdml init`.",
            )
        since = str(at(self._event, "workflow_run", "run_started_at") or "")
        return newest_artifact(self._client, run, name, most, since)

    def trust(self) -> RunTrust:
        """By the event, the actor and the runner."""
        from cdml.adapters.ci.github.trust import find_trust

        return find_trust(self._environment)

    def push_credentials(self) -> PushCredentials | None:
        """The token of the job."""
        return push_credentials(self._environment)

    def host_environment(self) -> Mapping[str, str]:
        """The runner sets what GitHub's code host needs."""
        return {}

    def log_group(self, title: str) -> tuple[str, str] | None:
        """A group as the runner reads it."""
        return f"::group::{title}", "::endgroup::"

    def set_outputs(self, values: Mapping[str, str]) -> None:
        """Hand values to later steps."""
        workflow_commands.set_outputs(self._environment.get("GITHUB_OUTPUT", ""), values)

    def add_summary(self, markdown: str) -> None:
        """Show Markdown on the run's page."""
        workflow_commands.add_summary(self._environment.get("GITHUB_STEP_SUMMARY", ""), markdown)

    def annotate(self, annotations: Sequence[Annotation]) -> None:
        """Show lines next to the code."""
        workflow_commands.annotate(annotations, self._environment.get("GITHUB_WORKSPACE", ""))
