"""What the flows ask of the world. Each port has its adapters, a fake and one contract suite."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """A version in the registry.

    Attributes:
        name: the registered model.
        version: the registry's number, as text.
        digest: SHA-256 of the model's files, or None where nobody has recorded it yet.
        source: where the registry keeps the files.
        run: the tracking run it belongs to, or None.
        tags: the version's tags.
    """

    name: str
    version: str
    digest: str | None
    source: str
    run: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


class Registry(Protocol):
    """Versions, aliases and the evidence that travels with them.

    Every call raises ServiceError when the registry cannot be reached, and InputError when
    what was asked for (a version, a URI) does not exist.
    """

    def champion(self, name: str, alias: str) -> ModelVersion | None:
        """Who the alias names; None only if the registry *answered* that there is nobody."""
        ...

    def version(self, name: str, version: str) -> ModelVersion:
        """One version."""
        ...

    def resolve(self, uri: str) -> ModelVersion | None:
        """The version a `models:/` URI names; None for any other URI."""
        ...

    def find(self, name: str, tags: Mapping[str, str]) -> tuple[ModelVersion, ...]:
        """All versions of a model that carry all these tags, oldest first."""
        ...

    def fetch(self, uri: str, into: Path) -> Path:
        """Copy a model's files (models:/, runs:/, folder) and give the folder with MLmodel."""
        ...

    def register(self, name: str, folder: Path, *, tags: Mapping[str, str]) -> ModelVersion:
        """Register a model folder byte for byte; the same digest again gives its version."""
        ...

    def set_tags(self, name: str, version: str, tags: Mapping[str, str]) -> None:
        """Add or replace tags of a version."""
        ...

    def set_alias(self, name: str, alias: str, version: str) -> None:
        """Make the alias name this version."""
        ...

    def log_evidence(
        self, version: ModelVersion, files: Sequence[Path], metrics: Mapping[str, float]
    ) -> None:
        """Keep evidence (and metrics of the evaluation) with a version."""
        ...

    def evidence(self, version: ModelVersion, into: Path) -> Path | None:
        """Copy the evidence kept with a version; None where there is none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What a scoring process left behind.

    Attributes:
        predictions: Parquet file: key, label, slices, `prediction`, `score` or `score_<class>`.
        rows: how many rows were scored.
        latency_ms: per-request latencies, milliseconds per row asked alone.
        isolation: what the process could not reach: `namespaces`, `environment`, `none`.
    """

    predictions: Path
    rows: int
    latency_ms: tuple[float, ...]
    isolation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringJob:
    """What to score and how.

    Attributes:
        model: folder with MLmodel.
        data: Parquet file of the evaluation rows.
        key, label, slices: columns copied beside the predictions.
        task: binary, multiclass or regression.
        positive: the positive class of a binary task.
        environment: `model`, `current` or an interpreter's path.
        timeout: seconds.
        output: where the predictions go.
    """

    model: Path
    data: Path
    key: tuple[str, ...]
    label: str
    slices: tuple[str, ...]
    task: str
    positive: bool | int | str | None
    environment: str
    timeout: float
    output: Path


class Scorer(Protocol):
    """Runs a model in a process of its own."""

    def score(self, job: ScoringJob, progress: "Progress") -> Scored:
        """Score all rows.

        Raises:
            InputError: the model cannot be loaded, throws, or answers NaN or too few rows.
        """
        ...


class Progress(Protocol):
    """Tells a person that work goes on."""

    def step(self, label: str, total: int | None = None) -> AbstractContextManager["Step"]:
        """Announce a piece of work; leaving it says that it is done."""
        ...

    def note(self, text: str) -> None:
        """Say one line."""
        ...


class Step(Protocol):
    """A piece of work under way."""

    def advance(self, amount: int = 1) -> None:
        """So much more is done."""
        ...


class Clock(Protocol):
    """Time."""

    def now(self) -> datetime:
        """Now, in UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The journal at one moment.

    Attributes:
        document: the journal's JSON document; None before the first entry.
        commit: what the next write must be based on; None before the first entry.
    """

    document: Mapping[str, object] | None
    commit: str | None


class Moved(Exception):
    """Somebody else wrote the journal first; read it again."""


class Journal(Protocol):
    """One document per environment and model, moved only by compare-and-swap."""

    def read(self) -> Snapshot:
        """The newest entry."""
        ...

    def write(self, document: Mapping[str, object], subject: str, expected: str | None) -> str:
        """Append an entry on top of `expected` and give its commit.

        Raises:
            Moved: `expected` is not the newest entry any more.
            ServiceError: the journal cannot be written (the message names the permission).
        """
        ...

    def entries(self, limit: int) -> tuple[Snapshot, ...]:
        """The newest entries, newest first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What a target serves now, observed.

    Attributes:
        version: the version that gets the traffic; None where nothing serves.
        digest: its digest as the target knows it, or None where it cannot tell.
    """

    version: str | None
    digest: str | None


class Target(Protocol):
    """Where models serve. Every effect is idempotent and carries the fencing number."""

    name: str
    splits_traffic: bool

    def observe(self) -> Serving:
        """What serves now; never assumed."""
        ...

    def switch(self, to: ModelVersion, *, fence: int) -> None:
        """Give all traffic to a version, and return when it has it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """A pull request by number and head commit."""

    number: int
    head: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """A line beside the code.

    Attributes:
        level: how loud.
        title: one line.
        message: the text.
        file: path in the repository, or None.
        line: line in the file, or None.
    """

    level: Literal["error", "warning", "notice"]
    title: str
    message: str
    file: str | None = None
    line: int | None = None


class Platform(Protocol):
    """The place the commands run in: a CI system, or a terminal."""

    name: str

    def commit(self) -> str | None:
        """The commit that is judged: a pull request's head, else the checked-out commit."""
        ...

    def run_url(self) -> str | None:
        """Address of this run."""
        ...

    def outputs(self, values: Mapping[str, str]) -> None:
        """Hand values to later steps."""
        ...

    def summary(self, markdown: str) -> None:
        """Show Markdown on the run's page."""
        ...

    def annotate(self, annotations: Sequence[Annotation]) -> None:
        """Show lines beside the code."""
        ...

    def pull_request(self) -> PullRequest | None:
        """The pull request of this run's event, or None."""
        ...

    def merged_pull_requests(self, commit: str) -> tuple[PullRequest, ...]:
        """The merged pull requests that this commit brought in."""
        ...

    def comment(self, number: int, report_id: str, body: str) -> str:
        """Post or update the one comment of this report, and give its address.

        Raises:
            ServiceError: the platform refused; the message says which permission is missing.
        """
        ...

    def open_deployment(
        self,
        operation: str,
        ref: str,
        environment: str,
        task: str,
        description: str,
        payload: Mapping[str, str],
    ) -> str | None:
        """File a deployment, or find the one this operation filed; None where there are none."""
        ...

    def deployment_status(
        self, deployment: str, state: str, description: str, environment: str
    ) -> None:
        """Tell how a deployment goes; a success makes older ones of the environment inactive."""
        ...
