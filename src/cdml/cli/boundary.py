"""The one place where errors become exit codes."""

import os
import traceback

import click

from cdml.cli.commands import cli
from cdml.errors import BUG, INTERRUPTED, CdmlError, InputError
from cdml.report.escape import terminal

USAGE = 2
LONGEST_LINE = 4000
"""Characters of a line that are shown."""


def run(arguments: list[str]) -> int:
    """Run one command; every way it can end is an exit code (see `cdml.errors`)."""
    try:
        outcome = _invoked(arguments)
    except CdmlError as error:
        tell(error)
        return error.exit_code
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        if isinstance(error, click.UsageError) and error.ctx:
            click.echo(error.ctx.get_usage(), err=True)
        click.echo(f"cdml: {harmless(error.format_message())}", err=True)
        return USAGE
    except (KeyboardInterrupt, click.Abort):
        click.echo("cdml: interrupted.", err=True)
        return INTERRUPTED
    except Exception:  # noqa: BLE001 - the boundary: whatever else is raised is a bug in cdml
        click.echo(harmless(traceback.format_exc()), err=True)
        click.echo("cdml: this is a bug in cdml; please report it with the lines above.", err=True)
        return BUG
    return outcome if isinstance(outcome, int) else 0


def _invoked(arguments: list[str]) -> object:
    try:
        return cli.main(arguments, prog_name="cdml", standalone_mode=False)
    except RecursionError as error:
        hint = "Look for brackets within brackets in cdml.yaml, the contract, MLmodel, the journal."
        raise InputError("A file nests deeper than can be read.", hint) from error


def tell(error: CdmlError) -> None:
    """Say what happened and what to do next; under GitHub also as an annotation."""
    lines = [harmless(text) for text in (error.message, error.hint) if text]
    click.echo("cdml: " + "\n      ".join("\n".join(lines).splitlines()), err=True)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        text = " ".join(lines).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        click.echo(f"::error title=cdml::{text}")


def harmless(text: str) -> str:
    """Lines that no terminal and no runner takes for more than text; they keep their indent."""
    lines = text.splitlines()
    indents = [line[: len(line) - len(line.lstrip(" "))] for line in lines]
    shown = (terminal(line, LONGEST_LINE) for line in lines)
    return "\n".join(map("".join, zip(indents, shown, strict=True)))
