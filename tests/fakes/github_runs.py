"""What the stand-in for GitHub tells of runs and commits: artifacts and files."""

from fakes.github_api import Answer, Call, Rejected, Route
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


_QUERY = frozenset({"name", "page", "per_page"})
_LISTED = "ReposOwnerRepoActionsRunsRunIdArtifactsGetResponse200"

ROUTES = (
    Route("GET", r"/actions/runs/(\d+)/artifacts", _list, "", _LISTED, (), _QUERY, ("actions",)),
    Route("GET", "/contents/(.+)", _file, "", "ContentFile", (), frozenset({"ref"}), ("contents",)),
    Route("GET", r"/actions/artifacts/(\d+)/zip", _download, reads=("actions",)),
)
