"""What the stand-in for GitHub remembers, and how it shows it."""

import hashlib
import itertools
from base64 import encodebytes
from dataclasses import dataclass, field
from typing import Any

from fakes.github_schema import MOMENT, filled


@dataclass(slots=True)
class Comment:
    """A comment on an issue or a pull request."""

    id: int
    number: int
    author: str
    body: str
    edits: int = 0
    commit: str = ""
    hidden: bool = False


@dataclass(slots=True)
class Pull:
    """A pull request."""

    number: int
    head: str
    base: str = "main"
    merged_as: str | None = None
    locked: bool = False
    state: str = "open"
    owner: str = ""
    branch: str = "feature"

    @property
    def is_open(self) -> bool:
        return self.state == "open" and self.merged_as is None


@dataclass(slots=True)
class Status:
    """A status of a deployment."""

    id: int
    state: str
    description: str
    environment: str
    log_url: str


@dataclass(slots=True)
class Run:
    """A run of a workflow, as its newest attempt stands."""

    id: int
    status: str | None
    attempt: int | None = 1


@dataclass(slots=True)
class Filed:
    """A deployment; its statuses oldest first."""

    id: int
    ref: str
    sha: str
    task: str
    environment: str
    description: str
    payload: Any
    statuses: list[Status] = field(default_factory=list)

    @property
    def state(self) -> str | None:
        """The newest status."""
        return self.statuses[-1].state if self.statuses else None


@dataclass(slots=True)
class Artifact:
    """What a run left."""

    id: int
    run: int
    name: str
    content: bytes
    expired: bool = False
    size: int | None = None


@dataclass(slots=True)
class Check:
    """A check run on a commit."""

    id: int
    sha: str
    name: str
    conclusion: str | None = "success"
    app: str = "github-actions"


