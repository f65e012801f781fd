"""The words of the command line."""

from cdml.cli.boundary import run
from cdml.cli.commands import cli

__all__ = ["cli", "run"]
