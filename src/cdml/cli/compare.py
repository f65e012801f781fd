"""Two files of results, without a configuration."""

import math
from collections.abc import Sequence
from pathlib import Path

import click

from cdml.cli.command import command
from cdml.errors import ConfigurationError


@command("compare", arguments=("old", "[new]"))
def compare(
    old: str,
    new: str | None,
    key: Sequence[str],
    trial: str | None,
    by: Sequence[str],
    label: str | None,
    metric: Sequence[str],
    max_regression: str | None,
    reader: str | None,
    select: Sequence[str],
    format: str,  # noqa: A002 - the option's name
    plan: bool,
    cost_per_trial: str | None,
    cost_per_label: str | None,
    corrected_by: str | None,
    write: Path | None,
    force: bool,
) -> int:
    """Compare two files of results, case by case.

    It needs no configuration, model or registry. It reads Parquet, CSV, JSON, JSON lines, and what
    promptfoo, DeepEval, Inspect AI, lm-evaluation-harness, MLflow and ragas write.
    """
    import tempfile

    from cdml.common.scratch_folders import prefix
    from cdml.config.schema import PolicySettings, read_margin
    from cdml.evaluation.compare_results import ComparedFiles, compare_results
    from cdml.evaluation.plan_results import Costs, plan_results
    from cdml.evidence.store import write_atomically
    from cdml.report.formats import plans
    from cdml.report.formats import results as formats
    from cdml.results.roles import Choice
    from cdml.results.selection import Side, read_selection
    from cdml.scaffold.gate_of_results import describe_gate, refuse_existing
    from cdml.wiring import make_samples, read_results, recognise_results

    try:
        margin = read_margin(_number(max_regression)) if max_regression else None
    except ValueError as error:
        raise ConfigurationError(f"--max-regression: {error}.") from error
    if new is None and not plan:
        raise ConfigurationError("NEW is missing.", "Name two files: cdml compare OLD NEW.")
    if plan and (margin is None or write is not None):
        raise ConfigurationError(
            "--plan needs --max-regression, and writes nothing.", "Such as --max-regression 2%."
        )
    if write is not None:
        refuse_existing(write, force=force)
    selection = read_selection(reader, select)
    with tempfile.TemporaryDirectory(prefix=prefix("cdml-compare")) as folder:
        into = Path(folder)
        sides = ((old, Side.OLD), *([(new, Side.NEW)] if new else []))
        tables = [
            read_results(Path(path), into, reader, selection.conditions(side))
            for path, side in sides
        ]
        roles = recognise_results(
            tables[0],
            tables[-1],
            Choice(key=tuple(key), trial=trial, by=tuple(by), label=label, metric=tuple(metric)),
        )
        files = ComparedFiles(old=tables[0], new=tables[-1], names=(old, new or old), roles=roles)
        if plan and margin is not None:
            found = plan_results(
                files,
                make_samples(),
                into=into,
                policy=PolicySettings(),
                margin=margin,
                costs=Costs(
                    trial=_cost(cost_per_trial, "--cost-per-trial"),
                    label=_cost(cost_per_label, "--cost-per-label") or 0.0,
                ),
                human=corrected_by,
            )
            as_text = {"text": plans.text, "markdown": plans.markdown, "json": plans.document}
            click.echo(as_text[format](found), nl=False)
            return 0
        comparison = compare_results(
            files,
            make_samples(),
            into=into,
            policy=PolicySettings(),
            margin=margin,
            judged=tuple(metric),
        )
    shown = {"text": formats.text, "markdown": formats.markdown, "json": formats.document}
    click.echo(shown[format](comparison), nl=False)
    if write is not None:
        text = describe_gate(
            files, comparison, at=write, margin=margin, judged=metric, selection=selection
        )
        write_atomically(write, text.encode())
        click.echo(f"wrote {write}", err=True)
    return comparison.verdict.exit_code if comparison.verdict is not None else 0


def _cost(written: str | None, option: str) -> float | None:
    if written is None:
        return None
    cost = _number(written)
    if not isinstance(cost, float) or not 0 <= cost < math.inf:
        raise ConfigurationError(
            f"{option}: {written!r} is not a price.", "Write a number, such as 0.02."
        )
    return cost


def _number(written: str) -> float | str:
    try:
        return float(written)
    except ValueError:
        return written
