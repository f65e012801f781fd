"""A cluster of the tests leaves a machine as it was."""

import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from support.api_server import wait_until
from support.cluster import Cluster
from support.cluster_place import PodsPlace

SETTINGS = ("vm/*", "kernel/panic*", "kernel/keys/*", "net/ipv4/ip_forward", "net/ipv4/conf/all/*")
FOLDERS = ("/run", "/run/netns", "/var/lib", "/var/log", "/etc")
WORDS = ("cni", "containerd", "containers", "kube", "pods", "cdml")
"""What names of files and mounts have that a cluster makes."""


def _settings():
    """What kubelet and kube-proxy write to a machine."""
    found = {}
    for pattern in SETTINGS:
        for file in Path("/proc/sys").glob(pattern):
            with suppress(OSError):
                found[str(file)] = file.read_text()
    return found


def _machine(number):
    """What somebody could see afterwards, of what belongs to the cluster of that number."""
    groups = [str(one) for one in Path("/sys/fs/cgroup").rglob(f"cdml-{number}*")]
    routes = subprocess.run(["ip", "route"], capture_output=True, text=True, check=True).stdout
    ours = [line for line in routes.splitlines() if f".{number}." in line]
    return {
        "mounts": list(filter(_of_a_cluster, Path("/proc/mounts").read_text().splitlines())),
        "groups": groups,
        "links": Path("/sys/class/net", f"cdml{number}").exists(),
        "routes": ours,
        "settings": _settings(),
        "folders": {name: Path(name).is_dir() and _names(name) for name in FOLDERS},
    }


def _names(folder):
    return sorted(one.name for one in Path(folder).iterdir() if _of_a_cluster(one.name))


def _of_a_cluster(text):
    return any(word in text for word in WORDS)


def _processes(word):
    found = []
    for one in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found += [one.parent.name] if word in one.read_text() else []
    return found


@pytest.mark.long
def test_a_cluster_leaves_no_mount_group_link_setting_process_or_file(
    tmp_path_factory, cluster_programs
):
    # The test's own folder has a long name; a path of kubelet's sockets has at most 107 letters.
    folder = tmp_path_factory.mktemp("left")
    cluster = Cluster(folder / "run", cluster_programs)
    before = _machine(cluster.number)
    (folder / "place").mkdir()
    with cluster, PodsPlace(folder / "place", cluster) as place:
        place.target.switch(place.releases[0], fence=1)
        assert _processes(str(cluster.folder))
        during = _machine(cluster.number)

    assert during["groups"]
    assert during["links"]
    # The kernel takes a network away a moment after its last process.
    wait_until(lambda: before == _machine(cluster.number))
    assert [] == _processes(str(cluster.folder))
    assert not cluster.folder.exists()
