"""The actions: their inputs and outputs, and what stands of them in action.yml."""

import json
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cdml.cli.parameters import Parameter
from generate.tables import table

ACTIONS = {
    "root": ("gate", "report"),
    "train-model": ("train-model",),
    "validate-data": ("validate-data",),
    "evaluate-model": ("evaluate-model",),
    "compare-to-champion": ("compare-to-champion",),
    "report": ("report",),
    "deploy": ("deploy",),
    "rollback": ("rollback",),
    "monitor": ("monitor",),
}
"""The actions, and the commands that each runs, in order."""
SCORING = ("root", "evaluate-model", "compare-to-champion")
"""The actions that run a model."""
COMMANDS = ("gate", *(name for name in ACTIONS if name != "root"))
TOKEN = "${{ github.token }}"  # noqa: S105 - an expression of GitHub's, not a token
WIDTH = 100
NOTE = (
    "# Inputs and outputs are written by `make generate`, from src/cdml/cli/parameters.py and\n"
    "# generate/actions.py.\n"
)


@dataclass(frozen=True, slots=True)
class Input(Parameter):
    """An input that is no option; the steps hand it to cdml as `variable`, if cdml reads it."""

    variable: str = ""


INPUTS = (
    Input(
        "github-token",
        "Token to comment with (`pull-requests: write`); the step that runs the model never gets"
        " it",
        (),
        inputs_of=("root",),
        default=TOKEN,
        variable="CDML_GITHUB_TOKEN",
    ),
    Input(
        "github-token",
        "Token to comment with (`pull-requests: write`)",
        (),
        inputs_of=("report",),
        default=TOKEN,
        variable="CDML_GITHUB_TOKEN",
    ),
    Input(
        "github-token",
        "Token for the journal (`contents: write`), deployments (`deployments: write`), the merged"
        " pull request and its comment (`pull-requests: write`), whether a gate ran on it"
        " (`checks: read`) and whether a run that holds the lock is over (`actions: read`)",
        (),
        inputs_of=("deploy",),
        default=TOKEN,
        variable="CDML_GITHUB_TOKEN",
    ),
    Input(
        "github-token",
        "Token for the journal (`contents: write`), deployments (`deployments: write`) and whether"
        " a run that holds the lock is over (`actions: read`)",
        (),
        inputs_of=("rollback",),
        default=TOKEN,
        variable="CDML_GITHUB_TOKEN",
    ),
    Input(
        "github-token",
        "Token for the journal and the monitoring state (`contents: write`), the issue (`issues:"
        " write`), the retraining workflow (`actions: write`) and rollbacks (`deployments: write`)",
        (),
        inputs_of=("monitor",),
        default=TOKEN,
        variable="CDML_GITHUB_TOKEN",
    ),
    Input(
        "github-token",
        "Not used: this action needs no token, and a model never sees one. All actions have the"
        " same inputs",
        (),
        inputs_of=("train-model", "validate-data", "evaluate-model", "compare-to-champion"),
        default=TOKEN,
    ),
    Input(
        "env-allow",
        "Variables that the configuration may use as `${NAME}`, in addition to"
        " MLFLOW_TRACKING_URI; separated by commas",
        (),
        inputs_of=tuple(ACTIONS),
        variable="CDML_ENV_ALLOW",
    ),
    Input(
        "allow-hosts",
        "Hosts that the configuration may send credentials and values of variables to, in addition"
        " to that of MLFLOW_TRACKING_URI; separated by commas, each may have a port",
        (),
        inputs_of=tuple(ACTIONS),
        variable="CDML_ALLOW_HOSTS",
    ),
    Input(
        "storage",
        "Storage of the registry's files, if its server does not pass them on: `s3`, `gs` or"
        " `abfss`",
        (),
        inputs_of=tuple(ACTIONS),
    ),
    Input(
        "isolation",
        "`required`: run no model that cannot be isolated (exit code 2); `preferred`: run it"
        " anyway, and say so in the evidence and the report; `none`: isolate none, as"
        " `scoring.engine: spark` needs",
        (),
        inputs_of=SCORING,
        unset="`required` for pull requests from forks and from Dependabot and for merge groups,"
        " else `preferred`",
        variable="CDML_ISOLATION",
    ),
    Input(
        "isolation-sudo",
        "`true`: models may be isolated with the runner's password-less `sudo` if it allows no"
        " user namespaces; `false`: never",
        (),
        inputs_of=SCORING,
        unset="`true` on GitHub-hosted runners only",
        variable="CDML_ISOLATION_SUDO",
    ),
    Input(
        "build",
        "`allow` or `deny`: whether to build, in a sandbox, packages of a model that exist only as"
        " source",
        (),
        inputs_of=SCORING,
        default="deny",
        variable="CDML_BUILD",
    ),
    Input(
        "python",
        "Interpreter that already has cdml's packages; nothing is installed",
        (),
        inputs_of=tuple(ACTIONS),
    ),
)
"""In the order that users read them in, after the options."""


