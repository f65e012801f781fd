"""Every parameter of a run, declared once: `make generate` writes it wherever users look for it.

The commands take their options from here (`cli/command.py`), action.yml and actions/*/action.yml
their inputs and outputs, docs/cli.md and docs/actions.md the rows of their tables. Beside its entry
an option needs only an argument of the function that runs the command.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

ACTIONS = {
    "root": ("gate", "report"),
    "validate-data": ("validate-data",),
    "evaluate-model": ("evaluate-model",),
    "compare-to-champion": ("compare-to-champion",),
    "report": ("report",),
    "deploy": ("deploy",),
    "rollback": ("rollback",),
}
"""The actions, and the commands that each runs, in order."""

_SCORE = ("gate", "evaluate-model", "compare-to-champion")
_EVERY = ("validate-data", *_SCORE, "report", "deploy", "rollback")
_REPORT_ACTION = ("report",)
"""Of the report alone: the root action's reports on what its gate has just left."""
_SCORE_ACTIONS = ("root", "evaluate-model", "compare-to-champion")


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a user may set: an option of commands, an input of actions, or both.

    Attributes:
        help: what it means, without the full stop; other parameters stand in it as `--name`.
        commands: whose option it is; empty for what only an action takes.
        kind: `flag` takes no value on the command line, `list` any number of them; `choice` is
            one of the choices, `target` the name of a deploy target.
        choices: the values there are; but for a `choice` the command itself refuses others.
        unset: what holds without a value and without a default, as it follows "by default".
        key: the key of cdml.yaml that it stands in for.
        required: the commands that do not run without it.
        inputs_of: whose input it is; None for the actions that run one of the commands.
        variable: where an action hands it to cdml, if it is no option.
    """

    name: str
    help: str
    commands: tuple[str, ...] = ()
    kind: Literal["text", "number", "flag", "list", "file", "folder", "choice", "target"] = "text"
    default: str = ""
    choices: tuple[str, ...] = ()
    unset: str = ""
    key: str = ""
    required: tuple[str, ...] = ()
    inputs_of: tuple[str, ...] | None = None
    variable: str = ""

    @property
    def actions(self) -> tuple[str, ...]:
        """The actions that have it as an input."""
        if self.inputs_of is not None:
            return self.inputs_of
        return tuple(name for name, runs in ACTIONS.items() if set(runs) & set(self.commands))

    @property
    def sentence(self) -> str:
        """What it means and what holds without it."""
        if not self.unset:
            return f"{self.help}."
        return f"{self.help}{'. By' if ';' in self.help else '; by'} default {self.unset}."


PARAMETERS = (
    Parameter(
        "config",
        "The configuration; all paths in it are relative to its folder",
        (*_EVERY, "history"),
        kind="file",
        default="cdml.yaml",
    ),
    Parameter(
        "output-dir",
        "Folder of the evidence, relative to the configuration's folder",
        (*_EVERY, "history"),
        kind="folder",
        default=".cdml",
    ),
    Parameter(
        "model",
        "URI (`models:/name/3`, `models:/name@alias`, `runs:/…`) or folder of the model",
        ("gate", "evaluate-model"),
        required=("gate",),
    ),
    Parameter(
        "predictions",
        "Parquet file, where the model was scored elsewhere",
        ("gate", "evaluate-model"),
    ),
    Parameter(
        "data",
        "Evaluation rows other than the configured ones",
        ("validate-data", "gate", "evaluate-model"),
        key="data.evaluation",
    ),
    Parameter(
        "reference", "What the model was trained on", ("validate-data",), key="data.reference"
    ),
    Parameter(
        "contract",
        "An Open Data Contract Standard v3 file",
        ("validate-data",),
        key="data.contract",
    ),
    Parameter(
        "model",
        "URI or folder of the model; its signature is checked for leaks",
        ("validate-data",),
    ),
    Parameter(
        "challenger",
        "URI, folder or predictions file of the new model",
        ("compare-to-champion",),
        required=("compare-to-champion",),
    ),
    Parameter(
        "champion",
        "URI, alias, predictions file, or `none`",
        ("gate", "compare-to-champion"),
        unset="the registry's alias",
        key="registry.champion",
    ),
    Parameter("register", "Register a model that passes under this name", ("gate",)),
    Parameter(
        "evidence",
        "Folder of the evidence",
        ("report",),
        unset="`--output-dir`",
        inputs_of=_REPORT_ACTION,
    ),
    Parameter(
        "artifact",
        "Name of the artifact in which the run that triggered this one (`on: workflow_run`)"
        " uploaded its evidence; it is read in memory, and its author is not trusted",
        ("report",),
        inputs_of=_REPORT_ACTION,
    ),
    Parameter(
        "combine",
        "Glob of evidence folders, relative to the configuration's; one report of them all, for a"
        " matrix or a monorepo. Needs no `cdml.yaml` at the root",
        ("report",),
        inputs_of=_REPORT_ACTION,
    ),
    Parameter(
        "comment-mode",
        "When to comment on the pull request: `always`, `changes`, `failures` or `off`",
        ("report",),
        default="always",
        choices=("always", "changes", "failures", "off"),
    ),
    Parameter(
        "comment-behaviour",
        "What becomes of an earlier run's comment: `update` it, `recreate` (delete it and post"
        " anew, which sends a notification), or `hide-and-recreate`",
        ("report",),
        default="update",
        choices=("update", "recreate", "hide-and-recreate"),
    ),
    Parameter("report-id", "Whose comment this is", ("report",), unset="the model's name"),
    Parameter(
        "pull-request",
        "Number of the pull request",
        ("report",),
        kind="number",
        unset="from the event",
    ),
    Parameter(
        "begin",
        "Only say that the gate has begun; the report at its end takes its place",
        ("report",),
        kind="flag",
        inputs_of=_REPORT_ACTION,
    ),
    Parameter(
        "model",
        "URI or version of the model",
        ("deploy",),
        unset="the version registered from the pull requests that this push merged, the last one"
        " that passed",
    ),
    Parameter(
        "evidence",
        "Folder of the evidence",
        ("deploy",),
        unset="what is kept with the version in the registry",
    ),
    Parameter(
        "to",
        "Version to go back to",
        ("rollback",),
        unset="the last good one of the journal",
    ),
    Parameter(
        "environment",
        "Deployment environment; any other than that of the configuration has the alias"
        " `<champion>-<environment>`",
        ("deploy", "rollback", "history"),
        unset="that of the configuration",
        key="deploy.environment",
    ),
    Parameter("dry-run", "Print the plan and write nothing", ("deploy",), kind="flag"),
    Parameter(
        "override",
        "Names of refusals to override, with commas; needs `--reason`",
        ("deploy",),
        kind="list",
    ),
    Parameter(
        "resume",
        "Go on with a canary that is parked, such as from a scheduled workflow",
        ("deploy",),
        kind="flag",
    ),
    Parameter(
        "adopt",
        "After drift, let the journal follow what serves; needs `--reason`",
        ("deploy",),
        kind="flag",
    ),
    Parameter(
        "repair",
        "After drift, make what serves follow the journal; needs `--reason`",
        ("deploy",),
        kind="flag",
    ),
    Parameter("reason", "Why; kept in the journal", ("deploy", "rollback")),
    Parameter(
        "request-id",
        "Calls with the same id are one rollback",
        ("rollback",),
        unset="the workflow run, whatever its attempt",
    ),
    Parameter(
        "format",
        "How the journal is printed",
        ("history",),
        kind="choice",
        default="table",
        choices=("table", "json"),
    ),
    Parameter(
        "sign",
        "Sign the journal as it is with `CDML_JOURNAL_KEY`; once, where it has no valid signature",
        ("history",),
        kind="flag",
    ),
    Parameter("force", "Overwrite files that are there", ("init",), kind="flag"),
    Parameter("data", "Rows that are known to be good: a contract of them is proposed", ("init",)),
    Parameter(
        "target",
        "Where the champion serves; `haproxy`: with a canary, and a workflow that goes on with it",
        ("init",),
        kind="target",
        default="registry",
    ),
    Parameter(
        "github-token",
        "Token to comment with (`pull-requests: write`); the step that runs the model never gets"
        " it",
        inputs_of=("root",),
        default="${{ github.token }}",
        variable="CDML_GITHUB_TOKEN",
    ),
    Parameter(
        "github-token",
        "Token to comment with (`pull-requests: write`)",
        inputs_of=("report",),
        default="${{ github.token }}",
        variable="CDML_GITHUB_TOKEN",
    ),
    Parameter(
        "github-token",
        "Token for the journal (`contents: write`), deployments (`deployments: write`), the merged"
        " pull request (`pull-requests: read`), whether a gate ran on it (`checks: read`) and"
        " whether a run that holds the lock is over (`actions: read`)",
        inputs_of=("deploy",),
        default="${{ github.token }}",
        variable="CDML_GITHUB_TOKEN",
    ),
    Parameter(
        "github-token",
        "Token for the journal (`contents: write`), deployments (`deployments: write`) and whether"
        " a run that holds the lock is over (`actions: read`)",
        inputs_of=("rollback",),
        default="${{ github.token }}",
        variable="CDML_GITHUB_TOKEN",
    ),
    Parameter(
        "github-token",
        "Taken so that all actions have the same inputs, and handed to nobody: this action needs"
        " no token, and a model never sees one",
        inputs_of=("validate-data", "evaluate-model", "compare-to-champion"),
        default="${{ github.token }}",
    ),
    Parameter(
        "env-allow",
        "Variables that the configuration may use as `${NAME}`, beside MLFLOW_TRACKING_URI, with"
        " commas",
        inputs_of=tuple(ACTIONS),
        variable="CDML_ENV_ALLOW",
    ),
    Parameter(
        "allow-hosts",
        "Hosts, beside that of MLFLOW_TRACKING_URI, that the configuration may send credentials and"
        " values of variables to, with commas; each may have a port",
        inputs_of=tuple(ACTIONS),
        variable="CDML_ALLOW_HOSTS",
    ),
    Parameter(
        "storage",
        "Where the registry's files lie, if its server does not pass them on: `s3`, `gs` or"
        " `abfss`",
        inputs_of=tuple(ACTIONS),
    ),
    Parameter(
        "isolation",
        "`required`: where a model cannot be isolated, none is run (exit code 2); `preferred`: it"
        " runs all the same, and the evidence and the report say so",
        inputs_of=_SCORE_ACTIONS,
        unset="`required` for pull requests from forks and from Dependabot and for merge groups,"
        " else `preferred`",
        variable="CDML_ISOLATION",
    ),
    Parameter(
        "isolation-sudo",
        "`true`: models may be isolated with the runner's password-less `sudo`, where it allows no"
        " user namespaces; `false`: never",
        inputs_of=_SCORE_ACTIONS,
        unset="`true` on GitHub-hosted runners only",
        variable="CDML_ISOLATION_SUDO",
    ),
    Parameter(
        "build",
        "`allow` or `deny`: whether packages of a model that exist only as source are built, behind"
        " walls",
        inputs_of=_SCORE_ACTIONS,
        default="deny",
        variable="CDML_BUILD",
    ),
    Parameter(
        "python",
        "An interpreter that has cdml's packages, used as it is; nothing is installed",
        inputs_of=tuple(ACTIONS),
    ),
)
"""In the order that users read them in."""


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
        "isolation", "What isolates models here: `namespaces`, `sudo` or `none`.", ("isolation",)
    ),
    Output("verdict", "`pass`, `warn`, `inconclusive` or `fail`.", _EVERY),
    Output("evidence", "Folder of the evidence.", (*_EVERY, "fallback")),
    Output(
        "report",
        "Path of the report in Markdown, where there is one.",
        tuple(step for step in _EVERY if step != "gate"),  # its file would be an older run's
    ),
    Output("comment-url", "Address of the comment on the pull request.", ("report",)),
    Output("version", "Version in the registry.", ("gate", "deploy", "rollback")),
    Output("digest", "SHA-256 of the model's files.", ("gate", "deploy", "rollback")),
    Output("deployment-id", "GitHub's number of the deployment.", ("deploy", "rollback")),
    Output(
        "parked-until",
        "Until when a canary waits for `resume`; empty where the operation is over.",
        ("deploy",),
    ),
    Output("changed", "`false` where there was nothing to do.", ("deploy", "rollback")),
)

VARIABLES = {
    "CDML_JOURNAL_KEY": "Key that the journal is signed with; never in the step that runs a model",
    "CDML_JOURNAL_KEY_PREVIOUS": "The key before it, which signatures may still be of",
    "CDML_PLATFORM": "The CI system, by name; by default GitHub on its runners, else the terminal",
    "CDML_UNWALLED": "`true`: a model ran in this job without isolation, so that no token is used",
    "MLFLOW_TRACKING_URI": "The registry; the configuration may always use it as `${…}`",
    "NO_COLOR": "Print without colours",
    "PROMETHEUS_TOKEN": "Token for Prometheus, where the traffic of a canary is read",
}
"""What is set by a variable alone, as the other variables of a run that are not options."""


def options_of(command: str, parameters: Iterable[Parameter] = PARAMETERS) -> list[Parameter]:
    """The options of a command, in order."""
    return [one for one in parameters if command in one.commands]


def inputs_of(action: str, parameters: Iterable[Parameter] = PARAMETERS) -> list[Parameter]:
    """The inputs of an action, in order."""
    return [one for one in parameters if action in one.actions]
