"""What the servers of a backend tell about themselves, whoever looks.

What decides (which slot serves what, the fencing number) is kept in a state folder. Where that
folder is, a running server shows in the variables it was started with: so another home directory,
checkout or `XDG_STATE_HOME` of the same account finds the folder of whoever delivered first, and
a folder that was lost is written anew from what runs. The servers of another account tell only
that they are there: their traffic is theirs.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from cdml.adapters.targets.haproxy import listeners
from cdml.adapters.targets.haproxy.backend import shares
from cdml.adapters.targets.haproxy.model_servers import MARK
from cdml.adapters.targets.haproxy.runtime_api import Server
from cdml.adapters.targets.haproxy.slots import Held, SlotFolder
from cdml.config.targets import HaproxySettings
from cdml.errors import CdmlError, ConfigurationError, ServiceError


def state_folder(
    settings: HaproxySettings, configuration: Path, servers: Mapping[str, Server]
) -> Path:
    """The folder that stores what the slots serve.

    `settings.state` names it; without it, the servers that run do, and where none does it is
    `~/.local/state/cdml/<backend>`. Relative paths begin at `beside`.

    Raises:
        ConfigurationError: the servers that run are kept in another folder than `state` names.
    """
    if settings.state is not None:
        usual = (configuration / Path(settings.state).expanduser()).resolve()
    else:
        base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
        usual = Path(base) / "cdml" / settings.backend
    for server in servers.values():
        mark = _variables(server).get(MARK)
        folder = Path(mark).parent if mark else usual
        if folder.resolve() == usual.resolve():
            continue
        if settings.state is not None:
            raise ConfigurationError(
                f"the server of slot {server.name} was started with the state folder {folder},"
                f" but deploy.target.state is {usual}. Nothing was changed.",
                "Set that folder, or use another backend: one backend has one state folder.",
            )
        return folder
    return usual


def recover(held: dict[str, Held], servers: Mapping[str, Server], slots: SlotFolder) -> None:
    """Add to `held` what the state folder lost of slots with traffic, as their servers tell it.

    Raises:
        ConfigurationError: a server belongs to another environment or model.
        ServiceError: a server with traffic is not known here, and does not tell what it is.
    """
    for slot, percent in shares(servers).items():
        server = servers[slot]
        if slot in held or not percent or not listeners.is_port_taken(server.host, server.port):
            continue
        variables = _variables(server)
        if "CDML_OWNER" in variables:
            slots.check_owner(variables["CDML_OWNER"])
        try:
            held[slot] = Held(
                version=variables["CDML_VERSION"],
                digest=variables["CDML_DIGEST"],
                source=variables["CDML_SOURCE"],
                percent=percent,
                listener=listeners.listener(server.host, server.port),
                fence=0,
            )
        except (KeyError, ValidationError):
            raise _unknown(server, percent, slots.folder) from None


def _variables(server: Server) -> Mapping[str, str]:
    """What the server that listens in a slot was started with; empty where it does not tell."""
    identity = listeners.listener(server.host, server.port)
    if identity is None:
        return {}
    for process, variables in listeners.processes_with_variable(MARK).items():
        if Path(variables[MARK]).name == server.name and listeners.holds_socket(process, identity):
            return variables
    return {}


def _unknown(server: Server, percent: int, folder: Path) -> CdmlError:
    account = listeners.account(server.host, server.port)
    whose = f" of the account {account}" if account else ""
    return ServiceError(
        f"HAProxy sends {percent} % of the traffic to server {server.name}, a process{whose}"
        f" that is not in the state folder {folder}. Nothing was changed, and it keeps serving.",
        "Deploy with the account and the deploy.target.state that started it. If cdml did not"
        " start it, give cdml a separate backend with two servers.",
    )
