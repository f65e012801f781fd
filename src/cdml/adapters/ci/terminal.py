"""A terminal, or a CI system that is not known: a run without a page, an address or a code host."""

from cdml.adapters.ci.basic_run import BasicRun
from cdml.adapters.ci.github import push_credentials
from cdml.ci.run import PushCredentials, RunTrust, Trigger


class TerminalRun(BasicRun):
    """Works without any CI system around it."""

    name = "terminal"
    code_host: str | None = None
    evidence_hint = "Give the folder of the evidence with --evidence."

    def commit(self) -> str | None:
        """HEAD of the checkout; None where there is no repository, or no commit, or no git."""
        return self._commit_at("HEAD")

    def url(self) -> str | None:
        """A terminal has no address."""
        return None

    def trigger(self) -> Trigger:
        """There is no event."""
        return Trigger()

    def judged_in(self) -> tuple[int, int]:
        """Nobody counts."""
        return 0, 0

    def is_another_run(self, url: str | None) -> bool:
        """A terminal is no run, and knows of none."""
        del url
        return False

    def is_over(self, url: str) -> bool:
        """A terminal cannot see other runs."""
        del url
        return False

    def trust(self) -> RunTrust:
        """Whoever sits here has chosen the code; on GitHub's runners a name changes nothing."""
        from cdml.adapters.ci.github.trust import find_trust

        return find_trust(self._environment)

    def push_credentials(self) -> PushCredentials | None:
        """A token for GitHub, which somebody has set for it."""
        return push_credentials(self._environment)
