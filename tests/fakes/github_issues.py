"""What the stand-in for GitHub can be asked about issues and started workflows."""

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
    state.started.append((workflow, call.body["ref"], call.body["inputs"]))
    return Answer(204)


def _runs(state: State, _call: Call, _author: str, workflow: str) -> Answer:
    numbers = [at for at, (name, _, _) in enumerate(state.started) if name == workflow]
    runs = [
        filled(
            "WorkflowRun",
            state.address(f"/actions/runs/{number}"),
            id=number,
            html_url=f"{state.site}/{state.repository}/actions/runs/{number}",
        )
        for number in reversed(numbers)
    ]
    return Answer(200, {"total_count": len(runs), "workflow_runs": runs})


_WORKFLOW = r"/actions/workflows/([\w.-]+)"
_PAGED = frozenset({"page", "per_page"})
_EDIT = "ReposOwnerRepoIssuesIssueNumberPatchBody"
_RUNS = "ReposOwnerRepoActionsWorkflowsWorkflowIdRunsGetResponse200"
_START = "ReposOwnerRepoActionsWorkflowsWorkflowIdDispatchesPostBody"
ROUTES = (
    Route("GET", "/issues", _list, "", "Issue", (), _PAGED),
    Route("POST", "/issues", _open, "ReposOwnerRepoIssuesPostBody", "Issue", ("issues",)),
    Route("PATCH", r"/issues/(\d+)", _edit, _EDIT, "Issue", ("issues",)),
    Route("POST", f"{_WORKFLOW}/dispatches", _start, _START, "", ("actions",)),
    Route("GET", f"{_WORKFLOW}/runs", _runs, "", _RUNS, (), frozenset({"event", "created"})),
)
