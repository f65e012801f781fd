"""`python -m cdml`, and the console script."""

import gc
import os
import sys

from cdml.cli import run

_OBJECTS = 100_000
"""Made between two looks for garbage: imports make many, and next to no garbage."""


def main() -> None:
    """Run the command line and end the process with its exit code."""
    gc.set_threshold(_OBJECTS)
    # Looking for them among all installed packages takes longer than reading cdml.yaml.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    code = run(sys.argv[1:])
    gc.freeze()  # the process ends: nobody needs to look for what could be given back
    sys.exit(code)


if __name__ == "__main__":
    main()
