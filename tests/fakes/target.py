"""A target that serves what it is told, and some that only say so."""

from cdml.adapters.targets.registry import RegistryTarget
from cdml.delivery.target import ServerAnswer
from cdml.errors import InputError, ServiceError
from cdml.journal.records import Serving, TrafficShare


class FakeTarget:
    """Knows versions and digests; `lost` names versions it cannot serve.

    It refuses the orders of those who were replaced.
    """

    name = "fake"
    splits_traffic = False

    def __init__(self):
        self.release = None
        self.lost = set()
        self.fence = 0
        self.down = False

    def observe(self):
        self._answer()
        if self.release is None:
            return Serving(version=None, digest=None)
        return Serving(version=self.release.version, digest=self.release.digest)

    def switch(self, to, *, fence):
        self._answer()
        if to.version in self.lost:
            raise InputError(f"v{to.version} is gone.")
        if fence < self.fence:
            raise ServiceError(f"the fence is {self.fence}, not {fence}.")
        self.fence = fence
        self.release = to

    def _answer(self):
        if self.down:
            raise ServiceError("the target does not answer.")


class FakeSplittingTarget:
    """Two servers side by side, and the weights between them.

    `lost` names versions that the registry does not have, `broken` those whose server does not
    start. `answers` maps a version to what its server says to a body; by default that it is well.
    `configured` are the weights after a restart of the balancer.
    """

    name = "fake"
    splits_traffic = True
    slots = ("blue", "green")

    def __init__(self):
        self.held = {}
        self.dead = set()
        self.weights = dict.fromkeys(self.slots, 1)
        self.configured = dict(self.weights)
        self.staged = {}
        self.lost = set()
        self.broken = set()
        self.answers = {}
        self.fence = 0
        self.down = False
        self.orders = []
        self.operation = ""
        self.operations = []  # the one that each order belongs to

    def preview(self, to):
        return [f"v{to.version} would be changed"]

    def set_operation(self, operation):
        self.operation = operation

    def observe(self):
        self._answer()
        share = self._shares()
        order = sorted(self.slots, key=lambda slot: (-share[slot], self.staged.get(slot, 0)))
        first, second = order
        if not share[first]:
            warm = next((slot for slot in (second, first) if self._lives(slot)), None)
            standby = self._share(warm, 0) if warm else None
            return Serving(version=None, digest=None, standby=standby)
        serving = self.held[first]
        return Serving(
            version=serving.version,
            digest=serving.digest,
            server=first,
            standby=self._share(second, share[second]) if self._lives(second) else None,
        )

    def stage(self, to, *, fence):
        self._order("stage", to, fence)
        slot = self._slot_of(to)
        if slot is not None and self._lives(slot):
            return
        if to.version in self.lost:
            raise InputError(f"v{to.version} is gone.")
        share = self._shares()
        slot = slot or min(
            self.slots,
            key=lambda one: (share[one], self._lives(one), -self.staged.get(one, 0)),
        )
        self._clear(slot)
        if to.version in self.broken:
            raise InputError(f"the server of v{to.version} ended with exit code 1.")
        self.held[slot], self.staged[slot] = to, fence

    def send_request(self, release, body, *, timeout):
        del timeout
        self._answer()
        slot = self._slot_of(release)
        if slot is None or not self._lives(slot):
            raise ServiceError(f"no server of v{release.version} runs here.")
        answer = self.answers.get(
            release.version, ServerAnswer(status=200, body=b"{}", seconds=0.01)
        )
        return answer(body) if callable(answer) else answer

    def shift(self, to, percent, *, fence):
        self._order(f"shift {percent}", to, fence)
        slot = self._slot_of(to)
        if slot is None or not self._lives(slot):
            raise InputError(f"v{to.version} is not staged.")
        other = next(name for name in self.slots if name != slot)
        if other not in self.held and percent not in (0, 100):
            raise InputError(f"nothing but v{to.version} serves.")
        if other in self.held and percent != 100 and not self._lives(other):
            raise ServiceError(f"v{self.held[other].version} no longer runs.")
        self.weights = {slot: percent, other: 100 - percent if other in self.held else 0}

    def switch(self, to, *, fence):
        self.stage(to, fence=fence)
        self.shift(to, 100, fence=fence)

    def retire(self, *, fence):
        self._order("retire", None, fence)
        for slot in self.slots:
            if not self.weights[slot]:
                self._clear(slot)

    def restart(self):
        """What a restart of the balancer does to the weights."""
        self.weights = dict(self.configured)

    def kill(self, release):
        """End the server of a release behind everybody's back."""
        self.dead.add(self._slot_of(release))

    def _order(self, what, release, fence):
        self._answer()
        if fence < self.fence:
            raise ServiceError(f"the fence is {self.fence}, not {fence}.")
        self.fence = fence
        self.orders.append((what, release.version if release else None))
        self.operations.append(self.operation)

    def _answer(self):
        if self.down:
            raise ServiceError("the target does not answer.")

    def _slot_of(self, release):
        held = ((slot, one) for slot, one in self.held.items() if one.digest == release.digest)
        return next((slot for slot, one in held if one.version == release.version), None)

    def _lives(self, slot):
        return slot in self.held and slot not in self.dead

    def _clear(self, slot):
        self.weights[slot] = 0
        self.held.pop(slot, None)
        self.staged.pop(slot, None)
        self.dead.discard(slot)

    def _shares(self):
        live = {slot: self.weights[slot] if self._lives(slot) else 0 for slot in self.slots}
        whole = sum(live.values()) or 1
        return {slot: round(100 * weight / whole) for slot, weight in live.items()}

    def _share(self, slot, percent):
        one = self.held[slot]
        return TrafficShare(version=one.version, digest=one.digest, percent=percent, server=slot)


class DeafTarget(RegistryTarget):
    """Takes every order, and serves what it did before."""

    def switch(self, to, *, fence):
        del to, fence


class RevertingTarget(RegistryTarget):
    """Obeys, then goes back by itself and says nothing of it."""

    def switch(self, to, *, fence):
        before = self.observe().version
        super().switch(to, fence=fence)
        if before is not None:
            self._alias.registry.set_alias(self._alias.model, self._alias.name, before)


class OtherBytesTarget(RegistryTarget):
    """Serves the version it is given, made of bytes that nobody judged."""

    def observe(self):
        return Serving(version=super().observe().version, digest="sha256:" + "0" * 64)
