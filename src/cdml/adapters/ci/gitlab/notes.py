"""The notes of a merge request or a commit at GitLab."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cdml.adapters.ci.gitlab.client import Client, reading
from cdml.adapters.ci.report_comment import PostedComment
from cdml.ci.code_host import Commit, Thread


@dataclass(frozen=True, slots=True, kw_only=True)
class GitLabNotes:
    """A CommentThread. `site` is the project's address, `viewer` the id of our own account.

    Notes on a commit can be changed only as those of a discussion, so each is one.
    """

    client: Client
    on: Thread
    site: str
    viewer: int

    def newest_first(self) -> Iterator[PostedComment]:
        """Our own."""
        action = "read the notes"
        if isinstance(self.on, Commit):
            found = list(self._of_discussions(action))
            found.reverse()
            yield from found
            return
        order = {"order_by": "created_at", "sort": "desc"}
        for note in self.client.pages(f"{self._path}/notes", action, **order):
            with reading(action):
                if self._is_ours(note):
                    yield self._posted(note, f"{note['id']}")

    def _of_discussions(self, action: str) -> Iterator[PostedComment]:
        for discussion in self.client.pages(f"{self._path}/discussions", action):
            with reading(action):
                for note in filter(self._is_ours, discussion["notes"]):
                    yield self._posted(note, f"{discussion['id']}/notes/{note['id']}")

    def _is_ours(self, note: Any) -> bool:
        return bool(note["author"]["id"] == self.viewer and not note.get("system"))

    def _posted(self, note: Any, item: str) -> PostedComment:
        return PostedComment(body=str(note["body"]), address=self._address(note["id"]), item=item)

    def create(self, body: str) -> str:
        """Post a note, and give its address."""
        action, commit = "comment here", isinstance(self.on, Commit)
        kind = "discussions" if commit else "notes"
        made = self.client.post(f"{self._path}/{kind}", action, {"body": body})
        with reading(action):
            return self._address((made["notes"][0] if commit else made)["id"])

    def edit(self, comment: PostedComment, body: str) -> None:
        """Replace its body."""
        self.client.put(self._note(comment), "update its note", {"body": body})

    def hide(self, comment: PostedComment) -> None:
        """GitLab folds no notes: the marker alone says that a newer one took its place."""
        del comment

    def delete(self, comment: PostedComment) -> None:
        """Delete it."""
        self.client.delete(self._note(comment), "delete an older note")

    @property
    def _path(self) -> str:
        if isinstance(self.on, Commit):
            return f"/repository/commits/{self.on.sha}"
        return f"/merge_requests/{self.on}"

    def _note(self, comment: PostedComment) -> str:
        kind = "discussions" if isinstance(self.on, Commit) else "notes"
        return f"{self._path}/{kind}/{comment.item}"

    def _address(self, note: object) -> str:
        on = self.on
        place = f"commit/{on.sha}" if isinstance(on, Commit) else f"merge_requests/{on}"
        return f"{self.site}/-/{place}#note_{note}"
