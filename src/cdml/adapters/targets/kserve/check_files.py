"""Starts the check of a model's files as the startup probe of the container that loads them."""

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from cdml.adapters.targets.kubernetes.names import Object
from cdml.adapters.targets.kubernetes.pod_status import Trouble

_PATIENCE = 600
"""Seconds that hashing may take."""
_PROBE = """
import os
problem = check(*sys.argv[1:3], "")
try:
    with open("/dev/termination-log", "w") as log:
        log.write(problem and "cdml: " + problem)
except OSError:
    pass
sys.exit(problem or 0)
"""


def startup_probe(folder: str, digest: str) -> dict[str, Any]:
    """The probe. KServe runs no init container after its download, so the server's checks.

    Where the files are not those, the kubelet ends the container, and why is in its termination
    message. A server that ends in order has the exit code 0 then.
    """
    script = files("cdml.adapters.targets.kubernetes").joinpath("check_model.py")
    source, _, _ = script.read_text(encoding="utf-8").partition('if __name__ == "__main__":')
    return {
        "exec": {"command": ["python3", "-c", source + _PROBE.lstrip(), folder, digest]},
        "periodSeconds": 1,  # the server is ready no earlier
        "timeoutSeconds": _PATIENCE,
        "failureThreshold": 10,  # files that another container brings may come after the server
    }


def check_troubles(pod: Object) -> Iterator[Trouble]:
    """What the check says in a pod."""
    for container in (pod.get("status") or {}).get("containerStatuses") or []:
        state, last = container.get("state") or {}, container.get("lastState") or {}
        ended = state.get("terminated") or last.get("terminated") or {}
        mark, own, words = str(ended.get("message") or "").partition("cdml: ")
        if own and not mark:
            yield Trouble(f"its files are not those that were judged: {words.strip()}", final=True)
        elif "running" in state and container.get("started") is False:
            name = container.get("name")
            yield Trouble(
                f"the container {name} runs, but the check of its files has not passed (the startup"
                " probe, by python3)"
            )
