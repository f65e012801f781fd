"""Write the files to begin with: a configuration, workflows, and a contract of given data."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from cdml.common.redaction import redact
from cdml.config.delivery import DeploySettings
from cdml.config.targets import TargetType, target_types
from cdml.data.odcs import propose
from cdml.data.odcs.propose import observe_columns, table_name
from cdml.errors import ConfigurationError, InputError
from cdml.evidence.store import write_atomically
from cdml.tables.table import Tables

CONFIG = "cdml.yaml"
GATE, FORK_REPORT = "cdml-gate.yml", "cdml-fork-report.yml"
WORKFLOWS = (GATE, "cdml-deploy.yml", FORK_REPORT)
"""The workflows of every repository."""
RESUME = "cdml-resume.yml"
"""The workflow that goes on with a canary."""
MONITOR = "cdml-monitor.yml"
"""The workflow that watches what serves."""
DELIVERING = ("cdml-deploy.yml", RESUME)
"""The workflows that touch the target."""
DATA = "${DATA_URL}"
"""What stands in cdml.yaml for an address that holds credentials."""
IGNORED = ".cdml/"
"""What git is to ignore: the evidence."""

_DELIVERY_STEP = re.compile(r"^ +- uses: \S+/actions/(?:deploy|rollback)@", re.MULTILINE)
_HOSTED = "runs-on: ubuntu-latest"
_TRAIN_HERE = (
    "      # If the pull request trains the model, train it here and name its folder below.\n"
)
_MODEL = (
    "          # A fork brings its model as a folder, as it cannot write to your registry.\n"
    "          model: ${{ env.FORK == 'true' && 'model' || 'models:/my-model@challenger' }}\n"
)
_AGAIN = (
    "  workflow_dispatch: # to train again, such as for `cdml monitor`\n"
    "    inputs:\n"
    "      reason:\n"
    "        description: Why to train again.\n"
    "        type: string\n"
)
_TITLE = (
    "run-name: ${{ inputs.reason }} # `cdml monitor` finds its run by it; else the usual title\n"
)
_AFTER_TRAINING = (
    "    needs: train\n    if: ${{ !cancelled() }} # GitHub counts a skipped job as passed\n"
    "    outputs:\n      version: ${{ steps.gate.outputs.version }}\n"
)
_DEPLOYS = re.compile(r"^  deploy:\n.*?(?=\n  rollback:\n)", re.MULTILINE | re.DOTALL)
_FOR_RETRAINED = (
    (
        "    if: github.event_name == 'push'\n",
        """    needs: gate
    if: github.event_name == 'workflow_dispatch' && github.ref == 'refs/heads/main'
""",
    ),
    (
        "          config: cdml.yaml\n",
        """          config: cdml.yaml
          model: models:/my-model/${{ needs.gate.outputs.version }}
          reason: ${{ inputs.reason }}
""",
    ),
)
"""What the job of the delivery says where it deploys after a gate instead of a merge."""
_FOR_MERGES = re.compile(r"^      (?:pull-requests|checks): .*\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ProjectPlace:
    """Where a model's files go in a repository, which may hold other models.

    `folder` is that of the configuration, `root` the repository's, where the platform looks for
    workflows; the folder itself where there is no repository.
    """

    folder: Path
    root: Path

    @classmethod
    def locate(cls, folder: Path) -> "ProjectPlace":
        """Find the repository of a folder.

        Raises:
            ConfigurationError: its name cannot stand in a workflow.
        """
        folder = folder.resolve()
        above = (one for one in (folder, *folder.parents) if (one / ".git").exists())
        place = cls(folder=folder, root=next(above, folder))
        if re.search(r"\$\{\{|[\x00-\x1f\x7f]", place.below):
            raise ConfigurationError(
                f"the folder {place.below!r} cannot be named in a workflow.", "Rename it."
            )
        return place

    @property
    def below(self) -> str:
        """The folder below the root, with slashes; empty for the root itself."""
        below = self.folder.relative_to(self.root).as_posix()
        return "" if below == "." else below

    @property
    def slug(self) -> str:
        """The same in letters, digits and dashes."""
        return re.sub(r"[^A-Za-z0-9]+", "-", self.below).strip("-").lower()

    def workflow(self, template: str) -> Path:
        """Where a workflow goes; each model of a repository has its own files."""
        stem = template.removesuffix(".yml")
        return self.root / f".github/workflows/{stem}{self.slug and f'-{self.slug}'}.yml"

    def fill_in(self, template: str) -> str:
        """A workflow of this model: its configuration, names and groups."""
        if not self.below:
            return template
        for before, after in (
            (rf"(?<=config: ){re.escape(CONFIG)}$", quoted(f"{self.below}/{CONFIG}")),
            (r"(?<=path: )\.cdml$", quoted(f"{self.below}/.cdml")),
            (r"(?<=path: )\.$", quoted(self.below)),
            (r"^( {12})(model|\.cdml/lineage\.json)$", rf"\g<1>{self.below}/\g<2>"),
            (r"(?<=^name: ).+$", self._label),
            (r"(?<=workflows: \[)Model gate(?=\])", self._label),
            (r"(?<=    name: )(Begin|Gate|Report)$", self._label),
            (r"(?<=group: cdml-)", f"{self.slug}-"),
            (r"\bmy-model\b", self.model),
        ):
            template = re.sub(before, after, template, flags=re.MULTILINE)
        return template

    def _label(self, name: re.Match[str]) -> str:
        return quoted(f"{name[0]} ({self.below})")

    @property
    def model(self) -> str:
        """What to call the model: as its folder, where that is a plain name."""
        name = self.folder.name
        plain = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name)
        return name if self.below and plain else "my-model"

    def name_model(self, template: str) -> str:
        """A template with the model's name, and that of the service that serves it."""
        service = f"model-{self.slug}".rstrip("-")
        return template.replace("my-model", self.model).replace("my-service", service)


