"""Processes of cdml that are killed while they monitor, with GitHub's stand-in as code host."""

import copy
from datetime import UTC, datetime

from cdml.adapters.journals.git import GitJournal
from cdml.journal.branches import monitoring_branch
from cdml.monitoring.state import parse_state
from fakes.clock import FakeClock
from fakes.github_server import WRITE, GitHubServer
from fakes.github_state import State
from support.kill_points import VARIABLES, Killing
from support.monitoring_scenarios import DAY, MonitoredWorld

STATE = "refs/heads/cdml-monitor/production/flights"
ALL = """\
  on_degradation: [issue, retrain, rollback]
  retrain: {workflow: train.yml, ref: main}
"""
BY_EVENT = """\
  on_degradation: [issue, retrain]
  retrain: {event: model-degraded}
"""
ONLY_ISSUE = "  on_degradation: [issue]\n"


class PastWorld(MonitoredWorld):
    """A world that began 16 days ago, with a real registry and journal."""

    reactions = ALL

    def __init__(self, folder):
        now = datetime.now(UTC)
        # Twelve hours pass before another window closes: never between two looks of a test.
        since_midnight = now - datetime(now.year, now.month, now.day, tzinfo=UTC)
        delay = (since_midnight + DAY / 2).total_seconds()
        monitoring = (
            "  predictions: predictions.parquet\n  labels: labels.parquet\n  key: [request]\n"
            f"  time: at\n  label_delay: {delay:.0f}s\n{self.reactions}"
        )
        super().__init__(folder, monitoring=monitoring)

    @property
    def serving(self):
        found = self.registry.champion("flights", "champion")
        return found and found.version


class KillingOfMonitoring(Killing):
    """A repository, a registry and the stand-in for GitHub, and version 2, which degrades."""

    WORLD = PastWorld
    MODULES = (
        "cdml.monitoring.monitor",
        "cdml.wiring",
        "cdml.adapters.ci.github.deployments",
        "cdml.adapters.predictions.logs.windows",
        "cdml.adapters.tables.duckdb_tables",
        "matplotlib.backends.backend_svg",
        "matplotlib.figure",
    )

    def __init__(self, folder, reactions=ALL):
        self.WORLD = type("World", (PastWorld,), {"reactions": reactions})
        self._looked = None
        super().__init__(folder)

    def make_server(self):
        self.server = GitHubServer(permissions={**WRITE, "actions": "write"})

    def start_server(self):
        self.server.__enter__()

    def stop_server(self):
        self.server.__exit__(None)

    @property
    def variables(self):
        given = {"GITHUB_ACTIONS": "true", "GITHUB_TOKEN": "made-up", "GITHUB_RUN_ID": "100"}
        return {**given, "GITHUB_SHA": "c" * 40, **self.server.environment}

    def configure(self, canary, **settings):
        """The world configures itself."""

    def degrade(self, accuracy=0.6):
        """Versions 1 and 2 served in turn, and version 2 is worse than it was."""
        world = self.world
        world.clock = FakeClock(datetime.now(UTC) - 16 * DAY)
        world.ship("A", "B")
        world.serve(16, accuracy=accuracy)
        self.keep()

    def keep_look(self):
        """What the last look left is what every story begins with, too."""
        self._looked = self._git("rev-parse", STATE), copy.deepcopy(self.server.state)

    def begin_anew(self):
        """The repository as it was kept, and a GitHub that knows the kept look, or nothing."""
        self.restore()
        server = self.server
        if self._looked is not None:
            commit, known = self._looked
            self._git("update-ref", STATE, commit)
            server.state = copy.deepcopy(known)
            return
        self._git("update-ref", "-d", STATE)
        server.state = State(api=server.url, site=server.site, repository=server.repository)
        server.state.workflows.append("train.yml")

    def look(self, at=None, when=None):
        """One run of `cdml monitor`."""
        return self.run("monitor", "--output-dir", str(self.folder / ".cdml"), at=at, when=when)

    def expire(self):
        """As if the lease, and the claim of the look that was killed, were of long ago."""
        super().expire()
        snapshot = self.state.read()
        if snapshot.document and "claim" in snapshot.document:
            claim = {**snapshot.document["claim"], "at": "1970-01-01T00:00:00Z"}
            self.state.write({**snapshot.document, "claim": claim}, "time", snapshot.commit)

    @property
    def state(self):
        """The branch of the monitoring state."""
        return GitJournal(
            folder=self.folder,
            environment="production",
            model="flights",
            variables=VARIABLES,
            branch=monitoring_branch,
        )

    def outcome(self):
        """All that looks left, without times, commits and the operations that they name."""
        server, ledger = self.server, self.ledger
        state = parse_state(self.state.read(), model="flights", environment="production")
        return {
            "periods": [_lasting(one) for one in state.periods],
            "issue": state.issue and state.issue.url,
            "issues": [(one["title"], one["state"]) for one in server.state.issues.values()],
            "started": [workflow for workflow, *_ in server.state.started],
            "deployments": [(one.task, one.state) for one in server.deployments],
            "journal": [(one.kind, one.version) for one in ledger.entries],
            "lock": ledger.lock,
            "serving": self.world.serving,
        }


def _lasting(period):
    """A period without when it and its reactions began, and by which operation."""
    reactions = [one.model_dump(exclude={"at"}) for one in period.reactions]
    return period.model_dump(exclude={"reactions", "since", "operation"}), reactions
