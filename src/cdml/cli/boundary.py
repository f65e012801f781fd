"""The one place where errors become exit codes."""

import os
import traceback

import click

from cdml.cli.commands import cli
from cdml.errors import BUG, INTERRUPTED, CdmlError

USAGE = 2


def run(arguments: list[str]) -> int:
    """Run one command; every way it can end is an exit code (see `cdml.errors`)."""
    try:
        outcome = cli.main(arguments, prog_name="cdml", standalone_mode=False)
    except CdmlError as error:
        tell(error)
        return error.exit_code
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return USAGE
    except (KeyboardInterrupt, click.Abort):
        click.echo("cdml: interrupted.", err=True)
        return INTERRUPTED
    except Exception:  # noqa: BLE001 - the boundary: whatever else is raised is a bug in cdml
        click.echo(traceback.format_exc(), err=True)
        click.echo("cdml: this is a bug in cdml; please report it with the lines above.", err=True)
        return BUG
    return outcome if isinstance(outcome, int) else 0


def tell(error: CdmlError) -> None:
    """Say what happened and what to do next; under GitHub also as an annotation."""
    lines = [error.message, *([error.hint] if error.hint else [])]
    click.echo("cdml: " + "\n      ".join("\n".join(lines).splitlines()), err=True)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        text = " ".join(lines).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        click.echo(f"::error title=cdml::{text}")
