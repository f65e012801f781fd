"""Two servers of one HAProxy backend: one serves, the other is the standby.

Traffic is split by weights that always add up to 100. What a slot serves is known by the digest
of the files its server was started from, and by the socket that this server listens on: another
process in its place is nobody's release.
"""

from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property

from cdml.adapters.targets.haproxy.backend import Backend, shares
from cdml.adapters.targets.haproxy.model_cache import ModelCache
from cdml.adapters.targets.haproxy.model_servers import ModelServers, address_taken
from cdml.adapters.targets.haproxy.runtime_api import Server
from cdml.adapters.targets.haproxy.server_identity import recover, state_folder
from cdml.adapters.targets.haproxy.slots import Held, SlotFolder
from cdml.common.time_budget import Budget
from cdml.config import LoadedConfig
from cdml.config.targets import HaproxySettings
from cdml.config.traffic_steps import ALL
from cdml.delivery.target import ServerAnswer
from cdml.errors import CdmlError, InputError, ServiceError
from cdml.journal.records import Release, Serving, TrafficShare
from cdml.models.registry import Registry

UNVERIFIED_DIGEST = "sha256:" + "0" * 64
"""The digest of a slot whose server is not the one that was started there."""
STATE = "haproxy.state"
"""What HAProxy's `server-state-file` may name, so that a restart keeps the weights."""


