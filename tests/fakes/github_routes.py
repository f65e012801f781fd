"""What the stand-in for GitHub can be asked."""

import re
from typing import Any

from fakes.github_api import Answer, Call, Rejected, Route
from fakes.github_issues import ROUTES as ISSUES
from fakes.github_runs import ROUTES as RUNS
from fakes.github_state import Comment, Filed, State, Status

MAX_COMMENT = 65_536
MAX_DESCRIPTION = 140


def find(method: str, path: str, repository: str) -> tuple[Route | None, tuple[str, ...]]:
    """The operation of a request, and what its path says."""
    if path == "/user":
        return _USER, ()
    start = f"/repos/{repository}"
    if path.startswith(start):
        for route in (*ROUTES, *RUNS, *ISSUES):
            match = re.fullmatch(route.pattern, path.removeprefix(start))
            if match and route.method == method:
                return route, match.groups()
    return None, ()


def _not_for_integrations(*_: Any) -> Answer:
    raise Rejected(403, "Resource not accessible by integration")


def _list_comments(state: State, _call: Call, _author: str, number: str) -> Answer:
    found = [c for c in state.comments.values() if c.number == int(number)]
    return Answer(200, [state.show_comment(comment) for comment in found])


def _create_comment(state: State, call: Call, author: str, number: str) -> Answer:
    pull = state.pulls.get(int(number))
    if pull is None:
        raise Rejected(404, "Not Found")
    if pull.locked:
        raise Rejected(403, "Unable to create comment because issue is locked.")
    _check_length(call)
    comment = Comment(next(state.ids), int(number), author, call.body["body"])
    state.comments[comment.id] = comment
    return Answer(201, state.show_comment(comment))


def _check_length(call: Call) -> None:
    if not 0 < len(call.body["body"]) <= MAX_COMMENT:
        raise Rejected(422, f"Body is too long (maximum is {MAX_COMMENT} characters)")


def _comment(state: State, id_: str) -> Comment:
    comment = state.comments.get(int(id_))
    if comment is None:
        raise Rejected(404, "Not Found")
    return comment


def _show_comment(state: State, _call: Call, _author: str, id_: str) -> Answer:
    return Answer(200, state.show_comment(_comment(state, id_)))


def _edit_comment(state: State, call: Call, author: str, id_: str) -> Answer:
    comment = _comment(state, id_)
    if comment.author != author:
        raise Rejected(403, "Resource not accessible by integration")
    _check_length(call)
    comment.body = call.body["body"]
    comment.edits += 1
    return Answer(200, state.show_comment(comment))


def _delete_comment(state: State, _call: Call, _author: str, id_: str) -> Answer:
    del state.comments[_comment(state, id_).id]
    return Answer(204)


def _list_commit_comments(state: State, _call: Call, _author: str, sha: str) -> Answer:
    found = [c for c in state.comments.values() if c.commit == sha]
    return Answer(200, [state.show_commit_comment(comment) for comment in found])


def _create_commit_comment(state: State, call: Call, author: str, sha: str) -> Answer:
    _check_length(call)
    comment = Comment(next(state.ids), 0, author, call.body["body"], commit=sha)
    state.comments[comment.id] = comment
    return Answer(201, state.show_commit_comment(comment))


def _edit_commit_comment(state: State, call: Call, author: str, id_: str) -> Answer:
    _edit_comment(state, call, author, id_)
    return Answer(200, state.show_commit_comment(_comment(state, id_)))


def _list_pulls(state: State, call: Call, _author: str) -> Answer:
    """As GitHub does: `head` is `owner:branch`, and one it cannot read is no filter at all."""
    wanted, which = call.query.get("head", ""), call.query.get("state", "open")
    owner = state.repository.split("/")[0]
    found = [
        pull
        for pull in reversed(state.pulls.values())
        if (":" not in wanted or wanted == f"{pull.owner or owner}:{pull.branch}")
        and which in ("all", "open" if pull.is_open else "closed")
    ]
    return Answer(200, [state.show_pull(pull, "PullRequestSimple") for pull in found])


def _pulls_of_commit(state: State, _call: Call, _author: str, sha: str) -> Answer:
    found = [  # those of forks are not listed
        p for p in state.pulls.values() if sha in (p.head, p.merged_as) and not p.owner
    ]
    return Answer(200, [state.show_pull(pull, "PullRequestSimple") for pull in found])


def _show_pull(state: State, _call: Call, _author: str, number: str) -> Answer:
    pull = state.pulls.get(int(number))
    if pull is None:
        raise Rejected(404, "Not Found")
    return Answer(200, state.show_pull(pull, "PullRequest"))


def _show_run(state: State, _call: Call, _author: str, id_: str) -> Answer:
    run = state.runs.get(int(id_))
    if run is None:
        raise Rejected(404, "Not Found")
    return Answer(200, state.show_run(run))


def _list_deployments(state: State, call: Call, author: str) -> Answer:
    wanted = {
        key: call.query[key] for key in ("sha", "ref", "task", "environment") & call.query.keys()
    }
    found = [
        filed
        for filed in reversed(state.deployments.values())
        if all(getattr(filed, key) == value for key, value in wanted.items())
    ]
    return Answer(200, [state.show_deployment(filed, author) for filed in found])


