"""The one place where errors become exit codes."""

import os
import traceback
from contextlib import suppress
from pathlib import Path

import click

from cdml.cli.error_evidence import too_deep
from cdml.cli.main import cli
from cdml.common.addresses import remembered_addresses
from cdml.common.markdown import terminal
from cdml.common.redaction import redact
from cdml.errors import BUG, INTERRUPTED, CdmlError, ConfigurationError

USAGE = 2
LONGEST_LINE = 4000
"""Characters of a line that are shown."""
OPTIONAL = (
    "duckdb", "jsonschema", "matplotlib", "mlflow", "numpy", "open_data_contract_standard",
    "packaging", "pandas", "pyarrow", "scipy", "sklearn", "sqlglot", "uv",
)  # fmt: skip
"""Modules of the extra `ml`, which an installation may lack."""


@remembered_addresses()
def run(arguments: list[str]) -> int:
    """Run one command; every way it can end is an exit code (see `cdml.errors`)."""
    try:
        outcome = _invoked(arguments)
    except CdmlError as error:
        print_error(error)
        return error.exit_code
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        if isinstance(error, click.UsageError) and error.ctx:
            click.echo(error.ctx.get_usage(), err=True)
        click.echo(f"cdml: {neutral_lines(error.format_message())}", err=True)
        return USAGE
    except (KeyboardInterrupt, click.Abort):
        click.echo("cdml: interrupted.", err=True)
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the boundary: whatever else is raised is a bug
        lacking = _lacking(error)
        if lacking is None:
            click.echo(neutral_lines(redact(traceback.format_exc(), os.environ)), err=True)
            bug = "cdml: this is a bug in cdml; please report it with the lines above."
            click.echo(bug, err=True)
            return BUG
        print_error(lacking)
        outcome = lacking.exit_code
    return outcome if isinstance(outcome, int) else 0


def _lacking(error: Exception) -> CdmlError | None:
    """What to install, where a library of an extra is missing; None for any other error."""
    name = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    if name not in OPTIONAL:
        return None
    return ConfigurationError(
        f"this command needs the Python package {name}, which is not installed.",
        'Install "cdml[ml]", or "cdml[compare]" for `cdml compare` alone.',
    )


def _invoked(arguments: list[str]) -> object:
    try:
        return cli.main(arguments, prog_name="cdml", standalone_mode=False)
    except RecursionError as error:
        raise too_deep() from error


def print_error(error: CdmlError) -> None:
    """Say what happened and what to do next; in CI also as an annotation."""
    from cdml.ci.run import Annotation
    from cdml.wiring import find_ci_run

    lines = [neutral_lines(text) for text in (error.message, error.hint) if text]
    click.echo("cdml: " + "\n      ".join("\n".join(lines).splitlines()), err=True)
    file, line = error.at or (None, None)
    annotation = Annotation(
        level="error", title="cdml", message=" ".join(lines), file=file, line=line
    )
    with suppress(CdmlError):  # the message already says that the CI system is unknown
        find_ci_run(os.environ, Path.cwd()).annotate([annotation])


def neutral_lines(text: str) -> str:
    """Lines that no terminal and no runner takes for more than text; they keep their indent."""
    lines = text.splitlines()
    indents = [line[: len(line) - len(line.lstrip(" "))] for line in lines]
    neutral = (terminal(line, LONGEST_LINE) for line in lines)
    return "\n".join(map("".join, zip(indents, neutral, strict=True)))