def quoted(text: str) -> str:
    """A text as a scalar of YAML."""
    return json.dumps(text, ensure_ascii=False)


def init(
    folder: Path,
    *,
    force: bool = False,
    data: str | None = None,
    tables: Tables | None = None,
    target: str = "registry",
    settings: DeploySettings | None = None,
    train: bool = False,
    monitor: bool = False,
) -> tuple[Path, ...]:
    """Write every file, or none; where a configuration with a paused canary exists, what it lacks.

    A contract is proposed of `data`, rows that are known to be good, which `tables` opens. Where
    `target`, one of `target_types()`, is a machine of the user's, its own runner delivers.
    `settings` are those of the configuration that is there already, if one is. To `train`, a job of
    the gate's workflow trains the model that the gate judges. To `monitor`, a further workflow
    watches what serves, and can start training again.

    Returns:
        What was written.

    Raises:
        ConfigurationError: a file is there already, or there is no template of the target.
        InputError: a folder cannot be written, or the data not read.
    """
    place = ProjectPlace.locate(folder)
    if settings is not None and _lacks_resume(place, settings) and data is None and not force:
        resume = _on_runner(
            place.fill_in(read_template(RESUME)), target_types()[settings.target.type]
        )
        if re.fullmatch(r"[\w-]+", settings.environment, re.ASCII):  # a name that needs no quotes
            resume = resume.replace("production", settings.environment)
        return (write_atomically(place.workflow(RESUME), resume.encode()),)
    kind = target_types().named(target)
    section = kind.read_template()
    if section is None:
        raise ConfigurationError(
            f"The target {target} has no configuration template.",
            "Leave --target out, and write its settings under deploy.target in cdml.yaml.",
        )
    workflows = {}
    resumed = (RESUME,) if kind.splits_traffic else ()
    for name in (*WORKFLOWS, *resumed, *((MONITOR,) if monitor else ())):
        template = read_template(name)
        template = _training(template, kind) if train and name == GATE else template
        workflow = place.fill_in(template)
        delivers = name in DELIVERING
        workflows[place.workflow(name)] = _on_runner(workflow, kind) if delivers else workflow
    training = read_template("training.yaml") if train else ""
    monitoring = _monitoring(place, retrains=train) if monitor else ""
    sections = (read_template(CONFIG), training, section, monitoring)
    config = place.name_model("\n".join(f"{one.strip(chr(10))}\n" for one in sections if one))
    more = {place.folder / path: place.name_model(text) for path, text in kind.read_files().items()}
    contract = f"contracts/{table_name(data)}.odcs.yaml" if data is not None else None
    # Only a place that is free is worth a look at the data.
    proposed = (place.folder / contract,) if contract else ()
    if not force:
        _refuse_existing(place, (place.folder / CONFIG, *workflows, *more, *proposed))
    content = {place.folder / CONFIG: config, **workflows, **more}
    if data is not None and contract is not None and tables is not None:
        table = tables.open(data if "://" in data else str(folder / data))
        columns = observe_columns(table)
        data_named = DATA if holds_credentials(data) else data
        content[place.folder / contract] = propose.propose_contract(
            table_name(data), data_named, table.ref.rows, columns
        )
        key = propose.likely_key(columns)
        content[place.folder / CONFIG] = _filled(config, data_named, contract, key)
    return write_files(place, content, force=True)


def write_files(
    place: ProjectPlace, content: Mapping[Path, str], *, force: bool
) -> tuple[Path, ...]:
    """Write files, and let git ignore the evidence.

    Raises:
        ConfigurationError: one exists already, and `force` is false.
        InputError: a folder cannot be written.
    """
    if not force:
        _refuse_existing(place, content)
    if (ignored := _ignored(place)) is not None:
        content = {**content, place.root / ".gitignore": ignored}
    return tuple(write_atomically(path, text.encode()) for path, text in content.items())


