"""The command line."""

from cdml.cli.exit_codes import run
from cdml.cli.main import cli

__all__ = ["cli", "run"]
