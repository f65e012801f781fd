"""Every option of the commands, declared once: `make generate` writes it wherever users look.

The commands take their options from here (`cli/command.py`), and `generate/` makes them inputs of
the actions and rows of the references. Beside its entry an option needs only an argument of the
function that runs the command.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

_EVERY = (
    "validate-data", "evaluate-model", "compare-to-champion", "gate", "report", "deploy",
    "rollback", "history",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a user may set: an option of these commands, and an input of their actions.

    `help` has no full stop, and names other parameters as `--name`. Values other than the `choices`
    are refused by the command itself, but for the kind `choice`. `unset` is what holds without
    value and default, as it follows "by default". The value takes the place of the one of `key` in
    cdml.yaml. The `required` commands do not run without it. `inputs_of` are the actions that have
    it as an input; None: those that run one of the commands.
    """

    name: str
    help: str
    commands: tuple[str, ...]
    kind: Literal["text", "number", "flag", "list", "file", "folder", "choice", "target"] = "text"
    default: str = ""
    choices: tuple[str, ...] = ()
    unset: str = ""
    key: str = ""
    required: tuple[str, ...] = ()
    inputs_of: tuple[str, ...] | None = None

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
        _EVERY,
        kind="file",
        default="cdml.yaml",
    ),
    Parameter(
        "output-dir",
        "Folder of the evidence, relative to the configuration's folder",
        _EVERY,
        kind="folder",
        default=".cdml",
    ),
    Parameter(
        "model",
        "URI (`models:/name/3`, `models:/name@alias`, `runs:/…`) or folder of the model; not needed"
        " where `--predictions` and a file for `--champion` are given",
        ("gate", "evaluate-model"),
    ),
    Parameter(
        "predictions",
        "File of predictions or results (Parquet, CSV, JSON lines), where they were made elsewhere",
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
        inputs_of=("report",),
    ),
    Parameter(
        "artifact",
        "Name of the artifact in which the run that triggered this one (`on: workflow_run`)"
        " uploaded its evidence; it is read in memory, and its author is not trusted",
        ("report",),
        inputs_of=("report",),
    ),
    Parameter(
        "combine",
        "Glob of evidence folders, relative to the configuration's; one report of them all, for a"
        " matrix or a monorepo. Needs no `cdml.yaml` at the root",
        ("report",),
        inputs_of=("report",),
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
        inputs_of=("report",),
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
    Parameter("to", "Version to restore", ("rollback",), unset="the last good one of the journal"),
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
        "Resume a paused canary, such as from a scheduled workflow",
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
    Parameter(
        "key",
        "Column that identifies a case; may be given several times",
        ("compare",),
        kind="list",
        unset="recognised",
    ),
    Parameter("trial", "Column that numbers the tries of a case", ("compare",), unset="recognised"),
    Parameter(
        "by",
        "Column of categories; may be given several times",
        ("compare",),
        kind="list",
        unset="recognised",
    ),
    Parameter("label", "Column that holds the truth", ("compare",), unset="recognised"),
    Parameter(
        "metric",
        "Column to compare; the first one given answers for all",
        ("compare",),
        kind="list",
        unset="every column of figures that both files have",
    ),
    Parameter(
        "max-regression",
        "How much worse the new file may be, such as `0.02` or `2%`; the exit code is then the"
        " verdict",
        ("compare",),
    ),
    Parameter(
        "reader", "Format of both files, such as `promptfoo`", ("compare",), unset="recognised"
    ),
    Parameter(
        "select",
        "Rows to read, as `provider=…` or `prompt=…`; `old:` or `new:` before it selects"
        " in one file only",
        ("compare",),
        kind="list",
    ),
    Parameter(
        "format",
        "How the comparison is printed",
        ("compare",),
        kind="choice",
        default="text",
        choices=("text", "markdown", "json"),
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
)
"""In the order that users read them in."""


def options_of(command: str, parameters: Iterable[Parameter] = PARAMETERS) -> list[Parameter]:
    """The options of a command, in order."""
    return [one for one in parameters if command in one.commands]
