"""GitLab as the code host: merge requests, notes, deployments and issues of one project."""

import re
from collections.abc import Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from cdml.ci.code_host import (
    GATE_JOB,
    Behaviour,
    Commit,
    DeploymentState,
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
    from cdml.adapters.ci.gitlab.client import Client
    from cdml.adapters.ci.gitlab.notes import GitLabNotes
    from cdml.adapters.ci.report_marker import Marker, State

_SHA = re.compile(r"[0-9a-f]{40,64}")
_LONGEST = 255
"""Characters of a status's name and description."""
_STATUS = {"in_progress": "running", "success": "success", "failure": "failed"}
_LISTING = "list the commit's merge requests"


class GitLabHost:
    """One project. The API is called only when needed, in the name of the access token's owner."""

    name = "gitlab"

    def __init__(
        self, *, environment: Mapping[str, str], folder: Path, run: CiRun, pace: float = 1.0
    ) -> None:
        self.run = run
        self.budget = Budget()
        self._environment = dict(environment)
        self._folder = folder
        self._pace = pace
        self._filed: dict[str, str] = {}  # deployments of this process, by operation

    def __repr__(self) -> str:
        return f"GitLabHost({self._environment.get('CI_PROJECT_PATH', '')!r})"

    @cached_property
    def _client(self) -> "Client":
        return self._connected()

    def _connected(self, *, hasty: bool = False) -> "Client":
        from cdml.adapters.ci.gitlab.client import Client

        return Client(self._environment, pace=self._pace, hasty=hasty, budget=self.budget)

    def is_protected(self, branch: str) -> bool | None:
        """By the protected branches, whose names may hold `*`; not if they allow a forced push."""
        from cdml.adapters.ci.gitlab.client import reading

        action = "see the protected branches"
        try:
            client = self._connected(hasty=True)  # a rollback must not wait for this for long
            with reading(action):
                rules = [
                    rule
                    for rule in client.pages("/protected_branches", action)
                    if fnmatchcase(branch, str(rule["name"]))
                ]
                return bool(rules) and not any(rule.get("allow_force_push") for rule in rules)
        except ServiceError:
            return None

    def merged_pull_requests(self, commit: str) -> tuple[PullRequest, ...]:
        """The merge requests that brought this commit into the run's branch."""
        from cdml.adapters.ci.gitlab.client import reading

        branch = self.run.trigger().branch
        path = f"/repository/commits/{quote(commit, safe='')}/merge_requests"
        with reading(_LISTING):
            return tuple(
                PullRequest(number=int(one["iid"]), head=str(one["sha"]))
                for one in self._client.pages(path, _LISTING)
                if one["state"] == "merged" and branch in (None, one["target_branch"])
            )

    def pushed(self) -> tuple[PushedCommit, ...]:
        """All commits of the push, oldest first; for other pipelines the commit that is judged."""
        return self._pushed

    @cached_property
    def _pushed(self) -> tuple[PushedCommit, ...]:
        from cdml.adapters.ci.gitlab.pushes import list_commits

        push = self.run.trigger().push
        if push is not None:
            brought = list_commits(self._client, push)
        else:
            brought = tuple((sha, True) for sha in (self.run.commit(),) if sha)
        return tuple(
            PushedCommit(sha=sha, merged=self.merged_pull_requests(sha) if on_line else ())
            for sha, on_line in brought
        )

    def gate_signs(self, on: PullRequest | Commit) -> GateSigns | None:
        """What a gate left: our own notes with reports, and the jobs of the commit by name."""
        from cdml.adapters.ci.gitlab.client import reading
        from cdml.adapters.ci.report_marker import Marker

        head = on.sha if isinstance(on, Commit) else on.head
        thread = self._notes(on if isinstance(on, Commit) else on.number)
        markers = [Marker.parse(note.body) for note in thread.newest_first()]
        action = "list the jobs of a commit"
        path = f"/repository/commits/{quote(head, safe='')}/statuses"
        with reading(action):
            jobs = [
                f"{job['name']}: {job['status']}"
                for job in self._client.pages(path, action)
                if GATE_JOB.search(job["name"]) and job["status"] not in ("skipped", "manual")
            ]
        reports = [unquote(marker.id) for marker in markers if marker is not None]
        return GateSigns(reports=tuple(dict.fromkeys(reports)), checks=tuple(dict.fromkeys(jobs)))

    def thread(self) -> Thread | None:
        """The merge request of the pipeline, or of its commit; of a push, else the commit."""
        trigger, sha = self.run.trigger(), self.run.commit() or ""
        if trigger.pull_request is not None:
            return trigger.pull_request.number
        if trigger.thread is not None:
            return trigger.thread
        if trigger.about_no_change or not _SHA.fullmatch(sha):
            return None
        from cdml.adapters.ci.gitlab.client import reading

        with reading(_LISTING):
            requests = list(
                self._client.pages(f"/repository/commits/{sha}/merge_requests", _LISTING)
            )
            heads = [
                int(one["iid"])
                for one in requests
                if one["state"] == "opened" and one["sha"] == sha
            ]
            merged = [
                int(one["iid"])
                for one in requests
                if one["state"] == "merged" and one["target_branch"] == trigger.branch
            ]
        if len(heads) > 1:
            raise ServiceError(
                "several merge requests have this commit as their head"
                f" ({', '.join(f'!{one}' for one in heads)}), so cdml cannot choose one.",
                "Name one with `pull-request`, or close the others.",
            )
        if heads:
            return heads[0]
        if trigger.push is None:
            return None
        return merged[0] if len(merged) == 1 else Commit(sha=sha)

    def base_file(self, path: Path) -> bytes | None:
        """A file on the target branch of the merge request; None where there is none."""
        from cdml.adapters.ci.api_errors import NotFoundError

        base, name = self.run.trigger().base, self._in_checkout(path)
        if not base or name is None:
            return None
        place = f"/repository/files/{quote(name, safe='')}/raw"
        try:
            return self._client.content(place, "read a file of the target branch", ref=base)
        except NotFoundError:
            return None

    def unchanged(self, path: Path) -> bool | None:
        """See the port."""
        from cdml.adapters.ci.api_errors import NotFoundError
        from cdml.adapters.ci.gitlab.client import reading
        from cdml.adapters.ci.same_file import is_same

        base, name = self.run.trigger().base, self._in_checkout(path)
        if not base or name is None:
            return None
        action = "read a file of the target branch"
        place = f"/repository/files/{quote(name, safe='')}"
        for commit in filter(None, (base, self.run.commit())):
            try:
                entry = self._client.get(place, action, ref=commit)
            except NotFoundError:
                continue
            with reading(action):
                content = {"content": entry["content"], "sha": entry["blob_id"]}
                return commit == base and is_same(path, content)
        return None  # no file of the repository: an earlier step wrote it

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
        """Post or update the one note of this report, and give its address."""
        from cdml.adapters.ci.gitlab.markdown import neutralise
        from cdml.adapters.ci.report_comment import post_comment
        from cdml.adapters.ci.report_marker import State

        return post_comment(
            self._notes(on),
            self._marker(report_id, config, State.BEGUN if begun else State.REPORTED),
            neutralise(body),
            only_update=only_update,
            behaviour=behaviour,
            warned=warned,
        )

    def warned(self, on: Thread, report_id: str, *, config: Path | None = None) -> frozenset[str]:
        """What the marker of the last report's note holds."""
        from cdml.adapters.ci.report_comment import earlier_warnings
        from cdml.adapters.ci.report_marker import State

        return earlier_warnings(self._notes(on), self._marker(report_id, config, State.REPORTED))

    def set_commit_status(
        self, report_id: str, *, verdict: Verdict, description: str, url: str | None
    ) -> None:
        """Post the status `cdml/<report>`, in the pipeline that judged.

        A build of Jenkins has none: GitLab then makes a pipeline of the status, which a merge
        request can require. With CDML_HELD=warn, as of the component, a held verdict fails nothing.
        """
        environment = self._environment
        sha = environment.get("CI_COMMIT_SHA") or self.run.commit() or ""
        if self.run.trigger().about_no_change or not _SHA.fullmatch(sha):
            return
        tolerated = verdict is Verdict.INCONCLUSIVE and environment.get("CDML_HELD") == "warn"
        state = "success" if tolerated or verdict.exit_code == 0 else "failed"
        body = {"state": state, "name": f"cdml/{report_id}"[:_LONGEST]}
        body["description"] = description[:_LONGEST]
        target = url or self.run.url()
        body |= {"target_url": target} if target else {}
        if pipeline := environment.get("CI_PIPELINE_ID"):
            body["pipeline_id"] = pipeline
        self._client.post(f"/statuses/{sha}", "set a commit's status", body)

    def open_deployment(
        self,
        operation: str,
        ref: str,
        environment: str,
        task: str,
        description: str,
        payload: Mapping[str, str],
    ) -> str | None:
        """File a deployment, or find the one this operation filed.

        GitLab files one itself for a job that starts an environment. Its API keeps nothing of ours
        with a deployment: a later run of an operation finds the one that still runs for the commit.
        """
        from cdml.adapters.ci.gitlab.deployments import open_deployment

        del task, description, payload
        job, action = map(self._environment.get, ("CI_ENVIRONMENT_NAME", "CI_ENVIRONMENT_ACTION"))
        if job == environment and action in (None, "", "start"):
            return None
        if operation not in self._filed:
            self._filed[operation] = open_deployment(
                self._client,
                environment=environment,
                sha=ref,
                branch=self.run.trigger().branch or self._environment.get("CI_DEFAULT_BRANCH", ""),
                others=frozenset(self._filed.values()),
            )
        return self._filed[operation]

    def deployment_status(
        self,
        deployment: str,
        state: DeploymentState,
        description: str,
        environment: str,
        *,
        url: str | None = None,
    ) -> None:
        """Tell how the deployment goes; GitLab shows the last success as what is deployed."""
        from cdml.adapters.ci.gitlab.deployments import set_status

        del description
        set_status(
            self._client,
            deployment=deployment,
            status=_STATUS[state],
            environment=environment,
            url=url,
        )

    def report_issue(self, id_: str, title: str, body: str) -> str:
        """See `cdml.ci.automation`."""
        from cdml.adapters.ci.gitlab.automation import GitLabIssues
        from cdml.adapters.ci.gitlab.markdown import neutralise, neutralise_title
        from cdml.adapters.ci.sticky_issue import report_issue

        tracker = GitLabIssues(self._client)
        return report_issue(tracker, id_, neutralise_title(title), neutralise(body))

    def close_issue(self, id_: str, body: str) -> str | None:
        """See `cdml.ci.automation`."""
        from cdml.adapters.ci.gitlab.automation import GitLabIssues
        from cdml.adapters.ci.gitlab.markdown import neutralise
        from cdml.adapters.ci.sticky_issue import close_issue

        return close_issue(GitLabIssues(self._client), id_, neutralise(body))

    def start_workflow(
        self, workflow: str, ref: str | None, inputs: Mapping[str, str], *, since: datetime
    ) -> str:
        """See `cdml.ci.automation`: a pipeline whose variable CDML_WORKFLOW is the workflow."""
        from cdml.adapters.ci.gitlab.automation import default_branch, start_workflow

        branch = ref or self._environment.get("CI_DEFAULT_BRANCH") or default_branch(self._client)
        return start_workflow(self._client, workflow, branch, inputs, since=since)

    def _notes(self, on: Thread) -> "GitLabNotes":
        from cdml.adapters.ci.gitlab.notes import GitLabNotes

        environment = self._environment
        site = environment.get("CI_MERGE_REQUEST_PROJECT_URL") or environment.get(
            "CI_PROJECT_URL", ""
        )
        return GitLabNotes(client=self._client, on=on, site=site, viewer=self._client.viewer().id)

    def _marker(self, report_id: str, config: Path | None, state: "State") -> "Marker":
        from cdml.adapters.ci.report_marker import Marker

        source = "" if config is None else self._in_checkout(config) or config.as_posix()
        return Marker.for_report(report_id, self.run.judged_in(), state, source=source)

    def _in_checkout(self, path: Path) -> str | None:
        """A file's path in the repository; None where it lies elsewhere."""
        root = Path(self._environment.get("CI_PROJECT_DIR") or self._folder).resolve()
        there = path.resolve()
        return there.relative_to(root).as_posix() if there.is_relative_to(root) else None
