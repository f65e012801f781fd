"""Write the files to begin with: a configuration, workflows, and a contract of given data."""

import json
import re
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
WORKFLOWS = ("cdml-gate.yml", "cdml-deploy.yml", "cdml-fork-report.yml")
"""The workflows of every repository."""
RESUME = "cdml-resume.yml"
"""The workflow that goes on with a canary."""
DELIVERING = ("cdml-deploy.yml", RESUME)
"""The workflows that touch the target."""
DATA = "${DATA_URL}"
"""What stands in cdml.yaml for an address that holds credentials."""
IGNORED = ".cdml/"
"""What git is to ignore: the evidence."""

_HOSTED = "runs-on: ubuntu-latest"


@dataclass(frozen=True, slots=True)
class ProjectPlace:
    """Where a model's files go in a repository, which may hold other models.

    Attributes:
        folder: of the configuration.
        root: of the repository, where the platform looks for workflows; the folder itself where
            there is no repository.
    """

    folder: Path
    root: Path

    @classmethod
    def of(cls, folder: Path) -> "ProjectPlace":
        """The place of a folder.

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
        """Where a workflow goes; each model of a repository has files of its own."""
        stem = template.removesuffix(".yml")
        return self.root / f".github/workflows/{stem}{self.slug and f'-{self.slug}'}.yml"

    def fill_in(self, template: str) -> str:
        """A workflow of this model: its configuration, names and groups of its own."""
        if not self.below:
            return template
        config, label = json.dumps(f"{self.below}/{CONFIG}", ensure_ascii=False), self.below
        for before, after in (
            (rf"(?<=config: ){re.escape(CONFIG)}$", config),
            (r"(?<=path: )\.cdml$", json.dumps(f"{self.below}/.cdml", ensure_ascii=False)),
            (r"^name: (.+)$", lambda match: f"name: {_quoted(f'{match[1]} ({label})')}"),
            (r"(?<=workflows: \[)Model gate(?=\])", _quoted(f"Model gate ({label})")),
            (
                r"(?<=    name: )(Begin|Gate|Report)$",
                lambda match: _quoted(f"{match[1]} ({label})"),
            ),
            (r"(?<=group: cdml-)", f"{self.slug}-"),
            (r"\bmy-model\b", self.model),
        ):
            template = re.sub(before, after, template, flags=re.MULTILINE)
        return template

    @property
    def model(self) -> str:
        """What to call the model: as its folder, where that is a plain name."""
        name = self.folder.name
        plain = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name)
        return name if self.below and plain else "my-model"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def init(
    folder: Path,
    *,
    force: bool = False,
    data: str | None = None,
    tables: Tables | None = None,
    target: str = "registry",
    settings: DeploySettings | None = None,
) -> tuple[Path, ...]:
    """Write every file, or none; beside a configuration whose canary is parked, what it lacks.

    Args:
        folder: of the model's configuration: a repository, or a folder of one.
        force: whether files that are there may be overwritten.
        data: rows that are known to be good, of which a contract is proposed.
        tables: opens them.
        target: where the champion serves, one of `target_types()`. Where that is a machine of the
            user's, its own runner delivers.
        settings: how the configuration that is there already delivers, if there is one.

    Returns:
        What was written.

    Raises:
        ConfigurationError: a file is there already, or there is no template of the target.
        InputError: a folder cannot be written, or the data not read.
    """
    place = ProjectPlace.of(folder)
    if settings is not None and _lacks_resume(place, settings) and data is None and not force:
        resume = _on_runner(place.fill_in(_template(RESUME)), target_types()[settings.target.type])
        if re.fullmatch(r"[\w-]+", settings.environment, re.ASCII):  # a name that needs no quotes
            resume = resume.replace("production", settings.environment)
        return (write_atomically(place.workflow(RESUME), resume.encode()),)
    kind = target_types().named(target)
    section = kind.read_template()
    if section is None:
        raise ConfigurationError(
            f"the target {target} brings no configuration to begin with.",
            "Leave --target out, and write its settings below deploy.target in cdml.yaml.",
        )
    files = (*WORKFLOWS, RESUME) if kind.splits_traffic else WORKFLOWS
    workflows = {place.workflow(name): place.fill_in(_template(name)) for name in files}
    config = (_template(CONFIG) + section).replace("my-model", place.model)
    for path in map(place.workflow, DELIVERING):
        if path in workflows:
            workflows[path] = _on_runner(workflows[path], kind)
    contract = f"contracts/{table_name(data)}.odcs.yaml" if data is not None else None
    # Only a place that is free is worth a look at the data.
    proposed = (place.folder / contract,) if contract else ()
    there = [path for path in (place.folder / CONFIG, *workflows, *proposed) if path.exists()]
    if there and not force:
        verb = "exists" if len(there) == 1 else "exist"
        names = ", ".join(path.relative_to(place.root).as_posix() for path in there)
        raise ConfigurationError(
            f"{names} {verb} already; nothing was written.",
            "--force overwrites.",
        )
    content = {place.folder / CONFIG: config, **workflows}
    if data is not None and contract is not None and tables is not None:
        table = tables.open(data if "://" in data else str(folder / data))
        columns = observe_columns(table)
        data_shown = DATA if holds_credentials(data) else data
        written = propose.propose_contract(table_name(data), data_shown, table.ref.rows, columns)
        content[place.folder / contract] = written
        key = propose.likely_key(columns)
        content[place.folder / CONFIG] = _filled(config, data_shown, contract, key)
    ignored = _ignored(place)
    if ignored is not None:
        content[place.root / ".gitignore"] = ignored
    return tuple(write_atomically(path, text.encode()) for path, text in content.items())


def holds_credentials(data: str) -> bool:
    """Whether an address holds a password or a signature, which no file may name."""
    return "://" in data and redact(data, {}) != data


def _template(name: str) -> str:
    return (files("cdml.scaffold") / "templates" / name).read_text(encoding="utf-8")


def _lacks_resume(place: ProjectPlace, settings: DeploySettings) -> bool:
    """Whether a canary is parked here, and nothing goes on with it."""
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


def _on_runner(workflow: str, kind: TargetType) -> str:
    """The workflow on the machine that the target needs."""
    return workflow.replace(_HOSTED, f"runs-on: {kind.runner}") if kind.runner else workflow


def _filled(text: str, data: str, contract: str, key: str | None) -> str:
    """The configuration with what the data tells; the label is the user's to name."""
    values = {
        "evaluation: data/evaluation.parquet": f"evaluation: {json.dumps(data)}",
        "# contract: contracts/data.odcs.yaml": f"contract: {json.dumps(contract)}",
        "label: label\n": "label: label # to fill in\n",
    }
    if key is not None:
        values["key: [id]"] = f"key: [{json.dumps(key, ensure_ascii=False)}]"
    for before, after in values.items():
        text = text.replace(before, after, 1)
    return text
