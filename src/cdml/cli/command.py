"""Commands that take their options from `PARAMETERS`, and leave an error as evidence."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from cdml.cli.error_evidence import record_errors
from cdml.cli.parameters import Parameter, options_of
from cdml.errors import ConfigurationError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from cdml.evidence.failure import CommandName


Files = Callable[[], Iterable[tuple[str, str]]]


class TargetName(click.ParamType[str]):
    """The name of a deploy target; the existing ones are looked up only when this is needed."""

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


class Line(click.types.StringParamType):
    """A text that a variable may hold several of, one a line."""

    def split_envvar_value(self, rv: str) -> Sequence[str]:
        """The lines that are not empty."""
        return [line.strip() for line in rv.splitlines() if line.strip()]


def option(parameter: Parameter) -> click.Option:
    """A parameter as an option of the command line."""
    choices = f"[{'|'.join(parameter.choices)}]" if parameter.choices else None
    types: dict[str, type[str] | click.ParamType[Any]] = {
        "file": click.Path(path_type=Path, dir_okay=False),
        "folder": click.Path(path_type=Path, file_okay=False),
        "choice": click.Choice(parameter.choices),
        "target": TargetName(),
        "lines": Line(),
    }
    return click.Option(
        [f"--{parameter.name}"],
        type=None if parameter.kind == "flag" else types.get(parameter.kind, str),
        is_flag=parameter.kind == "flag",
        multiple=parameter.kind in {"list", "lines"},
        metavar="NUMBER" if parameter.kind == "number" else choices,
        default=parameter.default or None,
        show_default=bool(parameter.default),
        help=parameter.sentence.replace("`", ""),
    )


class Command(click.Command):
    """A command whose function gets `output_dir` below the folder of the configuration."""

    def __init__(
        self, name: str, *, records: bool = False, files: Files | None = None, **attributes: Any
    ) -> None:
        super().__init__(name, **attributes)
        self.records, self.files = records, files

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The files that it writes."""
        super().format_epilog(ctx, formatter)
        if self.files is not None:
            with formatter.section("Files in --output-dir"):
                formatter.write_dl(list(self.files()))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the options; where they cannot be used, no older evidence of the command stays."""
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            config = Path(self._written("--config", ctx, given))
            output = config.parent / self._written("--output-dir", ctx, given)
            if self.records and output.is_dir() and not ctx.resilient_parsing:
                name = cast("CommandName", self.name)
                with suppress(ConfigurationError), record_errors(name, config, output):
                    raise ConfigurationError(error.format_message()) from error
            raise

    def _written(self, option: str, ctx: click.Context, given: Sequence[str]) -> str:
        """The value of an option among arguments that cannot all be read."""
        for at, argument in enumerate(given):
            if argument == option and given[at + 1 :]:
                return given[at + 1]
            if argument.startswith(f"{option}="):
                return argument.removeprefix(f"{option}=")
        found = next((one for one in self.params if option in one.opts), None)
        return str((found and (found.value_from_envvar(ctx) or found.default)) or "")

    def invoke(self, ctx: click.Context) -> Any:
        """Run the function; where it fails, leave its error as evidence."""
        name, values = cast("CommandName", self.name), ctx.params
        if "output_dir" in values:
            values["output_dir"] = values["config"].parent / values["output_dir"]
        recorded = self.records and not values.get("dry_run")
        with (
            record_errors(name, values["config"], values["output_dir"])
            if recorded
            else nullcontext()
        ):
            return super().invoke(ctx)


def command(
    name: str,
    *,
    records: bool = False,
    files: Files | None = None,
    arguments: Iterable[str] = (),
) -> Callable[[Callable[..., int]], Command]:
    """Make a command of a function that gives its exit code and has an argument for each option.

    Args:
        name: of the command.
        records: whether it leaves evidence, and so its error, too.
        files: what it writes besides, each with its summary, for its help.
        arguments: that come without an option, in this order; in brackets if one may be left out.
    """
    return click.command(
        name,
        Command,
        records=records,
        files=files,
        params=[
            *(
                click.Argument([argument.strip("[]")], required=argument[0] != "[")
                for argument in arguments
            ),
            *(option(one) for one in options_of(name)),
        ],
    )