@dataclass(slots=True)
class State:
    """One repository."""

    api: str
    site: str
    repository: str
    comments: dict[int, Comment] = field(default_factory=dict)
    pulls: dict[int, Pull] = field(default_factory=dict)
    deployments: dict[int, Filed] = field(default_factory=dict)
    artifacts: dict[int, Artifact] = field(default_factory=dict)
    files: dict[tuple[str, str], bytes] = field(default_factory=dict)
    large: bool = False
    """Whether files are beyond what is shown with its content."""
    rules: list[str] = field(default_factory=list)
    """Types of the rules in force for branches that begin with `cdml/`."""
    runs: dict[int, Run] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    issues: dict[int, dict[str, Any]] = field(default_factory=dict)
    workflows: list[str] = field(default_factory=list)
    """Files of workflows that can be started by request."""
    started: list[tuple[str, str | None, dict[str, str]]] = field(default_factory=list)
    """Workflows or events, the branch of the workflow, and what was given."""
    titled: bool = True
    """Whether a run has the reason as its title (`run-name`), or the workflow's name."""
    names_runs: bool = True
    """Whether the answer to a dispatch names the run, as that of an older server does not."""
    default_branch: str = "main"
    parents: dict[str, tuple[str, ...]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    ids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1001))

    def address(self, path: str) -> str:
        """The API's address of something in the repository."""
        return f"{self.api}/repos/{self.repository}{path}"

    def user(self, login: str) -> dict[str, Any]:
        """A user as GitHub shows one."""
        kind = "Bot" if login.endswith("[bot]") else "User"
        return filled("SimpleUser", f"{self.api}/users/{login}", login=login, id=1, type=kind)

    def show_comment(self, comment: Comment) -> dict[str, Any]:
        """A comment as GitHub shows one."""
        page = f"{self.site}/{self.repository}/pull/{comment.number}"
        return filled(
            "IssueComment",
            self.address(f"/issues/comments/{comment.id}"),
            id=comment.id,
            node_id=f"IC_{comment.id}",
            body=comment.body,
            user=self.user(comment.author),
            html_url=f"{page}#issuecomment-{comment.id}",
            issue_url=self.address(f"/issues/{comment.number}"),
        )

    def show_commit_comment(self, comment: Comment) -> dict[str, Any]:
        """A comment on a commit as GitHub shows one."""
        page = f"{self.site}/{self.repository}/commit/{comment.commit}"
        return filled(
            "CommitComment",
            self.address(f"/comments/{comment.id}"),
            id=comment.id,
            node_id=f"CC_{comment.id}",
            body=comment.body,
            commit_id=comment.commit,
            user=self.user(comment.author),
            html_url=f"{page}#commitcomment-{comment.id}",
        )

    def show_pull(self, pull: Pull, schema: str) -> dict[str, Any]:
        """A pull request as GitHub shows one, in short or in full."""
        owner = self.repository.split("/")[0]
        repository = filled(
            "Repository",
            f"{self.api}/repos/{self.repository}",
            id=1,
            name=self.repository.split("/")[1],
            full_name=self.repository,
            owner=self.user(owner),
        )
        merged = {"merged": pull.merged_as is not None} if schema == "PullRequest" else {}
        return filled(
            schema,
            self.address(f"/pulls/{pull.number}"),
            id=pull.number,
            number=pull.number,
            html_url=f"{self.site}/{self.repository}/pull/{pull.number}",
            state="open" if pull.is_open else "closed",
            locked=pull.locked,
            title=f"Pull request {pull.number}",
            merged_at=MOMENT if pull.merged_as else None,
            head=self._end(pull.head, pull.branch, self._fork(pull.owner, repository)),
            base=self._end("0" * 40, pull.base, repository),
            **merged,
        )

    def _fork(self, owner: str, repository: dict[str, Any]) -> dict[str, Any]:
        """The repository of this owner; the one there is where nobody else owns it."""
        if not owner:
            return repository
        name = f"{owner}/{repository['name']}"
        return {**repository, "id": 2, "full_name": name, "owner": self.user(owner)}

    def _end(self, sha: str, ref: str, repository: dict[str, Any]) -> dict[str, Any]:
        owner = repository["owner"]
        return {
            "label": f"{owner['login']}:{ref}",
            "ref": ref,
            "repo": repository,
            "sha": sha,
            "user": owner,
        }

    def show_artifact(self, artifact: Artifact) -> dict[str, Any]:
        """An artifact as GitHub shows one."""
        return filled(
            "Artifact",
            self.address(f"/actions/artifacts/{artifact.id}"),
            id=artifact.id,
            name=artifact.name,
            size_in_bytes=len(artifact.content) if artifact.size is None else artifact.size,
            expired=artifact.expired,
            created_at=MOMENT,
            workflow_run={"id": artifact.run},
        )

    def show_file(self, path: str, content: bytes) -> dict[str, Any]:
        """A file as GitHub shows one, its lines of 60 characters; a large one without content."""
        blob = b"blob %d\0%b" % (len(content), content)
        return filled(
            "ContentFile",
            self.address(f"/contents/{path}"),
            type="file",
            encoding="none" if self.large else "base64",
            sha=hashlib.sha1(blob, usedforsecurity=False).hexdigest(),
            size=len(content),
            name=path.rpartition("/")[2],
            path=path,
            content="" if self.large else encodebytes(content).decode(),
        )

    def show_run(self, run: Run) -> dict[str, Any]:
        """A run of a workflow as GitHub shows one."""
        return filled(
            "WorkflowRun",
            self.address(f"/actions/runs/{run.id}"),
            id=run.id,
            status=run.status,
            run_attempt=run.attempt,
            html_url=f"{self.site}/{self.repository}/actions/runs/{run.id}",
        )

    def show_check(self, check: Check) -> dict[str, Any]:
        """A check run as GitHub shows one."""
        address = self.address(f"/check-runs/{check.id}")
        owner = self.user(self.repository.split("/", maxsplit=1)[0])
        return filled(
            "CheckRun",
            address,
            id=check.id,
            head_sha=check.sha,
            name=check.name,
            status="completed" if check.conclusion else "in_progress",
            conclusion=check.conclusion,
            app=filled("Integration", address, slug=check.app, owner=owner, permissions={}),
            pull_requests=[],
        )

    def show_commit(self, sha: str) -> dict[str, Any]:
        """A commit as GitHub shows one."""
        address = self.address(f"/commits/{sha}")
        parents = [{"sha": parent, "url": address} for parent in self.parents[sha]]
        return filled("Commit", address, sha=sha, parents=parents)

    def between(self, before: str, after: str) -> list[str]:
        """The commits that one has and another has not, oldest first."""

        def reachable(sha: str) -> dict[str, None]:
            found: dict[str, None] = {}
            for parent in self.parents.get(sha, ()):
                found |= reachable(parent)
            return found | {sha: None} if sha in self.parents else found

        known = reachable(before)
        return [sha for sha in reachable(after) if sha not in known]

    def show_deployment(self, filed: Filed, creator: str) -> dict[str, Any]:
        """A deployment as GitHub shows one."""
        return filled(
            "Deployment",
            self.address(f"/deployments/{filed.id}"),
            id=filed.id,
            sha=filed.sha,
            ref=filed.ref,
            task=filed.task,
            payload=filed.payload,
            original_environment=filed.environment,
            environment=filed.environment,
            description=filed.description,
            creator=self.user(creator),
        )

    def show_status(self, filed: Filed, status: Status, creator: str) -> dict[str, Any]:
        """A deployment's status as GitHub shows one."""
        return filled(
            "DeploymentStatus",
            self.address(f"/deployments/{filed.id}/statuses/{status.id}"),
            id=status.id,
            state=status.state,
            description=status.description,
            environment=status.environment,
            log_url=status.log_url,
            creator=self.user(creator),
        )
