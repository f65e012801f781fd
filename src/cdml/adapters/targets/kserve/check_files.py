"""Starts the check of a model's files as the startup probe of the container that loads them."""

from importlib.resources import files
from typing import Any

_PATIENCE = 600
"""Seconds that hashing may take."""
_PROBE = """
import os
problem = check(*sys.argv[1:3], "")
try:
    with open("/dev/termination-log", "w") as log:
        log.write(problem)
except OSError:
    pass
sys.exit(problem or 0)
"""


def startup_probe(folder: str, digest: str) -> dict[str, Any]:
    """The probe. KServe runs no init container after its download, so the server's checks.

    Where the files are not those, the kubelet ends the container, and why is in its termination
    message.
    """
    script = files("cdml.adapters.targets.kubernetes").joinpath("check_model.py")
    source, _, _ = script.read_text(encoding="utf-8").partition('if __name__ == "__main__":')
    return {
        "exec": {"command": ["python3", "-c", source + _PROBE.lstrip(), folder, digest]},
        "periodSeconds": 5,
        "timeoutSeconds": _PATIENCE,
        "failureThreshold": 3,
    }
