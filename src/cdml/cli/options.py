"""Options that several commands share, and the folder paths are relative to."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

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


class TargetName(click.ParamType[str]):
    """The name of a deploy target; which there are is found out only when it is asked for."""

    name = "target"

    @property
    def choice(self) -> click.Choice[str]:
        """All of them, those of installed packages too."""
        from cdml.config.targets import target_types

        return click.Choice(tuple(target_types()))

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        """The names, for `--help`."""
        return self.choice.get_metavar(param, ctx)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name as it was written, if there is such a target."""
        return self.choice.convert(value, param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> "list[CompletionItem]":
        """The names that begin so."""
        return self.choice.shell_complete(ctx, param, incomplete)


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
