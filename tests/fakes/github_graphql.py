"""The little of GitHub's GraphQL that is asked for here."""

import re
from typing import Any

from fakes.github_api import Answer, Call

_HIDES = r"mutation ?\(\$input: ?MinimizeCommentInput!\)"


def graphql(server: Any, call: Call) -> tuple[list[str], Answer]:
    """What breaks GitHub's schema, and the answer.

    Args:
        server: the stand-in.
        call: the request.
    """
    asked = re.sub(r"\s+", " ", str((call.body or {}).get("query", "")))
    if re.match(_HIDES, asked):
        return _minimized(server, call.body["variables"]["input"])
    if not re.search(r"viewer ?\{ ?login ?\}", asked):
        unknown = Answer(200, {"errors": [{"message": "not known here"}]})
        return [f"GraphQL: not known here: {asked}"], unknown
    return [], Answer(200, {"data": {"viewer": {"login": server.viewer}}})


def _minimized(server: Any, given: Any) -> tuple[list[str], Answer]:
    if given.keys() != {"subjectId", "classifier"} or given["classifier"] != "OUTDATED":
        return [f"GraphQL: {given} is no input of minimizeComment"], _refused("", "ARGUMENT")
    kind, _, id_ = given["subjectId"].partition("_")
    comment = server.state.comments.get(int(id_)) if id_.isdecimal() else None
    if comment is None or kind not in ("IC", "CC"):
        return [], _refused("Could not resolve to a node", "NOT_FOUND")
    if server.permissions.get("pull_requests") != "write":
        return [], _refused("Resource not accessible by integration", "FORBIDDEN")
    comment.hidden = True
    shown = {"minimizedComment": {"isMinimized": True}}
    return [], Answer(200, {"data": {"minimizeComment": shown}})


def _refused(message: str, kind: str) -> Answer:
    told = {"message": message, "type": kind}
    return Answer(200, {"data": {"minimizeComment": None}, "errors": [told]})
