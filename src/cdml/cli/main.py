"""Every command: its options, and the one flow it runs. Nothing heavy is imported up here."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from cdml.cli.error_evidence import record_errors
from cdml.cli.options import TargetName, common, delivery, output_folder

CONTEXT = {
    "auto_envvar_prefix": "CDML",
    "help_option_names": ["-h", "--help"],
    "max_content_width": 100,
}


def _version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from cdml.ci.provenance import tool_version

        click.echo(f"cdml {tool_version()}")
        context.exit()


@click.group(context_settings=CONTEXT)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_version,
    help="Print the version.",
)
def cli() -> None:
    """Gate, report, deploy and roll back machine-learning models from CI.

    Exit codes: 0 passed or done, 1 rejected, 2 configuration, 3 held, 4 input, 5 a service
    failed, 6 deployment undone, 7 rollback failed, 9 locked, 70 a bug in cdml, 130 interrupted.
    Every option can be set as CDML_<COMMAND>_<OPTION>; an empty value is unset.
    """


@cli.command("validate-data")
@common
@click.option("--data", help="Evaluation rows other than the configured ones.")
@click.option("--reference", help="What the model was trained on.")
@click.option("--contract", help="An Open Data Contract Standard v3 file.")
@click.option("--model", help="URI or folder; its signature is checked for leaks.")
def validate_data(config: Path, output_dir: Path, **options: Any) -> int:
    """Check the evaluation data: contract, drift, leakage. Writes data.json."""
    from cdml.cli import runs

    output = output_folder(config, output_dir)
    with record_errors("validate-data", config, output):
        return runs.validate_data(config, output, **options)


@cli.command("evaluate-model")
@common
@click.option("--model", help="models:/name/3, models:/name@alias, runs:/…, or a folder.")
@click.option("--predictions", help="Parquet file, where the model was scored elsewhere.")
@click.option("--data", help="Evaluation rows other than the configured ones.")
def evaluate_model(config: Path, output_dir: Path, **options: Any) -> int:
    """Score the model and measure it. Writes evaluation.json and predictions.parquet."""
    from cdml.cli import runs

    output = output_folder(config, output_dir)
    with record_errors("evaluate-model", config, output):
        return runs.evaluate_model(config, output, **options)


@cli.command("compare-to-champion")
@common
@click.option("--challenger", help="URI, folder or predictions file.")
@click.option("--champion", help="URI, alias, predictions file, or none; default: the alias.")
def compare_to_champion(config: Path, output_dir: Path, **options: Any) -> int:
    """Compare two models on the same rows. Writes comparison.json."""
    from cdml.cli import runs

    output = output_folder(config, output_dir)
    with record_errors("compare-to-champion", config, output):
        return runs.compare_to_champion(config, output, **options)


@cli.command("gate")
@common
@click.option("--model", help="URI or folder of the challenger.")
@click.option("--predictions", help="Parquet file, where the model was scored elsewhere.")
@click.option("--data", help="Evaluation rows other than the configured ones.")
@click.option("--champion", help="URI, alias, predictions file, or none; default: the alias.")
@click.option("--register", help="Register a model that passes under this name.")
def gate(config: Path, output_dir: Path, **options: Any) -> int:
    """Validate, evaluate and compare in one; the verdict is the exit code."""
    from cdml.cli import runs

    output = output_folder(config, output_dir)
    with record_errors("gate", config, output):
        return runs.gate(config, output, **options)


@cli.command("report")
@common
@click.option("--evidence", help="Folder of the evidence; default: --output-dir.")
@click.option("--combine", help="Glob of evidence folders: one report of them all.")
@click.option("--artifact", help="Evidence that the run which triggered this one uploaded.")
@click.option(
    "--comment-mode",
    metavar="[always|changes|failures|off]",
    default="always",
    show_default=True,
    help="When to comment on the pull request.",
)
@click.option(
    "--comment-behaviour",
    metavar="[update|recreate|hide-and-recreate]",
    default="update",
    show_default=True,
    help="What becomes of an earlier run's comment.",
)
@click.option("--report-id", help="Whose comment this is; default: the model's name.")
@click.option("--pull-request", metavar="NUMBER", help="Default: from the event.")
@click.option("--begin", is_flag=True, help="Only say that the gate has begun.")
def report(config: Path, output_dir: Path, **options: Any) -> int:
    """Tell the verdict: pull-request comment, job summary, HTML page, outputs."""
    from cdml.cli import report as reports

    return reports.report(config, output_folder(config, output_dir), **options)


@cli.command("deploy")
@common
@click.option("--model", help="URI or version; default: registered from what this push merged.")
@click.option("--evidence", help="Folder; default: kept with the version in the registry.")
@delivery
@click.option("--dry-run", is_flag=True, help="Print the plan and write nothing.")
@click.option(
    "--override",
    multiple=True,
    help="Names of refusals to override, with commas or one by one; needs --reason.",
)
@click.option("--resume", is_flag=True, help="Go on with a canary that is parked.")
@click.option("--adopt", is_flag=True, help="After drift: the journal follows what serves.")
@click.option("--repair", is_flag=True, help="After drift: what serves follows the journal.")
def deploy(config: Path, output_dir: Path, **options: Any) -> int:
    """Ship exactly the model that was judged. Writes deployment.json and the journal."""
    from cdml.cli import deliveries

    output = output_folder(config, output_dir)
    with nullcontext() if options["dry_run"] else record_errors("deploy", config, output):
        return deliveries.deploy(config, output, **options)


@cli.command("rollback")
@common
@click.option("--to", help="Version; default: the last good one of the journal.")
@click.option(
    "--request-id",
    help="Calls with the same id are one rollback; default: the CI run, whatever its attempt.",
)
@delivery
def rollback(config: Path, output_dir: Path, **options: Any) -> int:
    """Take the serving model back. Writes deployment.json and the journal."""
    from cdml.cli import deliveries

    output = output_folder(config, output_dir)
    with record_errors("rollback", config, output):
        return deliveries.rollback(config, output, **options)


@cli.command("history")
@common
@click.option("--environment", help="Deployment environment; cdml.yaml's by default.")
@click.option(
    "--format",
    "style",
    envvar="CDML_HISTORY_FORMAT",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
)
@click.option(
    "--sign",
    is_flag=True,
    help="Sign the journal as it is with CDML_JOURNAL_KEY; once, where it has no valid signature.",
)
def history(config: Path, output_dir: Path, **options: Any) -> int:
    """Print who served when, from the journal."""
    from cdml.cli import runs

    return runs.history(config, output_folder(config, output_dir), **options)


@cli.command("init")
@click.option("--force", is_flag=True, help="Overwrite files that are there.")
@click.option("--data", help="Rows that are known to be good: a contract of them is proposed.")
@click.option(
    "--target",
    type=TargetName(),
    default="registry",
    show_default=True,
    help="Where the champion serves; haproxy: with a canary, and a workflow that goes on with it.",
)
def init(force: bool, data: str | None, target: str) -> int:
    """Write a commented cdml.yaml, ready workflows, and a contract of given data."""
    from cdml.cli import runs

    return runs.init(Path.cwd(), force=force, data=data, target=target)


@cli.command("isolation")
def isolation() -> int:
    """Print what isolates models on this machine: namespaces, sudo or none."""
    from cdml.cli import runs

    return runs.isolation(Path.cwd())


@cli.command("schema")
def schema() -> int:
    """Print the JSON Schema of cdml.yaml."""
    from cdml.config.json_schema import json_schema

    click.echo(json_schema(), nl=False)
    return 0
