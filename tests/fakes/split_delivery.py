"""A world whose target splits traffic, and refuses what no journal speaks of."""

from cdml.config import load
from cdml.config.traffic_steps import ALL
from cdml.delivery.resume import resume
from cdml.delivery.rollout.state_machine import traffic_percentage
from cdml.journal.records import Phase
from fakes.checks import FakeChecks
from fakes.delivery import CONFIG, World
from fakes.target import FakeSplittingTarget

CANARY = "{steps: [5, 25, 100], every: 1m, timeout: 30m}"


class SplitWorld(World):
    """As `World`; `balancer` is the target, which lives on while runs come and go."""

    def __init__(self, folder, canary=CANARY):
        super().__init__(folder)
        self.checks = FakeChecks()
        self.balancer = WatchedTarget(self)
        self.configure_canary(canary)

    def configure_canary(self, canary):
        traffic = ", traffic: {type: file, path: requests.jsonl}}"
        told = f", canary: {canary[:-1]}{traffic}" if canary else ""
        line = f"deploy: {{target: {{type: fake}}{told}}}"
        self.configure(f"{CONFIG}{line}\n")

    def configure(self, text):
        (self.folder / "cdml.yaml").write_text(text)
        targets = ["registry", "fake"]
        self.loaded = load(self.folder / "cdml.yaml", targets=targets, environment={})

    def resume(self, *, faults=None):
        ports = self._ports(faults)
        return resume(self.loaded, ports, output=self.output, checks=self.checks)

    @property
    def serving(self):
        """The version that has all traffic, or None."""
        serving = self.balancer.observe()
        shared = serving.standby is not None and serving.standby.percent > 0
        return None if shared else serving.version

    @property
    def alias(self):
        return self.registry.aliases.get(("flights", "champion"))

    def percent(self, version):
        known = self.registry.version("flights", version)
        serving = self.balancer.observe()
        return traffic_percentage(serving, known) if known.digest else 0

    def _target(self, faults, registry):
        del registry
        return faults.around("target", self.balancer)


class WatchedTarget(FakeSplittingTarget):
    """Fails the test where traffic is given that nobody checked, or that no journal intends."""

    def __init__(self, world):
        super().__init__()
        self.world = world

    def shift(self, to, percent, *, fence):
        if fence >= self.fence:
            self._intended(to, percent)
        super().shift(to, percent, fence=fence)

    def stage(self, to, *, fence):
        # Who was replaced while nobody gave an order may still start a server: without traffic.
        replaced = fence < self.world.ledger.generation
        assert replaced or self.world.ledger.operation is not None
        super().stage(to, fence=fence)

    def _intended(self, to, percent):
        operation = self.world.ledger.operation
        assert operation is not None
        if percent == 0:
            assert operation.phase is Phase.UNDO
            return
        if operation.phase is Phase.UNDO:
            assert (operation.from_, ALL) == (to, percent)
            return
        assert to.version in self.world.checks.asked
        assert to == operation.to
        whole = operation.phase in (Phase.PUBLISH, Phase.BAKE)
        assert percent == (ALL if whole else operation.ramp.percent)
