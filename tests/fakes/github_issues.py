"""What the stand-in for GitHub can be asked about issues, started workflows and events."""

from typing import Any

from fakes.github_api import Answer, Call, Rejected, Route
from fakes.github_schema import filled
from fakes.github_state import State


def _show(state: State, issue: dict[str, Any]) -> dict[str, Any]:
    number = issue["number"]
    return filled(
        "Issue",
        state.address(f"/issues/{number}"),
        id=number,
        number=number,
        title=issue["title"],
        body=issue["body"],
        state=issue["state"],
        user=state.user(issue["author"]),
        html_url=f"{state.site}/{state.repository}/issues/{number}",
    )


def _list(state: State, _call: Call, _author: str) -> Answer:
    found = [one for one in state.issues.values() if one["state"] == "open"]
    return Answer(200, [_show(state, one) for one in reversed(found)])


def _open(state: State, call: Call, author: str) -> Answer:
    number = next(state.ids)
    issue = {"number": number, "state": "open", "author": author, **call.body}
    state.issues[number] = issue
    return Answer(201, _show(state, issue))


def _edit(state: State, call: Call, _author: str, number: str) -> Answer:
    issue = state.issues.get(int(number))
    if issue is None:
        raise Rejected(404, "Not Found")
    issue |= {name: value for name, value in call.body.items() if name != "state_reason"}
    return Answer(200, _show(state, issue))


def _start(state: State, call: Call, _author: str, workflow: str) -> Answer:
    if workflow not in state.workflows:
        raise Rejected(404, "Not Found")
    if call.version and not state.names_runs:
        raise Rejected(400, f"{call.version} is not a supported API version.")
    state.started.append((workflow, call.body["ref"], call.body["inputs"]))
    if not call.version:
        return Answer(204)
    run = _show_run(state, len(state.started) - 1)
    details = {"workflow_run_id": run["id"], "run_url": run["url"], "html_url": run["html_url"]}
    return Answer(200, details)


def _send(state: State, call: Call, _author: str) -> Answer:
    state.started.append((call.body["event_type"], None, call.body["client_payload"]))
    return Answer(204)


def _show_run(state: State, number: int) -> dict[str, Any]:
    name, _, given = state.started[number]
    return filled(
        "WorkflowRun",
        state.address(f"/actions/runs/{number}"),
        id=number,
        html_url=f"{state.site}/{state.repository}/actions/runs/{number}",
        display_title=given["reason"] if state.titled else name,
    )


def _show_runs(state: State, numbers: list[int]) -> Answer:
    runs = [_show_run(state, number) for number in reversed(numbers)]
    return Answer(200, {"total_count": len(runs), "workflow_runs": runs})


def _runs(state: State, _call: Call, _author: str, workflow: str) -> Answer:
    return _show_runs(state, [at for at, one in enumerate(state.started) if one[0] == workflow])


def _sent(state: State, _call: Call, _author: str) -> Answer:
    return _show_runs(state, [at for at, one in enumerate(state.started) if one[1] is None])


def _repository(state: State, _call: Call, _author: str) -> Answer:
    name = state.repository.split("/")[1]
    known = {"id": 1, "name": name, "full_name": state.repository}
    known["owner"] = state.user(state.repository.split("/")[0])
    known["default_branch"] = state.default_branch
    return Answer(200, filled("FullRepository", state.address(""), **known))


_WORKFLOW = r"/actions/workflows/([\w.-]+)"
_PAGED = frozenset({"page", "per_page"})
_EDIT = "ReposOwnerRepoIssuesIssueNumberPatchBody"
_RUNS = "ReposOwnerRepoActionsWorkflowsWorkflowIdRunsGetResponse200"
_START = "ReposOwnerRepoActionsWorkflowsWorkflowIdDispatchesPostBody"
_STARTED = "ReposOwnerRepoActionsWorkflowsWorkflowIdDispatchesPostResponse200"
_SEND = "ReposOwnerRepoDispatchesPostBody"
_SENT = "ReposOwnerRepoActionsRunsGetResponse200"
_LISTED = frozenset({"event", "created", "per_page"})
ROUTES = (
    Route("GET", "", _repository, "", "FullRepository"),
    Route("GET", "/issues", _list, "", "Issue", (), _PAGED),
    Route("POST", "/issues", _open, "ReposOwnerRepoIssuesPostBody", "Issue", ("issues",)),
    Route("PATCH", r"/issues/(\d+)", _edit, _EDIT, "Issue", ("issues",)),
    Route("POST", f"{_WORKFLOW}/dispatches", _start, _START, "", ("actions",)),
    Route("GET", f"{_WORKFLOW}/runs", _runs, "", _RUNS, (), _LISTED),
    Route("POST", "/dispatches", _send, _SEND, "", ("contents",)),
    Route("GET", "/actions/runs", _sent, "", _SENT, (), _LISTED),
)
