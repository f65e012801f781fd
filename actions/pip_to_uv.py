# noqa: INP001 - a script, no package
"""Become uv, with the package index, proxy and certificates that pip is configured with.

    python pip_to_uv.py UV ARGUMENT…

uv does not read pip's configuration; on a runner that reaches packages only through a mirror,
pip's configuration is where that is said. Runs before anything is installed: the module it
takes from cdml needs nothing but Python.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from cdml.adapters.scoring.package_index import uv_environment

os.execve(sys.argv[1], sys.argv[1:], uv_environment(os.environ))  # noqa: S606 - no shell is wanted
