"""Who listens on a port of this machine, as Linux shows it in /proc.

A socket's inode number is its identity for as long as the machine runs: a server that was
started again has another one.

The kernel lists the listening sockets of one port (sock_diag(7)). Its files in /proc/net
list every connection: a load balancer has tens of thousands, which would take longer to
read than a switch may. They are read where the kernel cannot be asked.
"""

import ipaddress
import os
import pwd
import socket
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

_PROC = Path("/proc")
_TABLES = {"tcp": socket.AF_INET, "tcp6": socket.AF_INET6}
_LISTENS = 10
_NETLINK_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY = 4, 20
_REQUEST_DUMP = 0x301
_ERROR, _DONE = 2, 3
_HEADER = struct.Struct("=IHHII")
"""A message's length, type, flags, number and sender (netlink(7))."""
_REQUEST = struct.Struct("=BBxxI2s46x")
"""Family, protocol, a bit for each state, the port as the network writes it (inet_diag_req_v2)."""
_RESPONSE = struct.Struct("=4x4x16s40xII")
"""Address, user and inode (inet_diag_msg)."""
_SECONDS = 5.0
_ANY = ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound to


def listener(host: str, port: int) -> str | None:
    """Identity of the one socket that listens there, or None where none does, or several."""
    inodes = {inode for address, _, inode in _listening(port) if address in (host, *_ANY)}
    if len(inodes) != 1:
        return None
    boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot}:{inodes.pop()}"


def is_port_taken(host: str, port: int) -> bool:
    """Whether anything listens there."""
    return any(address in (host, *_ANY) for address, _, _ in _listening(port))


def account(host: str, port: int) -> str | None:
    """The user whose socket listens there, by name where it has one; None where none listens."""
    owner = next((user for at, user, _ in _listening(port) if at in (host, *_ANY)), None)
    if owner is None:
        return None
    try:
        return pwd.getpwuid(owner).pw_name
    except KeyError:
        return str(owner)


def processes_with_variable(name: str, value: str | None = None) -> Mapping[int, Mapping[str, str]]:
    """Processes of this user that were started with a variable, and their environments, by id.

    Children have it too, unless somebody took it away; a process that is not ours to look at is
    passed by. Without a `value` any will do.
    """
    processes = {}
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
        if name in variables and value in (None, variables[name]):
            processes[int(folder.name)] = variables
    return processes


def holds_socket(process: int, identity: str) -> bool:
    """Whether a process has the listening socket of this identity open."""
    link = f"socket:[{identity.rpartition(':')[2]}]"
    try:
        return any(
            str(entry.readlink()) == link for entry in (_PROC / str(process) / "fd").iterdir()
        )
    except OSError:
        return False


def _listening(port: int) -> Iterator[tuple[str, int, str]]:
    """Address, user and inode of every socket that listens on a port."""
    for table, family in _TABLES.items():
        try:
            yield from list(_request_listeners(family, port))
        except OSError:  # it is not built in, or this process may not ask
            yield from _listed(table, port)


def _request_listeners(family: int, port: int) -> Iterator[tuple[str, int, str]]:
    """The kernel's answer to a request for this port."""
    request = _REQUEST.pack(family, socket.IPPROTO_TCP, 1 << _LISTENS, port.to_bytes(2, "big"))
    header = _HEADER.pack(_HEADER.size + len(request), _SOCK_DIAG_BY_FAMILY, _REQUEST_DUMP, 1, 0)
    kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
    with socket.socket(socket.AF_NETLINK, kind, _NETLINK_SOCK_DIAG) as kernel:
        kernel.settimeout(_SECONDS)
        kernel.send(header + request)
        while True:
            answer = kernel.recv(1 << 16)
            while answer:
                length, message, *_ = _HEADER.unpack_from(answer)
                if message == _DONE:
                    return
                if message == _ERROR:
                    raise OSError("the kernel does not tell its sockets")
                address, user, inode = _RESPONSE.unpack_from(answer, _HEADER.size)
                size = 4 if family == socket.AF_INET else 16
                yield _plain(ipaddress.ip_address(address[:size])), user, str(inode)
                answer = answer[(length + 3) & ~3 :]


def _listed(table: str, port: int) -> Iterator[tuple[str, int, str]]:
    """What stands in one of the kernel's files."""
    try:
        lines = (_PROC / "net" / table).read_text(encoding="ascii").splitlines()[1:]
    except FileNotFoundError:
        return
    for line in lines:
        fields = line.split()
        address, _, number = fields[1].partition(":")
        if int(fields[3], 16) == _LISTENS and int(number, 16) == port:
            yield _address(address), int(fields[7]), fields[9]


def _address(written: str) -> str:
    """An address as /proc writes it: hexadecimal, in words of this machine's byte order."""
    words = [bytes.fromhex(written[at : at + 8])[::-1] for at in range(0, len(written), 8)]
    return _plain(ipaddress.ip_address(b"".join(words)))


def _plain(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
