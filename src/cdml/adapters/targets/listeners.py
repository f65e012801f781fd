"""Who listens on a port of this machine, as Linux tells it in /proc.

A socket's inode number is its identity for as long as the machine runs: a server that was
started again has another one.
"""

import ipaddress
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

_PROC = Path("/proc")
_LISTENS = "0A"
_ANY = ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound to


def listener(host: str, port: int) -> str | None:
    """Identity of the one socket that listens there, or None where none does, or several."""
    found = {inode for address, inode in _listening(port) if address in (host, *_ANY)}
    if len(found) != 1:
        return None
    boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot}:{found.pop()}"


def taken(host: str, port: int) -> bool:
    """Whether anything listens there."""
    return any(address in (host, *_ANY) for address, _ in _listening(port))


def marked(name: str, value: str) -> Mapping[int, Mapping[str, str]]:
    """Processes of this user that were started with a variable, and their environments, by id.

    Children have it too, unless somebody took it away; a process that is not ours to look at
    is passed by.
    """
    found = {}
    for folder in _PROC.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            written = (folder / "environ").read_bytes()
        except OSError:
            continue
        variables = dict(
            os.fsdecode(one).split("=", 1) for one in written.split(b"\0") if b"=" in one
        )
        if variables.get(name) == value:
            found[int(folder.name)] = variables
    return found


def holds(process: int, identity: str) -> bool:
    """Whether a process has the listening socket of this identity open."""
    wanted = f"socket:[{identity.rpartition(':')[2]}]"
    try:
        return any(
            str(entry.readlink()) == wanted for entry in (_PROC / str(process) / "fd").iterdir()
        )
    except OSError:
        return False


def _listening(port: int) -> Iterator[tuple[str, str]]:
    """Address and inode of every socket that listens on a port."""
    for table in ("tcp", "tcp6"):
        try:
            lines = (_PROC / "net" / table).read_text(encoding="ascii").splitlines()[1:]
        except FileNotFoundError:
            continue
        for line in lines:
            fields = line.split()
            address, _, number = fields[1].partition(":")
            if fields[3] == _LISTENS and int(number, 16) == port:
                yield _address(address), fields[9]


def _address(written: str) -> str:
    """An address as /proc writes it: hexadecimal, in words of this machine's byte order."""
    words = [bytes.fromhex(written[at : at + 8])[::-1] for at in range(0, len(written), 8)]
    address = ipaddress.ip_address(b"".join(words))
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