def _create_deployment(state: State, call: Call, author: str) -> Answer:
    body = call.body
    sha = state.refs.get(body["ref"], body["ref"])
    if not re.fullmatch("[0-9a-f]{40}", sha):
        raise Rejected(422, f"No ref found for: {body['ref']}")
    if body.get("required_contexts") != []:
        raise Rejected(409, f"Conflict: Commit status checks failed for {sha}.")
    filed = Filed(
        id=next(state.ids),
        ref=body["ref"],
        sha=sha,
        task=body.get("task", "deploy"),
        environment=body.get("environment", "production"),
        description=body.get("description") or "",
        payload=body.get("payload", ""),
    )
    state.deployments[filed.id] = filed
    return Answer(201, state.show_deployment(filed, author))


def _deployment(state: State, id_: str) -> Filed:
    filed = state.deployments.get(int(id_))
    if filed is None:
        raise Rejected(404, "Not Found")
    return filed


def _show_deployment(state: State, _call: Call, author: str, id_: str) -> Answer:
    return Answer(200, state.show_deployment(_deployment(state, id_), author))


def _list_statuses(state: State, _call: Call, author: str, id_: str) -> Answer:
    filed = _deployment(state, id_)
    return Answer(200, [state.show_status(filed, s, author) for s in reversed(filed.statuses)])


def _create_status(state: State, call: Call, author: str, id_: str) -> Answer:
    filed = _deployment(state, id_)
    body = call.body
    if len(body.get("description", "")) > MAX_DESCRIPTION:
        raise Rejected(422, f"description is too long (maximum is {MAX_DESCRIPTION} characters)")
    status = _status(state, filed, body["state"], body.get("description", ""), body)
    if status.state == "success" and body.get("auto_inactive", True):
        for other in state.deployments.values():
            same = other.environment == filed.environment != "production"
            if other is not filed and same and other.state == "success":
                _status(state, other, "inactive", "", {})
    return Answer(201, state.show_status(filed, status, author))


def _status(state: State, filed: Filed, name: str, description: str, body: Any) -> Status:
    status = Status(
        id=next(state.ids),
        state=name,
        description=description,
        environment=body.get("environment", filed.environment),
        log_url=body.get("log_url", ""),
    )
    filed.statuses.append(status)
    return status


_USER = Route("GET", "/user", _not_for_integrations)
_PAGED = frozenset({"page", "per_page"})
_TALK = ("issues", "pull_requests")
_SHIP = ("deployments",)
_COMMENTS = r"/issues/(\d+)/comments"
_COMMENT = r"/issues/comments/(\d+)"
_OF_COMMIT = r"/commits/([0-9a-f]+)/comments"
_CODE = ("contents",)
_POST_COMMIT = "ReposOwnerRepoCommitsCommitShaCommentsPostBody"
_PATCH_COMMIT = "ReposOwnerRepoCommentsCommentIdPatchBody"
_POST_COMMENT = "ReposOwnerRepoIssuesIssueNumberCommentsPostBody"
_PATCH_COMMENT = "ReposOwnerRepoIssuesCommentsCommentIdPatchBody"
_POST_DEPLOYMENT = "ReposOwnerRepoDeploymentsPostBody"
_POST_STATUS = "ReposOwnerRepoDeploymentsDeploymentIdStatusesPostBody"

ROUTES = (
    Route("GET", _COMMENTS, _list_comments, "", "IssueComment", (), _PAGED | {"since"}),
    Route("POST", _COMMENTS, _create_comment, _POST_COMMENT, "IssueComment", _TALK),
    Route("GET", _COMMENT, _show_comment, "", "IssueComment"),
    Route("PATCH", _COMMENT, _edit_comment, _PATCH_COMMENT, "IssueComment", _TALK),
    Route("DELETE", _COMMENT, _delete_comment, "", "", _TALK),
    Route("GET", _OF_COMMIT, _list_commit_comments, "", "CommitComment", (), _PAGED),
    Route("POST", _OF_COMMIT, _create_commit_comment, _POST_COMMIT, "CommitComment", _CODE),
    Route("PATCH", r"/comments/(\d+)", _edit_commit_comment, _PATCH_COMMIT, "CommitComment", _CODE),
    Route("DELETE", r"/comments/(\d+)", _delete_comment, "", "", _CODE),
    Route("GET", "/pulls", _list_pulls, "", "PullRequestSimple", (), _PAGED | {"head", "state"}),
    Route("GET", r"/commits/([^/]+)/pulls", _pulls_of_commit, "", "PullRequestSimple", (), _PAGED),
    Route("GET", r"/pulls/(\d+)", _show_pull, "", "PullRequest"),
    Route("GET", r"/actions/runs/(\d+)", _show_run, "", "WorkflowRun", reads=("actions",)),
    Route(
        "GET",
        "/deployments",
        _list_deployments,
        "",
        "Deployment",
        (),
        _PAGED | {"sha", "ref", "task", "environment"},
    ),
    Route("POST", "/deployments", _create_deployment, _POST_DEPLOYMENT, "Deployment", _SHIP),
    Route("GET", r"/deployments/(\d+)", _show_deployment, "", "Deployment"),
    Route(
        "GET", r"/deployments/(\d+)/statuses", _list_statuses, "", "DeploymentStatus", (), _PAGED
    ),
    Route(
        "POST",
        r"/deployments/(\d+)/statuses",
        _create_status,
        _POST_STATUS,
        "DeploymentStatus",
        _SHIP,
    ),
)
