"""The commits that a push brought, and the signs that a gate ran on one of them."""

from urllib.parse import unquote

from cdml.adapters.ci.github.client import Client, translate_errors
from cdml.adapters.ci.pushed_commits import ComparedCommit, list_pushed
from cdml.adapters.ci.report_marker import Marker
from cdml.ci.code_host import GATE_JOB, GateSigns
from cdml.ci.run import Push

_ACTIONS = "github-actions"
"""The app that makes the checks of workflows; those of others are no gates of ours."""
_TRUSTED = ("OWNER", "MEMBER", "COLLABORATOR")


def commits(client: Client, push: Push) -> tuple[tuple[str, bool], ...]:
    """The commits of a push; see `list_pushed`.

    Raises:
        ServiceError: GitHub refused or did not answer.
        InputError: there are too many.
    """

    def compare(before: str, after: str) -> list[ComparedCommit]:
        with translate_errors("compare the push's commits", "contents: read"):
            return [
                ComparedCommit(str(one["sha"]), tuple(parent["sha"] for parent in one["parents"]))
                for one in client.pages(f"/compare/{before}...{after}", "commits")
            ]

    return list_pushed(push, compare)


def signs(client: Client, head: str, number: int | None) -> GateSigns:
    """What a gate left on a pull request, or on a commit that came without one.

    Args:
        client: the repository.
        head: the commit that was judged.
        number: of the pull request, if there is one.

    Raises:
        ServiceError: GitHub refused or did not answer.
    """
    place = f"/issues/{number}" if number else f"/commits/{head}"
    with translate_errors(
        "read the comments", "pull-requests: read" if number else "contents: read"
    ):
        markers = [
            Marker.parse(comment["body"] or "")
            for comment in client.pages(f"{place}/comments")
            if (comment["user"] or {}).get("type") == "Bot"
            or comment.get("author_association") in _TRUSTED
        ]
    with translate_errors("list the checks of a commit", "checks: read"):
        checks = [
            f"{run['name']}: {run['conclusion'] or run['status']}"
            for run in client.pages(f"/commits/{head}/check-runs", "check_runs")
            if GATE_JOB.search(run["name"])
            and run["conclusion"] != "skipped"
            and (run.get("app") or {}).get("slug") in (None, _ACTIONS)
        ]
    reports = [unquote(marker.id) for marker in markers if marker is not None]
    return GateSigns(reports=tuple(dict.fromkeys(reports)), checks=tuple(dict.fromkeys(checks)))
