"""`python -m cdml`, and the console script."""

import gc
import os
import sys

from cdml.cli import run


def main() -> None:
    """Run the command line and end the process with its exit code."""
    # Looking for them among all installed packages takes longer than reading cdml.yaml.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    code = run(sys.argv[1:])
    gc.freeze()  # the process ends: nobody needs to look for what could be given back
    sys.exit(code)


if __name__ == "__main__":
    main()
