"""The two servers of a backend, and how they share its traffic."""

import ipaddress
import time
from collections.abc import Mapping
from pathlib import Path

from cdml.adapters.targets.haproxy.runtime_api import Runtime, Server
from cdml.config.targets import HaproxySettings
from cdml.config.traffic_steps import ALL
from cdml.errors import ConfigurationError, ServiceError

_UP_SECONDS = 10.0
_PAUSE = 0.05


class Backend:
    """Two servers of one backend; the path of a socket is relative to `folder`."""

    def __init__(self, settings: HaproxySettings, folder: Path) -> None:
        path = "/" in settings.socket
        self.runtime = Runtime(
            str((folder / settings.socket).absolute()) if path else settings.socket
        )
        self._name = settings.backend
        self._slots = settings.slots

    def servers(self) -> Mapping[str, Server]:
        """The two as HAProxy sees them.

        Raises:
            ConfigurationError: the backend cannot be what this target needs.
            ServiceError: HAProxy does not answer.
        """
        servers = self.runtime.servers(self._name)
        for slot in self._slots:
            if slot not in servers:
                raise ConfigurationError(
                    f"deploy.target.slots: the backend {self._name} has no server {slot!r}; it has"
                    f" {', '.join(sorted(servers)) or 'none'}."
                )
            if not ipaddress.ip_address(servers[slot].host).is_loopback:
                raise ConfigurationError(
                    f"server {slot} of the backend {self._name} is at {servers[slot].host}, but"
                    " this target starts servers on its own machine: use a loopback address."
                )
        for name, server in servers.items():
            if name not in self._slots and server.weight and not server.backup:
                raise ConfigurationError(
                    f"the backend {self._name} also sends traffic to {name!r}, which is not a"
                    " slot.",
                    "Use a separate backend for the slots, or make the other server a `backup`.",
                )
        return {slot: servers[slot] for slot in self._slots}

    def shut(self, slot: str) -> None:
        """Take a server out: no traffic, no health checks."""
        self.runtime.order(self._name, (slot, "state maint"), (slot, "weight 0"))

    def open(self, slot: str) -> None:
        """Let HAProxy check a server again, and return when it has seen that it is there."""
        self.runtime.order(self._name, (slot, "state ready"))
        self._wait_until_up(slot)

    def drain(self, slot: str) -> None:
        """Give a server no new requests."""
        self.runtime.order(self._name, (slot, "weight 0"), (slot, "state drain"))

    def wait_until_idle(self, slot: str, seconds: float) -> None:
        """Wait until a server has answered its open requests, but no longer than that."""
        deadline = time.monotonic() + seconds
        while self.servers()[slot].requests and time.monotonic() < deadline:
            time.sleep(_PAUSE)

    def give(self, weights: Mapping[str, int]) -> None:
        """Set both weights and read them back.

        What gets traffic is seen to be up before the other loses any: there is always somebody
        to answer.

        Raises:
            ServiceError: HAProxy does not answer, holds a server for down, or has other weights
                than it was given.
        """
        now = {name: server.weight for name, server in self.servers().items()}
        growing = [name for name in weights if weights[name] and weights[name] >= now[name]]
        self._set(weights, growing)
        for name in growing:
            self._wait_until_up(name)
        self._set(weights, [name for name in weights if name not in growing])
        seen = {name: server.weight for name, server in self.servers().items()}
        if seen != dict(weights):
            listing = ", ".join(f"{name} {weight}" for name, weight in seen.items())
            raise ServiceError(f"HAProxy's weights are not the ones that cdml set: {listing}.")

    def state(self) -> str:
        """What HAProxy's `server-state-file` holds to go on as it is now."""
        return self.runtime.state(self._name)

    def _set(self, weights: Mapping[str, int], names: list[str]) -> None:
        orders = [(name, f"weight {weights[name]}") for name in names]
        orders += [(name, "state ready") for name in names if weights[name]]
        if orders:
            self.runtime.order(self._name, *orders)

    def _wait_until_up(self, slot: str) -> None:
        deadline = time.monotonic() + _UP_SECONDS
        while not self.servers()[slot].up:
            if time.monotonic() >= deadline:
                raise ServiceError(
                    f"HAProxy still marks the server {slot} as down after {_UP_SECONDS:g} s.",
                    "Check that the `option httpchk` of its backend requests /ping.",
                )
            time.sleep(_PAUSE)


def shares(servers: Mapping[str, Server]) -> Mapping[str, int]:
    """Percent of the traffic that each gets, rounded; a server that is down gets none."""
    weights = {name: server.weight if server.up else 0 for name, server in servers.items()}
    total = sum(weights.values()) or 1
    return {name: round(ALL * weight / total) for name, weight in weights.items()}
