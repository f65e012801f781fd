"""Options that several commands share, and the folder paths are relative to."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

_COMMON = (
    click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        default=Path("cdml.yaml"),
        show_default=True,
        help="The configuration; all paths are relative to its folder.",
    ),
    click.option(
        "--output-dir",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path(".cdml"),
        show_default=True,
        help="Folder of the evidence.",
    ),
)
_ENVIRONMENT = click.option("--environment", help="Deployment environment; cdml.yaml's by default.")
_REASON = click.option("--reason", help="Why; kept in the journal.")


def common(command: F) -> F:
    """Add `--config` and `--output-dir`."""
    for option in reversed(_COMMON):
        command = option(command)
    return command


def delivery(command: F) -> F:
    """Add `--environment` and `--reason`."""
    return _ENVIRONMENT(_REASON(command))


def output_folder(config: Path, output_dir: Path) -> Path:
    """The evidence folder, relative to the configuration's folder."""
    return config.parent / output_dir
