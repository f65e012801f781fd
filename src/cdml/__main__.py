"""`python -m cdml`, and the console script."""

import os
import sys

from cdml.cli import run


def main() -> None:
    """Run the command line and end the process with its exit code."""
    # Looking for them among all installed packages takes longer than reading cdml.yaml.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
