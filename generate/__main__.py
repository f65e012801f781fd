"""Write what the code declares wherever users read it: python -m generate [FILE…].

`tests/house/test_generated.py` fails where a file is out of date.
"""

import json
import re
import sys
from collections.abc import Iterable
from inspect import cleandoc
from pathlib import Path

from cdml.cli import cli
from cdml.cli.command import Command
from cdml.cli.parameters import PARAMETERS, Parameter, options_of
from cdml.config.json_schema import describe_fields, json_schema
from cdml.errors import EXIT_CODES
from cdml.evidence import (
    cases,
    charts,
    criterion,
    failure,
    features,
    interval,
    judges,
    lineage,
    monitor,
    schema,
)
from cdml.evidence.store import FILES
from generate.actions import (
    ACTIONS,
    INPUTS,
    Input,
    action_file,
    as_input,
    default_of,
    input_table,
    name_actions,
    output_table,
)
from generate.errors import error_classes, exit_code_actions
from generate.jenkins import STEPS, step_file
from generate.metrics import metric_tables
from generate.tables import field_tables, key_tables, table
from generate.terminal import LINE, first_verdict, picture

ROOT = Path(__file__).parent.parent
PAGES = (
    "README.md",
    *(
        f"docs/{name}.md"
        for name in ("actions", "cli", "configuration", "errors", "evidence", "metrics")
    ),
)
VARIABLES = {
    "CDML_JOURNAL_KEY": "Key that the journal is signed with; never in the step that runs a model",
    "CDML_JOURNAL_KEY_PREVIOUS": "The key before it, which signatures may still be of",
    "CDML_CI": "The CI run, by name; by default the one whose machine this is, else the terminal",
    "CDML_CODE_HOST": "The code host, by name, or `none`; by default that of the CI run",
    "CDML_PLATFORM": "Both in one, until the next release; use the two above",
    "CDML_UNWALLED": "`true`: a model ran in this job without isolation, so that no token is used",
    "CDML_GITLAB_TOKEN": (
        "Access token of the GitLab project (scope `api`) for notes, deployments, the issue and"
        " the journal; the component's job that runs the model never uses it"
    ),
    "CDML_GITHUB_URL": (
        "In Jenkins, the address of a GitHub whose host name does not contain `github`"
    ),
    "CDML_GITLAB_URL": (
        "In Jenkins, the address of a GitLab that lies below a path, or whose host name does not"
        " contain `gitlab`"
    ),
    "CDML_JENKINS_USER": "With the next: whose API token looks up builds of Jenkins",
    "CDML_JENKINS_TOKEN": "API token of that user; the job that runs the model never uses it",
    "CDML_HELD": (
        "In GitLab CI, `warn` if a held verdict lets the pipeline go on; the commit's status then"
        " does not fail"
    ),
    "CDML_DOTENV": (
        "Everywhere but in GitHub Actions, the file of variables that outputs are added to:"
        " `CDML_VERDICT=pass`"
    ),
    "CDML_WORKFLOW": (
        "On GitLab, `retrain.workflow` for the pipeline that trains; `CDML_WORKFLOW_REASON` has"
        " the reason"
    ),
    "CDML_SEED": "`training.seed`, for your training command",
    "CDML_TRAINING_PATH": "`PATH` of your training command; the action sets it to the job's",
    "CDML_TRAINING_LD_LIBRARY_PATH": "The same for `LD_LIBRARY_PATH`",
    "MLFLOW_TRACKING_URI": "The registry; the configuration may always use it as `${…}`",
    "NO_COLOR": "Print without colours",
    "PROMETHEUS_TOKEN": "Token for Prometheus, where the traffic of a canary is read",
}
"""What is set by a variable alone, as the other variables of a run that are not options."""