@dataclass(frozen=True, slots=True)
class Output:
    """What an action hands to later steps.

    Attributes:
        help: what it means.
        steps: the steps of an action that find it, the one that counts first.
    """

    name: str
    help: str
    steps: tuple[str, ...]


OUTPUTS = (
    Output(
        "isolation",
        "How this runner isolates models: `namespaces`, `sudo` or `none`.",
        ("isolation",),
    ),
    Output("verdict", "`pass`, `warn`, `inconclusive` or `fail`.", COMMANDS),
    Output("evidence", "Folder of the evidence.", (*COMMANDS, "fallback")),
    Output(
        "report",
        "Path of the report in Markdown, if there is one.",
        tuple(step for step in COMMANDS if step != "gate"),  # its file would be an older run's
    ),
    Output("comment-url", "Address of the comment on the pull request.", ("report",)),
    Output(
        "model",
        "Address or folder of the trained model, for `model` of the gate.",
        ("train-model",),
    ),
    Output("version", "Version in the registry.", ("gate", "train-model", "deploy", "rollback")),
    Output(
        "digest", "SHA-256 of the model's files.", ("gate", "train-model", "deploy", "rollback")
    ),
    Output("trained", "`false` if a version was trained with the same inputs.", ("train-model",)),
    Output("deployment-id", "Number of the deployment at the code host.", ("deploy", "rollback")),
    Output(
        "parked-until",
        "Until when a paused canary waits for `resume`; empty if the operation is over.",
        ("deploy",),
    ),
    Output("changed", "`false` if there was nothing to do.", ("deploy", "rollback")),
)


def actions_of(parameter: Parameter) -> list[str]:
    """The actions that have a parameter as an input."""
    if parameter.inputs_of is not None:
        return list(parameter.inputs_of)
    return [name for name, runs in ACTIONS.items() if set(runs) & set(parameter.commands)]


def inputs_of(action: str, parameters: Iterable[Parameter]) -> list[Parameter]:
    """The inputs of an action, in order."""
    return [one for one in parameters if action in actions_of(one)]


def action_file(action: str, text: str, parameters: Sequence[Parameter]) -> str:
    """An action.yml with its inputs and outputs, and with the options that its steps hand on."""
    inputs = inputs_of(action, parameters)
    text = re.sub(
        r"(?:^# .*\n)*^inputs:\n.*?(?=^runs:$)",
        lambda _: f"{NOTE}{_inputs(action, inputs)}\n{_outputs(action)}\n",
        text,
        flags=re.MULTILINE | re.DOTALL,
    )
    steps = re.split(r"(?=^    - id: )", text, flags=re.MULTILINE)
    for command in ACTIONS[action]:
        options = [one for one in parameters if command in one.commands]
        steps = [
            _handed_on(step, command, options, action) if f'run.sh" {command}\n' in step else step
            for step in steps
        ]
    return "".join(steps)


def _handed_on(step: str, command: str, options: Iterable[Parameter], action: str) -> str:
    """A step with every option of its command: what is no input is unset, whatever the job set."""
    prefix = f"CDML_{command}_".upper().replace("-", "_")
    generated = rf'        {prefix}\w+: (?:\$\{{\{{ inputs\.[\w-]+ \}}\}}|"")\n'
    by_hand = re.sub(generated, "", step)
    lines = ""
    for one in options:
        name = f"{prefix}{as_variable(one.name)}"
        if f"        {name}: " not in by_hand:
            value = f"${{{{ inputs.{one.name} }}}}" if action in actions_of(one) else '""'
            lines += f"        {name}: {value}\n"
    return re.sub(f"^(?:{generated})+", lambda _: lines, step, flags=re.MULTILINE)


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
    inputs = {one.name for one in inputs_of(action, INPUTS)}
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
                name_actions(actions_of(one)),
                f"{as_input(one.help)}.",
                as_input(default_of(one, {name: ACTIONS[name] for name in actions_of(one)})),
            )
            for one in parameters
            if actions_of(one)
        ),
    )


def output_table() -> str:
    """The outputs of all actions."""
    return table(
        ("output", "of", "meaning"),
        (
            (f"`{one.name}`", name_actions([a for a in ACTIONS if _steps(a, one.steps)]), one.help)
            for one in OUTPUTS
        ),
    )


def default_of(one: Parameter, runs: Mapping[str, Iterable[str]]) -> str:
    """The default of a parameter, or who does not run without it.

    Args:
        one: the parameter.
        runs: those that have it, and the commands that each runs.
    """
    required = [name for name, commands in runs.items() if set(one.required) & set(commands)]
    if required:
        return "required" if len(required) == len(runs) else f"required by {', '.join(required)}"
    return f"`{one.default}`" if one.default else one.unset


def name_actions(names: Iterable[str]) -> str:
    """These actions in a cell of a table."""
    names = list(names)
    return "all" if set(names) == set(ACTIONS) else ", ".join(names)


def as_variable(name: str) -> str:
    """A name as that of a variable."""
    return name.upper().replace("-", "_")