def _refuse_existing(place: ProjectPlace, files: Iterable[Path]) -> None:
    taken = [path for path in files if path.exists()]
    if taken:
        verb = "exists" if len(taken) == 1 else "exist"
        names = ", ".join(path.relative_to(place.root).as_posix() for path in taken)
        raise ConfigurationError(
            f"{names} {verb} already; nothing was written.", "Use --force to overwrite."
        )


def holds_credentials(data: str) -> bool:
    """Whether an address holds a password or a signature, which no file may name."""
    return "://" in data and redact(data, {}) != data


def read_template(name: str) -> str:
    """A file to begin with, as it is shipped."""
    return (files("cdml.scaffold") / "templates" / name).read_text(encoding="utf-8")


def _lacks_resume(place: ProjectPlace, settings: DeploySettings) -> bool:
    """Whether a canary is paused here, and nothing resumes it."""
    parks = settings.canary is not None and bool(settings.canary.park)
    return parks and not place.workflow(RESUME).exists()


def _ignored(place: ProjectPlace) -> str | None:
    """The repository's .gitignore with the evidence in it; None where it is there already.

    Raises:
        InputError: it cannot be read.
    """
    path = place.root / ".gitignore"
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}.") from error
    name = IGNORED.rstrip("/")
    ignored = {name, IGNORED, f"**/{name}", f"**/{IGNORED}"}
    ignored |= {f"/{one}" for one in (name, IGNORED)} if not place.below else set()
    if ignored & {line.strip() for line in text.splitlines()}:
        return None
    return f"{text}{'' if not text or text.endswith(chr(10)) else chr(10)}{IGNORED}\n"


def _monitoring(place: ProjectPlace, *, retrains: bool) -> str:
    """What serves is watched; where the gate's workflow trains, a degradation starts it."""
    section = read_template("monitoring.yaml")
    if not retrains:
        return section
    started = f"[issue, retrain]\n  retrain: {{workflow: {place.workflow(GATE).name}}}"
    return section.replace("on_degradation: [issue]", f"on_degradation: {started}")


def _training(gate: str, kind: TargetType) -> str:
    """The gate's workflow with a job that trains the model first.

    What is trained again by request, on the branch that ships, is deployed if it passes.
    """
    job, steps = read_template("train-job.yml.part"), read_template("train-steps.yml.part")
    for before, after in (
        ("name: Model gate\n", f"name: Model gate\n{_TITLE}"),
        ("  merge_group:", f"{_AGAIN}  merge_group:"),
        (
            "cancel-in-progress: true",
            "cancel-in-progress: ${{ github.event_name != 'workflow_dispatch' }}",
        ),
        ("\n  gate:\n    name: Gate\n", f"\n{job}\n  gate:\n    name: Gate\n{_AFTER_TRAINING}"),
        (_TRAIN_HERE, steps),
        (_MODEL, "          model: ${{ needs.train.outputs.model || 'model' }}\n"),
        (
            "github.event_name == 'pull_request' && 'my-model'",
            "github.event_name != 'merge_group' && 'my-model'",
        ),
    ):
        assert before in gate  # noqa: S101 - both are shipped together
        gate = gate.replace(before, after, 1)
    return f"{gate}\n{_on_runner(_deploying(), kind)}"


def _deploying() -> str:
    """The job that deploys, after the gate instead of a merge."""
    job = _DEPLOYS.search(read_template("cdml-deploy.yml"))
    assert job is not None  # noqa: S101 - both are shipped together
    text = _FOR_MERGES.sub("", job[0])
    for before, after in _FOR_RETRAINED:
        assert before in text  # noqa: S101 - as above
        text = text.replace(before, after, 1)
    return text


def _on_runner(workflow: str, kind: TargetType) -> str:
    """The workflow on the machine, and with the login, that the target needs."""
    workflow = workflow.replace(_HOSTED, f"runs-on: {kind.runner}") if kind.runner else workflow
    login = kind.read_login()
    return _DELIVERY_STEP.sub(lambda step: f"{login}{step[0]}", workflow)


def _filled(text: str, data: str, contract: str, key: str | None) -> str:
    """The configuration with what the data reveals; the label is the user's to name."""
    values = {
        "evaluation: data/evaluation.parquet": f"evaluation: {json.dumps(data)}",
        "# contract: contracts/data.odcs.yaml": f"contract: {json.dumps(contract)}",
        "label: label\n": "label: label # to fill in\n",
    }
    if key is not None:
        values["key: [id]"] = f"key: [{quoted(key)}]"
    for before, after in values.items():
        text = text.replace(before, after, 1)
    return text
