# noqa: INP001 - a script, no package
"""Write what the code declares wherever users read it: python docs/generate.py [FILE…].

`tests/house/test_generated.py` fails where a file is out of date.
"""

import json
import re
import sys
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path

from schema_tables import field_tables, key_tables, table

from cdml.cli import cli
from cdml.cli.parameters import (
    ACTIONS,
    OUTPUTS,
    PARAMETERS,
    VARIABLES,
    Parameter,
    inputs_of,
    options_of,
)
from cdml.config.json_schema import describe_fields, json_schema
from cdml.errors import EXIT_CODES
from cdml.evidence import charts, failure, schema
from cdml.evidence.store import FILES

ROOT = Path(__file__).parent.parent
WIDTH = 100
PAGES = ("actions", "cli", "configuration", "evidence")
NOTE = "# Inputs and outputs are written by `make generate`, from src/cdml/cli/parameters.py."


def files(parameters: Iterable[Parameter] = PARAMETERS) -> dict[Path, str]:
    """Every file that holds something generated, as it has to be."""
    declared = tuple(parameters)
    written = {ROOT / "cdml.schema.json": json_schema()}
    for name in ACTIONS:
        path = ROOT / ("action.yml" if name == "root" else f"actions/{name}/action.yml")
        written[path] = action_file(name, path.read_text("utf-8"), declared)
    tables = {
        "inputs": input_table(declared),
        "outputs": output_table(),
        "commands": command_tables(declared),
        "exit-codes": table(("code", "meaning"), ((str(n), m) for n, m in EXIT_CODES.items())),
        "variables": variable_table(declared),
        "keys": key_tables(
            json.loads(json_schema()),
            (ROOT / "docs/configuration.yaml").read_text("utf-8"),
            {one.key: one.name for one in declared if one.key},
        ),
        "evidence": "",
    }
    describe_fields((charts, schema, failure))
    for kind, name in {**FILES, failure.Failure: "<command>.error.json"}.items():
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
    for path in (ROOT / f"docs/{page}.md" for page in PAGES):
        written[path] = fill_in(path.read_text("utf-8"), tables)
    return written


def fill_in(page: str, parts: dict[str, str]) -> str:
    """A page with the generated parts between their markers."""
    return re.sub(
        r"(<!-- generated: ([\w-]+) -->\n).*?(?=<!-- end -->)",
        lambda found: f"{found[1]}\n{parts[found[2]]}\n",
        page,
        flags=re.DOTALL,
    )


def action_file(action: str, text: str, parameters: Iterable[Parameter]) -> str:
    """An action.yml with its inputs and outputs, and with the options that its steps hand on."""
    inputs = inputs_of(action, parameters)
    text = re.sub(
        rf"(?:^{re.escape(NOTE)}\n)?^inputs:\n.*?(?=^runs:$)",
        lambda _: f"{NOTE}\n{_inputs(action, inputs)}\n{_outputs(action)}\n",
        text,
        flags=re.MULTILINE | re.DOTALL,
    )
    steps = re.split(r"(?=^    - id: )", text, flags=re.MULTILINE)
    for command in ACTIONS[action]:
        prefix = f"CDML_{command}_".upper().replace("-", "_")
        handed_on = "".join(
            f"        {prefix}{_variable(one.name)}: ${{{{ inputs.{one.name} }}}}\n"
            for one in inputs
            if command in one.commands
        )
        line = rf"        {prefix}\w+: \$\{{\{{ inputs\.[\w-]+ \}}\}}\n"
        steps = [
            re.sub(f"^(?:{line})+", lambda _, to=handed_on: to, step, flags=re.MULTILINE)
            if f'run.sh" {command}\n' in step
            else step
            for step in steps
        ]
    return "".join(steps)


def _inputs(action: str, inputs: Iterable[Parameter]) -> str:
    lines = ["inputs:"]
    for one in inputs:
        sentence = as_input(one.sentence)
        if one.kind == "flag":
            sentence = f"`true`: {sentence[0].lower()}{sentence[1:]}"
        lines += [f"  {one.name}:", *_scalar("description", sentence)]
        if set(one.required) & set(ACTIONS[action]):
            lines.append("    required: true")
        if one.default:
            lines += _scalar("default", one.default)
    return "\n".join(lines) + "\n"


