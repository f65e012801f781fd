"""The command line. Nothing heavy is imported up here, nor by the modules of the commands."""

import click

from cdml.cli import deliveries, project, stages
from cdml.cli.compare import compare
from cdml.cli.monitor import monitor
from cdml.cli.report import report
from cdml.errors import EXIT_CODES

CONTEXT = {
    "auto_envvar_prefix": "CDML",
    "help_option_names": ["-h", "--help"],
    "max_content_width": 100,
}
_HELP = """Gate, report, deploy and roll back machine-learning models from CI.

Every option can be set as CDML_<COMMAND>_<OPTION>; an empty value is unset.
"""


def _version(context: click.Context, _: click.Parameter, given: bool) -> None:
    if given and not context.resilient_parsing:
        from cdml.ci.provenance import tool_version

        click.echo(f"cdml {tool_version()}")
        context.exit()


cli = click.Group(
    commands=[
        compare,
        stages.train_model,
        stages.validate_data,
        stages.evaluate_model,
        stages.compare_to_champion,
        stages.gate,
        report,
        deliveries.deploy,
        deliveries.rollback,
        deliveries.history,
        monitor,
        project.init,
        project.isolation,
        project.schema,
    ],
    context_settings=CONTEXT,
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=_version,
            help="Print the version.",
        )
    ],
    help=_HELP,
    epilog="\b\nExit codes:\n"
    + "\n".join(f"  {code:<5} {meaning}" for code, meaning in EXIT_CODES.items()),
)
