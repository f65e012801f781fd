"""lineage.json: what a model was trained with."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from cdml.common.verdict import Verdict
from cdml.evidence import store
from cdml.evidence.base import Count, Digest, EvidenceModel, Number, Text
from cdml.evidence.schema import ModelRef, Producer

FILE = "lineage.json"
FINGERPRINT = "cdml.training"
"""Tag of a version and of a run: the digest of everything that decided the training."""


class TrainingInput(EvidenceModel):
    """A file or an address that the training read."""

    path: Text
    """Path below the configuration's folder, or the address as cdml.yaml has it."""
    digest: Digest
    """SHA-256 over the content."""


class TrainingEnvironment(EvidenceModel):
    """The packages of a training."""

    source: Text
    """The file of locked requirements; or `current`."""
    digest: Digest
    """SHA-256 over that file, or over the names and versions of the installed packages."""
    python: Text | None = None
    """Version of the interpreter; null where the command is no Python program, or uv chose it."""


class Hardware(EvidenceModel):
    """The machine of a training."""

    system: Text
    """Operating system and its release."""
    processor: Text
    """Architecture, and the processor's name where the system has it."""
    cores: Count
    """Processors that the command could use."""
    memory_mb: Count | None = None
    """Main memory; null where the system does not say."""
    gpus: tuple[Text, ...] = ()
    """Name, memory and driver of each NVIDIA GPU."""


class Verification(EvidenceModel):
    """What training again gave."""

    result: Literal[
        "same-digest", "same-files", "same-predictions", "inputs-differ", "not-reproduced",
        "not-deterministic",
    ]  # fmt: skip
    """How the repeated training compares with the recorded one."""
    verdict: Verdict
    """pass if the training was reproduced, else fail."""
    reason: Text
    """The sentence that the command prints."""
    digest: Digest | None = None
    """SHA-256 over the files of the model that was trained again; null if it was not."""
    largest_difference: Number | None = None
    """The largest difference between two predictions of one row; null if none were compared."""


class Lineage(EvidenceModel):
    """lineage.json: what a model was trained with."""

    schema_: Literal["cdml.lineage/1"] = Field("cdml.lineage/1", alias="schema")
    """Name and version of this format."""
    model: ModelRef
    """The trained model."""
    fingerprint: Digest
    """SHA-256 over command, inputs, environment and seed: the same for the same training."""
    command: tuple[Text, ...]
    """The program and its arguments."""
    inputs: tuple[TrainingInput, ...]
    """Every input, in the order of their paths."""
    parameters: Annotated[
        dict[str, Text],
        Field(description="Values of the inputs named params.yaml, params.yml or params.json."),
    ] = Field(default_factory=dict)
    environment: TrainingEnvironment
    """The packages that the command ran with."""
    hardware: Hardware
    """The machine that trained."""
    seed: Count | None
    """The seed that the command got; null if none is configured."""
    clean: bool | None
    """Whether all files that git tracks were as in the commit; null where there is no commit."""
    seconds: Number
    """How long the command ran."""
    run: Text | None = None
    """The run in the registry that recorded the training; null where there is none."""
    trained: bool = True
    """False where an earlier training with the same fingerprint was used."""
    verification: Verification | None = None
    """What `--verify` gave; else null."""
    produced: Producer
    """Who wrote this, for which commit, and when the training ended."""


def read_lineage(folder: Path) -> Lineage | None:
    """The lineage in a folder of evidence; None where there is none.

    Raises:
        InputError: there is a file, but it is no lineage.
    """
    path = folder / FILE
    content = store.read_bytes(path)
    return None if content is None else store.parse_evidence(content, Lineage, str(path))


def lineage_of(folder: Path, digest: str | None) -> Lineage | None:
    """The lineage in a folder, if it is that of the model with this digest; raises as the above."""
    lineage = read_lineage(folder)
    return lineage if lineage and digest and lineage.model.digest == digest else None


def write_lineage(folder: Path, lineage: Lineage) -> Path:
    """Write lineage.json, whole or not at all."""
    return store.write_atomically(folder / FILE, store.dump_evidence(lineage))


_SHOWN = 19
"""Characters of a digest that sentences show: `sha256:` and twelve digits."""


def training_facts(lineage: Lineage) -> dict[str, str]:
    """What decided a training, each under the name that sentences use."""
    packages = lineage.environment
    facts = {f"training input {one.path}": one.digest[:_SHOWN] for one in lineage.inputs}
    facts["training command"] = " ".join(lineage.command)
    facts["training packages"] = f"{packages.source} {packages.digest[:_SHOWN]}"
    facts["training Python"] = packages.python or ""
    facts["training seed"] = "" if lineage.seed is None else str(lineage.seed)
    return {name: value for name, value in facts.items() if value}


def training_circumstances(lineage: Lineage) -> dict[str, str]:
    """What was recorded of a training and should not have decided it."""
    commit, machine = lineage.produced.commit, lineage.hardware
    changed = " with uncommitted changes" if lineage.clean is False else ""
    facts = {
        "training commit": f"{commit[:12]}{changed}" if commit else "",
        "training machine": ", ".join((machine.processor, *machine.gpus)),
        "training system": machine.system,
    }
    return {name: value for name, value in facts.items() if value}


def differences(
    before: dict[str, str], after: dict[str, str]
) -> tuple[tuple[str, str | None, str | None], ...]:
    """The names whose values differ, each with both; None where there is none."""
    names = dict.fromkeys((*before, *after))
    return tuple(
        (name, before.get(name), after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    )
