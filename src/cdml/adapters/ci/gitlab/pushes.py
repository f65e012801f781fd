"""The commits that a push brought."""

from cdml.adapters.ci.gitlab.client import Client, reading
from cdml.adapters.ci.pushed_commits import ComparedCommit, list_pushed
from cdml.ci.run import Push


def list_commits(client: Client, push: Push) -> tuple[tuple[str, bool], ...]:
    """The commits of a push; see `list_pushed`. The variables of a pipeline name only the newest.

    Raises:
        ServiceError: GitLab refused or did not answer.
        InputError: there are too many.
    """
    action = "compare the push's commits"

    def compare(before: str, after: str) -> list[ComparedCommit]:
        newest_first = client.pages("/repository/commits", action, ref_name=f"{before}..{after}")
        with reading(action):
            commits = [
                ComparedCommit(str(one["id"]), tuple(one["parent_ids"])) for one in newest_first
            ]
        return commits[::-1]

    return list_pushed(push, compare)
