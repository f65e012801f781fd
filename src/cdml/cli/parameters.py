"""Every option of the commands, declared once: `make generate` writes it wherever users look.

The commands take their options from here (`cli/command.py`), and `generate/` makes them inputs of
the actions and rows of the references. Apart from its entry an option needs only an argument of the
function that runs the command.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

_EVERY = (
    "validate-data", "evaluate-model", "compare-to-champion", "gate", "report", "deploy",
    "rollback", "history", "monitor", "train-model",
)  # fmt: skip
_RESULTS = ("compare", "gate", "evaluate-model", "compare-to-champion")


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a user may set: an option of these commands, and an input of their actions.

    `help` has no full stop, and names other parameters as `--name`. Values other than the `choices`
    are refused by the command itself, but for the kind `choice`. A variable or an input holds a
    `list` in words, and `lines` in lines. `unset` is what holds without
    value and default, as it follows "by default". The value takes the place of the one of `key` in
    cdml.yaml. The `required` commands do not run without it. `inputs_of` are the actions that have
    it as an input; None: those that run one of the commands.
    """

    name: str
    help: str
    commands: tuple[str, ...]
    kind: Literal[
        "text", "number", "flag", "list", "lines", "file", "folder", "choice", "target"
    ] = "text"
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
        "Configuration file; its paths are relative to its folder",
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
        "URI (`models:/name/3`, `models:/name@alias`, `runs:/…`) or folder of the model; not"
        " needed with `--predictions` and a file for `--champion`",
        ("gate", "evaluate-model"),
    ),
    Parameter(
        "predictions",
        "File of predictions or results made elsewhere, or table in a database or in Spark",
        ("gate", "evaluate-model"),
    ),
    Parameter(
        "data",
        "Evaluation rows to use instead of the configured ones",
        ("validate-data", "gate", "evaluate-model"),
        key="data.evaluation",
    ),
    Parameter("reference", "Training data of the model", ("validate-data",), key="data.reference"),
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
        "URI, folder, file or table of results of the new model",
        ("compare-to-champion",),
        required=("compare-to-champion",),
    ),
    Parameter(
        "champion",
        "URI, alias, file of results, or `none`",
        ("gate", "compare-to-champion"),
        unset="the registry's alias",
        key="registry.champion",
    ),
    Parameter(
        "verify",
        "Train again, and say whether the recorded model is reproduced: the same files, or the"
        " same predictions",
        ("train-model",),
        kind="flag",
    ),
    Parameter("register", "Register the model under this name if it passes", ("gate",)),
    Parameter(
        "evidence",
        "Folder of the evidence",
        ("report",),
        unset="`--output-dir`",
        inputs_of=("report",),
    ),
    Parameter(
        "artifact",
        "Name of the evidence artifact that the triggering run (`on: workflow_run`) uploaded;"
        " it is read in memory and treated as untrusted",
        ("report",),
        inputs_of=("report",),
    ),
    Parameter(
        "combine",
        "Glob of evidence folders, relative to the configuration's; writes one report of all,"
        " for a matrix or a monorepo. Needs no `cdml.yaml` at the root",
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
        "What to do with an earlier run's comment: `update` it, `recreate` it (delete and post"
        " again, which sends a notification), or `hide-and-recreate`",
        ("report",),
        default="update",
        choices=("update", "recreate", "hide-and-recreate"),
    ),
    Parameter(
        "report-id",
        "Id of the comment: a run updates the comment with the same id",
        ("report",),
        unset="the model's name",
    ),
    Parameter(
        "pull-request",
        "Number of the pull request",
        ("report",),
        kind="number",
        unset="from the event",
    ),
    Parameter(
        "begin",
        "Only post that the gate has started; the final report replaces it",
        ("report",),
        kind="flag",
        inputs_of=("report",),
    ),
    Parameter(
        "model",
        "URI or version of the model",
        ("deploy",),
        unset="the last passing version that the merged pull requests registered",
    ),
    Parameter(
        "evidence",
        "Folder of the evidence",
        ("deploy",),
        unset="the evidence stored with the version in the registry",
    ),
    Parameter(
        "to", "Version to restore", ("rollback",), unset="the last good version in the journal"
    ),
    Parameter(
        "environment",
        "Deployment environment; if it is not the configured one, its alias is"
        " `<champion>-<environment>`",
        ("deploy", "rollback", "history", "monitor"),
        unset="the configured one",
        key="deploy.environment",
    ),
    Parameter("dry-run", "Print the plan and write nothing", ("deploy",), kind="flag"),
    Parameter(
        "dry-run",
        "Judge, but remember nothing, and change neither issues nor workflows",
        ("monitor",),
        kind="flag",
    ),
    Parameter(
        "override",
        "Refusals to override, separated by commas; needs `--reason`",
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
        "After drift, update the journal to what serves; needs `--reason`",
        ("deploy",),
        kind="flag",
    ),
    Parameter(
        "repair",
        "After drift, make the target serve what the journal says; needs `--reason`",
        ("deploy",),
        kind="flag",
    ),
    Parameter("reason", "Reason, recorded in the journal", ("deploy", "rollback")),
    Parameter(
        "request-id",
        "Request id; calls with the same id roll back once",
        ("rollback",),
        unset="the id of the workflow run, the same for all its attempts",
    ),
    Parameter(
        "format",
        "Output format of the journal",
        ("history",),
        kind="choice",
        default="table",
        choices=("table", "json"),
    ),
    Parameter(
        "sign",
        "Sign the current journal with `CDML_JOURNAL_KEY`; needed once, if it has no valid"
        " signature",
        ("history",),
        kind="flag",
    ),
    Parameter(
        "key",
        "Column that identifies a case; repeatable",
        ("compare",),
        kind="list",
        unset="recognised",
    ),
    Parameter(
        "trial", "Column that numbers the trials of a case", ("compare",), unset="recognised"
    ),
    Parameter(
        "by",
        "Column of categories; repeatable",
        ("compare",),
        kind="list",
        unset="recognised",
    ),
    Parameter("label", "Column of the expected values", ("compare",), unset="recognised"),
    Parameter(
        "metric",
        "Column to compare; repeatable, and the first one decides the verdict",
        ("compare",),
        kind="list",
        unset="every numeric column that both files have",
    ),
    Parameter(
        "max-regression",
        "How much worse the new file may be, such as `0.02` or `2%`; sets the exit code to the"
        " verdict",
        ("compare",),
    ),
    Parameter(
        "reader",
        "Format of the files of results, such as `promptfoo`",
        _RESULTS,
        unset="recognised",
    ),
    Parameter(
        "select",
        "Rows to read, as `provider=…` or `prompt=…`; `old:` (the champion) or `new:` before it"
        " selects in one file only. Repeat the option, or put one on each line of an input",
        _RESULTS,
        kind="lines",
    ),
    Parameter(
        "format",
        "Output format of the comparison",
        ("compare",),
        kind="choice",
        default="text",
        choices=("text", "markdown", "json"),
    ),
    Parameter(
        "plan",
        "Print how many cases, trials and human labels `--max-regression` needs, by OLD and NEW or"
        " one pilot file",
        ("compare",),
        kind="flag",
    ),
    Parameter(
        "cost-per-trial",
        "What one answer of one version costs, for `--plan`",
        ("compare",),
        kind="number",
        unset="the cost column, else answers are counted",
    ),
    Parameter(
        "cost-per-label",
        "What it costs that a person scores one answer, for `--plan`",
        ("compare",),
        kind="number",
    ),
    Parameter(
        "corrected-by",
        "Column in which people scored some of the answers that the metric scores, for `--plan`",
        ("compare",),
    ),
    Parameter(
        "write",
        "Write a `cdml.yaml` to this file, with which `cdml gate` judges the same comparison",
        ("compare",),
        kind="file",
    ),
    Parameter("force", "Overwrite existing files", ("init", "compare"), kind="flag"),
    Parameter(
        "llm",
        "Write what gates an LLM application: a workflow runs your evaluation of both versions",
        ("init",),
        kind="flag",
    ),
    Parameter(
        "train",
        "Write a workflow, too, that trains the model where inputs changed, and gates it",
        ("init",),
        kind="flag",
    ),
    Parameter(
        "monitor",
        "Write a workflow, too, that watches what serves, on a schedule",
        ("init",),
        kind="flag",
    ),
    Parameter("data", "Good rows, from which to propose a data contract", ("init",)),
    Parameter(
        "target",
        "Where the champion serves; `haproxy` adds a canary and a workflow that resumes it",
        ("init",),
        kind="target",
        default="registry",
    ),
)
"""In the order that users read them in."""


def options_of(command: str, parameters: Iterable[Parameter] = PARAMETERS) -> list[Parameter]:
    """The options of a command, in order."""
    return [one for one in parameters if command in one.commands]
