"""Runs programs as root that see a network, mounts and processes of no one else: `FOLDER NUMBER`.

Orders come from the standard input, one JSON object a line: `{"start": NAME, "command": [...]}`
and `{"signal": NAME, "number": N}`; with `wait` also for its end. Each is answered by a line. At
the end of the input, or with this process, every program ends, and nothing is left: the kernel
takes namespaces away with their last process, and this one the control groups.

198.18.NUMBER.1 is this machine and .2 the programs' own; pods have 198.19.NUMBER.0/24.
"""

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

_NEWNS, _NEWPID, _NEWNET = 0x00020000, 0x20000000, 0x40000000
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)
_WRITTEN_SETTINGS = {
    "vm/overcommit_memory": 1,
    "vm/panic_on_oom": 0,
    "kernel/panic": 10,
    "kernel/panic_on_oops": 1,
    "kernel/keys/root_maxkeys": 1000000,
    "kernel/keys/root_maxbytes": 25000000,
}
"""What kubelet writes to the whole machine's settings: here to files in their place."""


def group_of(number):
    """The name of the control group of everything that a cluster starts."""
    return f"cdml-{number}"


def link_of(number):
    """The name of the link from this machine to the programs."""
    return f"cdml{number}"


def _unshare(flags):
    if _LIBC.unshare(flags):
        raise OSError(ctypes.get_errno(), "unshare")


def _run(*command):
    subprocess.run(command, check=True)


def _connect(number):
    """A network of our own, with one link to the machine's; the command that takes it away."""
    outside = os.open("/proc/self/ns/net", os.O_RDONLY)
    _unshare(_NEWNET)
    there = ("nsenter", f"--net=/proc/{os.getpid()}/fd/{outside}", "ip")
    link, machine, own = link_of(number), f"198.18.{number}.1", f"198.18.{number}.2"
    _run(*there, "link", "add", link, "type", "veth", "peer", "eth0", "netns", str(os.getpid()))
    _run(*there, "address", "add", f"{machine}/30", "dev", link)
    _run(*there, "link", "set", link, "up")
    for device in ("lo", "eth0"):
        _run("ip", "link", "set", device, "up")
    _run("ip", "address", "add", f"{own}/30", "dev", "eth0")
    _run("ip", "route", "add", "default", "via", machine)
    _run(*there, "route", "add", f"198.19.{number}.0/24", "via", own)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    return (*there, "link", "delete", link)


def _mount(folder):
    """Mounts of our own: what is written to /run, /var and the machine's settings stays here."""
    _unshare(_NEWNS)
    _run("mount", "--make-rprivate", "/")
    _run("mount", "-t", "proc", "proc", "/proc")
    _run("mount", "-t", "tmpfs", "tmpfs", "/run")
    upper, work = (folder / "var" / name for name in ("upper", "work"))
    for one in (upper, work):
        one.mkdir(parents=True)
    layers = f"lowerdir=/var,upperdir={upper},workdir={work}"
    _run("mount", "-t", "overlay", "overlay", "-o", layers, "/var")
    for setting, value in _WRITTEN_SETTINGS.items():
        file = folder / setting.replace("/", "_")
        file.write_text(f"{value}\n")
        _run("mount", "--bind", str(file), f"/proc/sys/{setting}")


def _hierarchies():
    """The roots of the machine's control groups: one of version 2, or several of version 1."""
    root = Path("/sys/fs/cgroup")
    if (root / "cgroup.controllers").exists():
        return [root]
    return [one for one in root.iterdir() if (one / "cgroup.procs").exists()]


def _make_groups(name):
    for root in _hierarchies():
        (root / name).mkdir()
        inherited = root / "cpuset.cpus"
        if inherited.exists():
            for setting in ("cpuset.cpus", "cpuset.mems"):
                (root / name / setting).write_text((root / setting).read_text())
        control = root / "cgroup.subtree_control"
        if root.name == "cgroup" and control.exists():
            for one in (root / "cgroup.controllers").read_text().split():
                for place in (control, root / name / control.name):
                    with suppress(OSError):
                        place.write_text(f"+{one}")


def _remove_groups(name):
    for root in _hierarchies():
        for folder, _, _ in os.walk(root / name, topdown=False):
            with suppress(OSError):
                Path(folder).rmdir()


def _obey(folder):
    """Be the first of the processes: the others end with this one."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _mount(folder)
    running = {}
    _answer({})
    for line in sys.stdin:
        order = json.loads(line)
        name = order.get("start") or order["signal"]
        if "start" in order:
            with (folder / f"{name}.log").open("ab") as log:
                running[name] = subprocess.Popen(
                    order["command"], stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=folder
                )
        elif running[name].poll() is None:
            running[name].send_signal(order["number"])
        if order.get("wait"):
            running[name].wait()
        _answer({"ended": running[name].poll()})
    os._exit(0)


def _answer(what):
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def main(folder, number):
    folder.mkdir(parents=True, exist_ok=True)
    disconnect = _connect(number)
    _make_groups(group_of(number))
    processes = os.open("/proc/self/ns/pid", os.O_RDONLY)
    _unshare(_NEWPID)
    first = os.fork()
    if first == 0:
        _obey(folder)
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda *_: os.kill(first, signal.SIGKILL))
    os.waitpid(first, 0)
    # Without this, connections that nobody closed keep the network for a minute or two. No process
    # can start where the first one has ended, so it starts among the machine's.
    _LIBC.setns(processes, _NEWPID)
    subprocess.run(disconnect, check=False, capture_output=True)
    _remove_groups(group_of(number))
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
