"""KServe's own source, as a Go module that is pinned by its hash."""

import json
import os
import shutil
import subprocess
from pathlib import Path

PINNED = Path(__file__).parents[1] / "cluster/kserve/go.sum"
_GO = shutil.which("go", path=f"{os.environ['PATH']}:/usr/local/go/bin")


def fetch(folder):
    """The folder of the module; Go downloads it where its cache does not have it.

    Args:
        folder: an empty one, to run Go in.
    """
    name, version, pinned = PINNED.read_text().splitlines()[0].split()
    done = subprocess.run(
        [_GO, "mod", "download", "-json", f"{name}@{version}"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stderr + done.stdout
    module = json.loads(done.stdout)
    assert pinned == module["Sum"]
    return Path(module["Dir"])
