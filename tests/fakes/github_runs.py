"""What the stand-in for GitHub tells of runs and commits: artifacts and files."""

from urllib.parse import unquote

from fakes.github_api import Answer, Call, Rejected, Route
from fakes.github_schema import filled
from fakes.github_state import State

PER_PAGE = 30


def _list(state: State, call: Call, _author: str, run: str) -> Answer:
    name = call.query.get("name")
    found = [one for one in state.artifacts.values() if one.run == int(run)]
    named = [one for one in found if name in (None, one.name)]
    most = int(call.query.get("per_page", PER_PAGE))
    shown = [state.show_artifact(one) for one in named[:most]]
    return Answer(200, {"total_count": len(named), "artifacts": shown})


def _download(state: State, _call: Call, _author: str, id_: str) -> Answer:
    found = state.artifacts.get(int(id_))
    if found is None:
        raise Rejected(404, "Not Found")
    if found.expired:
        raise Rejected(410, "Artifact has expired")
    return Answer(302, headers={"Location": f"{state.site}/store/{found.id}?sig=secret"})


def _file(state: State, call: Call, _author: str, path: str) -> Answer:
    found = state.files.get((call.query.get("ref", ""), path))
    if found is None:
        raise Rejected(404, "Not Found")
    return Answer(200, state.show_file(path, found))


def _compare(state: State, call: Call, _author: str, before: str, after: str) -> Answer:
    """As GitHub does: a page of the commits, and how many there are in all."""
    if before not in state.parents or after not in state.parents:
        raise Rejected(404, "Not Found")
    found = state.between(before, after)
    size, page = int(call.query.get("per_page", "250")), int(call.query.get("page", "1"))
    shown = found[(page - 1) * size : page * size]
    base = state.show_commit(before)
    body = filled(
        "CommitComparison",
        state.address(f"/compare/{before}...{after}"),
        total_commits=len(found),
        commits=[state.show_commit(sha) for sha in shown],
        base_commit=base,
        merge_base_commit=base,
    )
    return Answer(200, body)


def _checks(state: State, call: Call, _author: str, sha: str) -> Answer:
    found = [state.show_check(one) for one in state.checks if one.sha == sha]
    size, page = int(call.query.get("per_page", PER_PAGE)), int(call.query.get("page", "1"))
    shown = found[(page - 1) * size : page * size]
    return Answer(200, {"total_count": len(found), "check_runs": shown})


_PAGED = frozenset({"page", "per_page"})
_QUERY = frozenset({"name", "page", "per_page"})
_LISTED = "ReposOwnerRepoActionsRunsRunIdArtifactsGetResponse200"

_CHECKED = "ReposOwnerRepoCommitsRefCheckRunsGetResponse200"


def _rules(state: State, _call: Call, _author: str, branch: str) -> Answer:
    source = {"ruleset_source_type": "Repository", "ruleset_source": "o/r", "ruleset_id": 1}
    ours = unquote(branch).startswith("cdml/")
    return Answer(200, [{"type": one, **source} for one in state.rules if ours])


ROUTES = (
    Route("GET", "/rules/branches/([^/]+)", _rules, query=_PAGED),
    Route(
        "GET",
        r"/compare/([0-9a-f]+)\.\.\.([0-9a-f]+)",
        _compare,
        "",
        "CommitComparison",
        (),
        _PAGED,
        ("contents",),
    ),
    Route("GET", "/commits/([0-9a-f]+)/check-runs", _checks, "", _CHECKED, (), _PAGED, ("checks",)),
    Route("GET", r"/actions/runs/(\d+)/artifacts", _list, "", _LISTED, (), _QUERY, ("actions",)),
    Route("GET", "/contents/(.+)", _file, "", "ContentFile", (), frozenset({"ref"}), ("contents",)),
    Route("GET", r"/actions/artifacts/(\d+)/zip", _download, reads=("actions",)),
)