def files(parameters: Iterable[Parameter] = PARAMETERS) -> dict[Path, str]:
    """Every file that holds something generated, as it has to be."""
    declared = (*parameters, *INPUTS)
    written = {ROOT / "cdml.schema.json": json_schema()}
    for name in ACTIONS:
        path = ROOT / ("action.yml" if name == "root" else f"actions/{name}/action.yml")
        written[path] = action_file(name, path.read_text("utf-8"), declared)
    for step in STEPS:
        path = ROOT / f"jenkins/vars/{step}.groovy"
        written[path] = step_file(step, path.read_text("utf-8"), declared)
    tables = {
        "inputs": input_table(declared),
        "outputs": output_table(),
        "commands": command_tables(declared),
        "exit-codes": table(("code", "meaning"), ((str(n), m) for n, m in EXIT_CODES.items())),
        "variables": variable_table(),
        "keys": key_tables(
            json.loads(json_schema()),
            (ROOT / "generate/configuration.yaml").read_text("utf-8"),
            {one.key: one.name for one in declared if one.key},
        ),
        "exit-code-actions": exit_code_actions(),
        "error-classes": error_classes(),
        "metrics": metric_tables(),
        "evidence": "",
    }
    printed = first_verdict(ROOT / "examples/llm")
    tables["compare"] = f"```text\n$ {LINE}\n{printed}```\n"
    written[ROOT / "docs/compare.svg"] = picture(LINE, printed)
    evidence = (cases, charts, criterion, features, interval, judges, schema, failure, monitor)
    describe_fields((*evidence, lineage))
    formats = dict(FILES)
    formats[lineage.Lineage] = lineage.FILE
    formats[failure.Failure] = "<command>.error.json"
    for kind, name in formats.items():
        described = kind.model_json_schema(by_alias=True)
        format_ = described["properties"]["schema"]["const"]
        path = ROOT / f"docs/schemas/{format_.replace('/', '-')}.json"
        described = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            **described,
            "title": format_,
        }
        written[path] = json.dumps(described, indent=1, ensure_ascii=False) + "\n"
        link = f"Format `{format_}`: [JSON Schema](schemas/{path.name})."
        tables["evidence"] += f"## `{name}`\n\n{link}\n\n{field_tables(described)}\n"
    for path in (ROOT / page for page in PAGES):
        written[path] = fill_in(path.read_text("utf-8"), tables)
    return written


def fill_in(page: str, parts: dict[str, str]) -> str:
    """A page with the generated parts between their markers."""
    return re.sub(
        r"(<!-- generated: ([\w-]+) -->\n).*?(?=<!-- end -->)",
        lambda match: f"{match[1]}\n{parts[match[2]]}\n",
        page,
        flags=re.DOTALL,
    )


def command_tables(parameters: Iterable[Parameter]) -> str:
    """Every command with its options."""
    declared = tuple(parameters)
    parts = []
    for name, command in cli.commands.items():
        rows = [
            (f"`--{one.name}`", f"{one.help}.{_key(one)}", default_of(one, {name: [name]}))
            for one in options_of(name, declared)
        ]
        options = [table(("option", "meaning", "default"), rows)] if rows else []
        if isinstance(command, Command) and command.files:
            written = ((f"`{file}`", meaning) for file, meaning in command.files())
            options.append(table(("file in `--output-dir`", "meaning"), written))
        meaning = cleandoc(command.help or "")
        parts.append("\n".join([f"### cdml {name}\n", f"{meaning}\n", *options]))
    return "\n".join(parts)


def variable_table() -> str:
    """The variables that are no options."""
    texts: dict[str, list[Input]] = {}
    for one in INPUTS:
        if one.variable:
            texts.setdefault(one.variable, []).append(one)
    rows = [(f"`{name}`", _meanings(ones), f"`{ones[0].name}`") for name, ones in texts.items()]
    rows += [(f"`{name}`", f"{text}.", "") for name, text in VARIABLES.items()]
    return table(("variable", "meaning", "input"), rows)


def _meanings(ones: list[Input]) -> str:
    if len(ones) == 1:
        return as_input(ones[0].sentence)
    return "<br>".join(
        f"{name_actions(one.inputs_of or ())}: {as_input(one.sentence)}" for one in ones
    )


def _key(one: Parameter) -> str:
    return f" In place of `{one.key}` of cdml.yaml." if one.key else ""


def main() -> int:
    """Write every file that is out of date, or of these only those that are named."""
    for path, text in files().items():
        name = path.relative_to(ROOT).as_posix()
        if name in (sys.argv[1:] or [name]) and not (
            path.is_file() and path.read_text("utf-8") == text
        ):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, "utf-8")
            print(f"wrote {name}")  # noqa: T201 - a script prints
    return 0


if __name__ == "__main__":
    sys.exit(main())
