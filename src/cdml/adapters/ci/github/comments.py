"""The comments of a pull request or a commit at GitHub."""

from collections.abc import Iterator
from dataclasses import dataclass

from github.CommitComment import CommitComment
from github.IssueComment import IssueComment

from cdml.adapters.ci.github.client import Client, translate_errors
from cdml.adapters.ci.report_comment import PostedComment
from cdml.ci.code_host import Commit, Thread

_RETIRE = "take back an older comment"


def open_thread(client: Client, on: Thread) -> "GitHubComments":
    """The comments that stand there.

    Raises:
        ServiceError: GitHub refused or did not answer.
    """
    with translate_errors("look up its account", _permission(on)):
        return GitHubComments(client=client, on=on, viewer=client.viewer())


def _permission(on: Thread) -> str:
    return "contents: write" if isinstance(on, Commit) else "pull-requests: write"


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHubComments:
    """A CommentThread; `viewer` is our own account, by the name GraphQL gives."""

    client: Client
    on: Thread
    viewer: str

    def newest_first(self) -> Iterator[PostedComment]:
        """Our own, from the last page on: most searches end there."""
        # The login is `github-actions[bot]` in REST and may be without `[bot]` in GraphQL.
        logins = {self.viewer, f"{self.viewer}[bot]"}
        with translate_errors("read the comments", "pull-requests: read"):
            for comment in self._all():
                if getattr(comment.user, "login", None) in logins:  # None: the account is gone
                    yield PostedComment(
                        body=comment.body or "", address=comment.html_url, item=comment
                    )

    def _all(self) -> Iterator[IssueComment | CommitComment]:
        repository = self.client.repository
        if isinstance(self.on, Commit):
            return iter(repository.get_commit(self.on.sha).get_comments().reversed)
        return iter(repository.get_issue(self.on).get_comments().reversed)

    def create(self, body: str) -> str:
        """Post a comment, and give its address."""
        repository, on = self.client.repository, self.on
        with translate_errors("comment here", _permission(on)):
            if isinstance(on, Commit):
                return repository.get_commit(on.sha).create_comment(body).html_url
            return repository.get_issue(on).create_comment(body).html_url

    def edit(self, comment: PostedComment, body: str) -> None:
        """Replace its body."""
        with translate_errors("update its comment", _permission(self.on)):
            comment.item.edit(body)

    def hide(self, comment: PostedComment) -> None:
        """Fold it as outdated."""
        with translate_errors(_RETIRE, _permission(self.on)):
            self.client.minimize(comment.item.node_id)

    def delete(self, comment: PostedComment) -> None:
        """Delete it."""
        with translate_errors(_RETIRE, _permission(self.on)):
            comment.item.delete()