def _outputs(action: str) -> str:
    lines = ["outputs:"]
    for one in OUTPUTS:
        if steps := _steps(action, one.steps):
            value = " || ".join(f"steps.{step}.outputs.{one.name}" for step in steps)
            lines += [f"  {one.name}:", *_scalar("description", one.help)]
            lines.append(f"    value: ${{{{ {value} }}}}")
    return "\n".join(lines) + "\n"


def _steps(action: str, steps: Iterable[str]) -> list[str]:
    """Which of these steps an action has."""
    inputs = {one.name for one in inputs_of(action)}
    others = ("isolation", "fallback") if "isolation" in inputs else ("fallback",)
    return [step for step in steps if step in (*ACTIONS[action], *others)]


def _scalar(key: str, text: str) -> list[str]:
    """A string of YAML on one line, or folded where it is longer."""
    plain = re.match(r"[A-Za-z.$]", text) and not re.search(r": | #|:$", text)
    line = f"    {key}: {text if plain else json.dumps(text, ensure_ascii=False)}"
    if len(line) <= WIDTH:
        return [line]
    folded = textwrap.wrap(text, WIDTH - 6, break_long_words=False, break_on_hyphens=False)
    return [f"    {key}: >-", *(f"      {part}" for part in folded)]


def as_input(text: str) -> str:
    """A sentence about options, as it is said of inputs."""
    return re.sub(r"`--([\w-]+)`", r"`\1`", text)


def input_table(parameters: Iterable[Parameter]) -> str:
    """The inputs of all actions."""
    return table(
        ("input", "of", "meaning", "default"),
        (
            (
                f"`{one.name}`",
                _actions(one.actions),
                f"{as_input(one.help)}.",
                as_input(_default(one, {name: ACTIONS[name] for name in one.actions})),
            )
            for one in parameters
            if one.actions
        ),
    )


def output_table() -> str:
    """The outputs of all actions."""
    return table(
        ("output", "of", "meaning"),
        (
            (f"`{one.name}`", _actions([a for a in ACTIONS if _steps(a, one.steps)]), one.help)
            for one in OUTPUTS
        ),
    )


def command_tables(parameters: Iterable[Parameter]) -> str:
    """Every command with its options."""
    declared = tuple(parameters)
    parts = []
    for name, command in cli.commands.items():
        rows = [
            (f"`--{one.name}`", f"{one.help}.{_key(one)}", _default(one, {name: [name]}))
            for one in options_of(name, declared)
        ]
        options = [table(("option", "meaning", "default"), rows)] if rows else []
        parts.append("\n".join([f"### cdml {name}\n", f"{command.help}\n", *options]))
    return "\n".join(parts)


def variable_table(parameters: Iterable[Parameter]) -> str:
    """The variables that are no options."""
    texts: dict[str, list[Parameter]] = {}
    for one in parameters:
        if one.variable:
            texts.setdefault(one.variable, []).append(one)
    rows = [(f"`{name}`", _meanings(ones), f"`{ones[0].name}`") for name, ones in texts.items()]
    rows += [(f"`{name}`", f"{text}.", "") for name, text in VARIABLES.items()]
    return table(("variable", "meaning", "input"), rows)


def _meanings(ones: list[Parameter]) -> str:
    if len(ones) == 1:
        return as_input(ones[0].sentence)
    return "<br>".join(f"{_actions(one.actions)}: {as_input(one.sentence)}" for one in ones)


def _actions(names: Iterable[str]) -> str:
    names = list(names)
    return "all" if set(names) == set(ACTIONS) else ", ".join(names)


def _default(one: Parameter, runs: Mapping[str, Iterable[str]]) -> str:
    """The default of a parameter, or who does not run without it.

    Args:
        one: the parameter.
        runs: those that have it, and the commands that each runs.
    """
    required = [name for name, commands in runs.items() if set(one.required) & set(commands)]
    if required:
        return "required" if len(required) == len(runs) else f"required by {', '.join(required)}"
    return f"`{one.default}`" if one.default else one.unset


def _key(one: Parameter) -> str:
    return f" In place of `{one.key}` of cdml.yaml." if one.key else ""


def _variable(name: str) -> str:
    return name.upper().replace("-", "_")


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