class HaproxyTarget:
    """Serves two releases side by side on the machine where it runs.

    Raises:
        ConfigurationError: a setting is wrong.
    """

    name = "haproxy"
    splits_traffic = True

    def __init__(
        self, *, loaded: LoadedConfig, registry: Registry, environment: str | None = None
    ) -> None:
        settings = HaproxySettings.model_validate(loaded.config.deploy.target.settings)
        owner = f"{environment or loaded.config.deploy.environment}/{loaded.config.model}"
        self._settings = settings
        self._backend = Backend(settings, loaded.folder)
        self._owner, self._configured_in = owner, loaded.folder
        self._registry, self._model = registry, loaded.config.model

    @property
    def budget(self) -> Budget:
        """How long HAProxy's runtime API may be waited for."""
        return self._backend.runtime.budget

    @budget.setter
    def budget(self, budget: Budget) -> None:
        self._backend.runtime.budget = budget

    @cached_property
    def _slots(self) -> SlotFolder:
        """What each slot serves; the servers that run tell where it is kept."""
        folder = state_folder(self._settings, self._configured_in, self._backend.servers())
        return SlotFolder(folder, self._owner)

    @cached_property
    def _models(self) -> ModelCache:
        return ModelCache(self._slots.folder / "models", self._registry, self._model)

    @cached_property
    def _running(self) -> ModelServers:
        return ModelServers(self._settings, self._slots, self._models.place)

    def observe(self) -> Serving:
        """Who gets the traffic, by HAProxy's weights, and what that is, by the slots' sockets.

        Raises:
            ConfigurationError: the servers belong to another environment, model or state folder.
            ServiceError: HAProxy does not answer; or a server that is not known here has traffic,
                which is something else than that nothing serves.
        """
        servers = self._backend.servers()
        held = self._held(servers)
        share = shares(servers)
        first, second = self._by_share(held, share)
        if not share[first]:
            warm = (
                self._standby_share(servers[slot], held.get(slot), 0) for slot in (second, first)
            )
            return Serving(version=None, digest=None, standby=next(filter(None, warm), None))
        serving = held.get(first)
        return Serving(
            version=serving.version if serving else None,
            digest=self._digest(servers[first], serving) if serving else None,
            server=first,
            standby=self._standby_share(servers[second], held.get(second), share[second]),
        )

    def switch(self, to: Release, *, fence: int) -> None:
        """Give a release all traffic, after starting it if need be; the other one stays warm."""
        self.stage(to, fence=fence)
        self.shift(to, ALL, fence=fence)

    def stage(self, to: Release, *, fence: int) -> None:
        """Start a server in the slot that matters less; nothing where it runs already."""
        self._held(self._backend.servers())  # refused before anything is written
        with self._slots.claim(fence) as held:
            servers = self._backend.servers()
            recover(held, servers, self._slots)
            slot = self._slot_for(to, held, servers)
            if slot not in held and self._running.is_foreign(servers[slot]):
                raise address_taken(servers[slot])
            if self._runs(servers[slot], held.get(slot), to):
                listener = self._running.listener(servers[slot])
                held[slot] = held[slot].model_copy(update={"listener": listener})
                return
        self._models.fetch(to)
        self._vacate(slot, fence)
        with self._slots.claim(fence) as held:
            held[slot] = _held(to, fence)
            self._backend.shut(slot)
        try:
            listener = self._running.start(servers[slot], to)
        except CdmlError:
            with suppress(CdmlError):  # the slot gets no traffic; why it failed is what matters
                self._vacate(slot, fence)
            raise
        with self._slots.claim(fence) as held:
            held[slot] = _held(to, fence, listener)
            self._backend.open(slot)
        self._remember()

    def send_request(self, release: Release, body: bytes, *, timeout: float) -> ServerAnswer:
        """Send a request to the slot's own port."""
        servers = self._backend.servers()
        server = self._server_of(release, self._held(servers), servers)
        if server is None:
            raise ServiceError(f"no server of v{release.version} runs here.")
        return self._running.send_request(server, "POST", "/invocations", body, timeout)

    def shift(self, to: Release, percent: int, *, fence: int) -> None:
        """Set both weights, and read them back."""
        with self._slots.claim(fence) as held:
            servers = self._backend.servers()
            recover(held, servers, self._slots)
            server = self._server_of(to, held, servers)
            if server is None:
                raise InputError(
                    f"v{to.version} is not staged: no server of it runs.", "Deploy it again."
                )
            other = next(one for one in servers.values() if one.name != server.name)
            if percent != ALL:
                self._can_serve(other, held, to, percent)
            rest = ALL - percent if other.name in held else 0
            weights = {server.name: percent, other.name: rest}
            self._backend.give(weights)
            for name in held:
                held[name] = held[name].model_copy(update={"percent": weights[name]})
        self._remember()

    def retire(self, *, fence: int) -> None:
        """Drain and stop what was given no traffic and gets none, and forget its files."""
        with self._slots.claim(fence) as held:
            share = shares(self._backend.servers())
            idle = [
                slot
                for slot in self._settings.slots
                if not share[slot] and not (slot in held and held[slot].percent)
            ]
        for slot in idle:
            self._vacate(slot, fence)
        with self._slots.claim(fence) as held:
            self._models.prune({one.digest for one in held.values()})
        self._remember()

    def _held(self, servers: Mapping[str, Server]) -> Mapping[str, Held]:
        """What the slots serve as far as it is known here."""
        held = dict(self._slots.read())
        recover(held, servers, self._slots)
        return held

    def _by_share(self, held: Mapping[str, Held], share: Mapping[str, int]) -> tuple[str, str]:
        """The slots, that with most traffic first; of equals, the one that was there before."""
        first, second = sorted(
            self._settings.slots,
            key=lambda slot: (-share[slot], held[slot].fence if slot in held else 0),
        )
        return first, second

    def _standby_share(
        self, server: Server, held: Held | None, percent: int
    ) -> TrafficShare | None:
        digest = self._digest(server, held) if held else UNVERIFIED_DIGEST
        if held is None or (digest == UNVERIFIED_DIGEST and not percent):
            return None
        return TrafficShare(
            version=held.version, digest=digest, percent=percent, server=server.name
        )

    def _digest(self, server: Server, held: Held) -> str:
        return held.digest if self._running.proves(server, held) else UNVERIFIED_DIGEST

    def _slot_for(
        self, to: Release, held: Mapping[str, Held], servers: Mapping[str, Server]
    ) -> str:
        """The slot that holds the release; else the one whose end is missed least."""
        for slot in self._settings.slots:
            if slot in held and held[slot].is_(to):
                return slot
        share = shares(servers)

        def worth(slot: str) -> tuple[int, bool, int]:
            one = held.get(slot)
            alive = one is not None and self._running.proves(servers[slot], one)
            return share[slot], alive, -(one.fence if one else 0)

        return min(self._settings.slots, key=worth)

    def _runs(self, server: Server, held: Held | None, release: Release) -> bool:
        return (
            held is not None
            and held.is_(release)
            and self._running.proves(server, held)
            and self._running.answers(server)
        )

    def _server_of(
        self, release: Release, held: Mapping[str, Held], servers: Mapping[str, Server]
    ) -> Server | None:
        for slot, one in held.items():
            if one.is_(release) and self._running.proves(servers[slot], one):
                return servers[slot]
        return None

    def _can_serve(
        self, other: Server, held: Mapping[str, Held], to: Release, percent: int
    ) -> None:
        """Make sure that what is to get the rest of the traffic is what we think.

        Raises:
            InputError: nothing is there.
            ServiceError: something else is there.
        """
        one = held.get(other.name)
        if one is None:
            if percent:
                raise InputError(
                    f"v{to.version} cannot get {percent} % of the traffic: nothing else serves,"
                    " so it gets all or none."
                )
        elif not self._running.proves(other, one):
            raise ServiceError(
                f"v{to.version} cannot get its share: v{one.version}, which needs the other"
                f" {ALL - percent} %, no longer runs in slot {other.name}."
            )

    def _vacate(self, slot: str, fence: int) -> None:
        """Take a slot's traffic away, let it answer its open requests, and stop its server."""
        with self._slots.claim(fence):
            self._backend.drain(slot)
        self._backend.wait_until_idle(slot, self._settings.drain)
        with self._slots.claim(fence) as held:
            self._backend.shut(slot)
            self._running.stop(self._backend.servers()[slot])
            held.pop(slot, None)

    def _remember(self) -> None:
        """Let HAProxy find its weights again when it is restarted."""
        self._slots.write(STATE, self._backend.state())


def _held(release: Release, fence: int, listener: str | None = None) -> Held:
    return Held(
        version=release.version,
        digest=release.digest,
        source=release.source,
        listener=listener,
        fence=fence,
    )
