"""A job of a pipeline of GitLab CI."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from cdml.adapters.ci.basic_run import BasicRun
from cdml.adapters.ci.gitlab import push_credentials
from cdml.ci.code_host import PullRequest
from cdml.ci.run import Push, PushCredentials, RunTrust, Trigger
from cdml.errors import InputError

_RUN = re.compile(r"/-/pipelines/(?P<pipeline>[0-9]{1,18})(?:#(?P<job>[0-9]{1,18}))?")
_OVER = ("success", "failed", "canceled", "skipped")
"""The statuses of a job or a pipeline that nobody works on any more."""
_FOLDERS = ("CI_PROJECT_DIR", "CI_BUILDS_DIR")


@dataclass(frozen=True, slots=True)
class Job:
    """A job of a pipeline of this project; `job` is None where only the pipeline is named."""

    pipeline: int
    job: int | None

    @classmethod
    def at(cls, url: str, environment: Mapping[str, str]) -> Self | None:
        """The job with this address; None where it is none of this project on this server."""
        site = environment.get("CI_PROJECT_URL")
        match = _RUN.fullmatch(url.removeprefix(site)) if site and url.startswith(site) else None
        if match is None:
            return None
        return cls(int(match["pipeline"]), int(match["job"]) if match["job"] else None)


class GitLabPipelineRun(BasicRun):
    """A job of a pipeline. The API is called only when needed.

    `environment` holds GitLab's predefined variables, `pace` scales the pauses between attempts.
    """

    name = code_host = "gitlab"
    evidence_hint = "Name a folder with --evidence; jobs of one pipeline hand it on with `needs`."

    def __init__(self, *, environment: Mapping[str, str], folder: Path, pace: float = 1.0) -> None:
        super().__init__(environment=environment, folder=folder)
        self._pace = pace

    def __repr__(self) -> str:
        return f"GitLabPipelineRun({self._environment.get('CI_PROJECT_PATH', '')!r})"

    @cached_property
    def _trigger(self) -> Trigger:
        return find_trigger(self._environment)

    def trigger(self) -> Trigger:
        """What the variables of the pipeline say."""
        return self._trigger

    def commit(self) -> str | None:
        """The head of the merge request's branch, else the commit of the pipeline."""
        pull = self._trigger.pull_request
        return pull.head if pull else self._environment.get("CI_COMMIT_SHA") or None

    def url(self) -> str | None:
        """Address of the pipeline's page; the part behind `#` is the job."""
        site, pipeline, job = map(
            self._environment.get, ("CI_PROJECT_URL", "CI_PIPELINE_ID", "CI_JOB_ID")
        )
        if not (site and pipeline):
            return None
        return f"{site}/-/pipelines/{pipeline}" + (f"#{job}" if job else "")

    def judged_in(self) -> tuple[int, int]:
        """Ids of the pipeline and the job, which grow in time."""
        return _number(self._environment, "CI_PIPELINE_ID"), _number(self._environment, "CI_JOB_ID")

    def is_another_run(self, url: str | None) -> bool:
        """Whether this is of another pipeline; the jobs of one share their evidence."""
        own = self._own()
        if own is None:
            return False
        other = Job.at(url or "", self._environment)
        return other is None or other.pipeline != own.pipeline

    def is_over(self, url: str) -> bool:
        """Whether a job of this project has ended; of a pipeline, whether all its jobs have."""
        other, own = Job.at(url, self._environment), self._own()
        if other is None or own is None or other == own:
            return False
        if other.job is None and other.pipeline == own.pipeline:
            return False
        from cdml.adapters.ci.gitlab.client import Client, reading

        client = Client(self._environment, pace=self._pace, hasty=True, budget=self.budget)
        action = "look at a job of a pipeline"
        if other.job is None:
            seen = client.get(f"/pipelines/{other.pipeline}", action)
            with reading(action):
                return seen["id"] == other.pipeline and seen["status"] in _OVER
        seen = client.get(f"/jobs/{other.job}", action)
        with reading(action):
            return seen["id"] == other.job and seen["status"] in _OVER

    def trust(self) -> RunTrust:
        """By the merge request's source project and by the runner's executor."""
        return find_trust(self._environment)

    def push_credentials(self) -> PushCredentials | None:
        """The access token of the project, else that of the job."""
        return push_credentials(self._environment)

    def log_group(self, title: str) -> tuple[str, str] | None:
        """A section that the job's log shows folded."""
        at, name = int(time.time()), re.sub(r"[^a-z0-9]+", "_", title.lower())
        start = f"\x1b[0Ksection_start:{at}:{name}[collapsed=true]\r\x1b[0K{title}"
        return start, f"\x1b[0Ksection_end:{at}:{name}\r\x1b[0K"

    def _own(self) -> Job | None:
        return Job.at(self.url() or "", self._environment)


def find_trigger(environment: Mapping[str, str]) -> Trigger:
    """What started the pipeline, by GitLab's predefined variables.

    Raises:
        InputError: a merge request without a number or a commit.
    """
    source = environment.get("CI_PIPELINE_SOURCE", "")
    branch = environment.get("CI_COMMIT_BRANCH") or None
    after = environment.get("CI_COMMIT_SHA", "")
    if environment.get("CI_MERGE_REQUEST_IID"):
        number = _number(environment, "CI_MERGE_REQUEST_IID")
        # In a pipeline of the merged result, the pipeline's commit is the merge that GitLab made.
        head = environment.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA") or after
        if not number or not head:
            raise InputError(
                "the pipeline's merge request has no number or no commit.",
                "CI_MERGE_REQUEST_IID and CI_COMMIT_SHA must be as GitLab set them.",
            )
        if environment.get("CI_MERGE_REQUEST_EVENT_TYPE") == "merge_train":
            return Trigger(thread=number, about_no_change=True)
        base = (
            environment.get("CI_MERGE_REQUEST_TARGET_BRANCH_SHA")
            or environment.get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME")
            or ""
        )
        return Trigger(pull_request=PullRequest(number=number, head=head), base=base)
    push = Push(before=environment.get("CI_COMMIT_BEFORE_SHA", ""), after=after)
    return Trigger(
        branch=branch,
        push=push if source == "push" and branch else None,
        about_no_change=source == "schedule",
    )


def find_trust(environment: Mapping[str, str]) -> RunTrust:
    """Whose code the job may hold, and what its machine is.

    A merge request of which the variables do not say where it comes from is a stranger's.
    """
    source, target = map(
        environment.get, ("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "CI_MERGE_REQUEST_PROJECT_ID")
    )
    of_request = environment.get("CI_MERGE_REQUEST_IID") or source or target
    train = environment.get("CI_MERGE_REQUEST_EVENT_TYPE") == "merge_train"
    strangers = ""
    if train:
        strangers = "merge trains, which may hold merge requests from forks"
    elif of_request and (not source or source != target):
        strangers = "merge requests from forks"
    return RunTrust(
        strangers=strangers,
        disposable=environment.get("CI_DISPOSABLE_ENVIRONMENT") == "true",
        private=tuple(Path(environment[name]) for name in _FOLDERS if environment.get(name)),
    )


def _number(environment: Mapping[str, str], name: str) -> int:
    text = environment.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() else 0
