"""The evidence of one run, read from its folder and held against itself."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cdml.common.verdict import Verdict, worst
from cdml.config import Config
from cdml.errors import InputError
from cdml.evidence import store
from cdml.evidence.failure import DELIVERIES, FAILURES, STAGES, Failure
from cdml.evidence.schema import (
    BoundGate,
    Check,
    Comparison,
    ComparisonGate,
    DataEvidence,
    Deployment,
    Evaluation,
    Producer,
)
from cdml.evidence.store import E

_RERUN = "Run all stages on the same model and data with one --output-dir."


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceSet:
    """What the stages left behind; None where a stage left nothing.

    `missing` commands left neither evidence nor an error; `outdated` files are of another run or
    commit and not reported; `ours` is what our own gates make of a stranger's figures.
    """

    data: DataEvidence | None
    evaluation: Evaluation | None
    comparison: Comparison | None
    deployment: Deployment | None
    missing: tuple[str, ...]
    failures: tuple[Failure, ...] = ()
    outdated: tuple[str, ...] = ()
    ours: Verdict | None = None

    @property
    def stages(self) -> tuple[DataEvidence | Evaluation | Comparison | Deployment, ...]:
        """The evidence there is, in the order of the stages."""
        every = (self.data, self.evaluation, self.comparison, self.deployment)
        return tuple(stage for stage in every if stage is not None)

    @property
    def gates(self) -> tuple[ComparisonGate | BoundGate, ...]:
        """The comparisons, then the bounds, each in the order of cdml.yaml."""
        compared = self.comparison.gates if self.comparison else ()
        return (*compared, *(self.evaluation.gates if self.evaluation else ()))

    @property
    def checks(self) -> tuple[Check, ...]:
        """The checks of the data."""
        return self.data.checks if self.data else ()

    @property
    def verdict(self) -> Verdict:
        """The worst of the stages; one that left no evidence is inconclusive.

        A stranger's is no better than what our own gates say, and no gates at all are no pass.
        """
        verdicts = [stage.verdict for stage in self.stages]
        verdicts += [Verdict.INCONCLUSIVE for _ in (*self.missing, *self.failures, *self.outdated)]
        if self._ungated:
            verdicts.append(Verdict.INCONCLUSIVE)
        return worst(verdicts if self.ours is None else (*verdicts, self.ours))

    @property
    def doubted(self) -> bool:
        """Whether our own gates make less of a stranger's figures than the stranger did."""
        claimed = worst(stage.verdict for stage in self.stages)
        return self.ours is not None and self.ours.severity > claimed.severity

    @property
    def _ungated(self) -> bool:
        judged = (self.evaluation, self.comparison)
        return None not in judged and not self.same_model and not any(s and s.gates for s in judged)

    @property
    def same_model(self) -> bool:
        """Whether the challenger is the champion, byte for byte."""
        comparison = self.comparison
        if (
            comparison is None
            or comparison.champion is None
            or comparison.challenger.digest is None
        ):
            return False
        return comparison.challenger.digest == comparison.champion.digest


EvidenceSource = Path | Mapping[str, bytes]
"""A folder of evidence, or its files by name."""
Current = Callable[[Producer], bool]
"""Whether evidence is of the run and commit that a report is about."""


def read_evidence_set(
    source: EvidenceSource, config: Config | None, current: Current = lambda _: True
) -> EvidenceSet:
    """Read the evidence of a run.

    Evaluation and comparison are always expected; data checks where the configuration has something
    to check them against; nothing is where a deployment is reported, which has judged its evidence
    itself, and nothing that comes after a command which ended with an error.

    Raises:
        InputError: a file is not evidence, or the files speak of different models or data.
    """
    outdated: list[str] = []

    def read_current(kind: type[E]) -> E | None:
        stage = _read(source, kind)
        if stage is None or current(stage.produced):
            return stage
        outdated.append(store.FILES[kind])
        return None

    data, evaluation = read_current(DataEvidence), read_current(Evaluation)
    comparison, deployment = read_current(Comparison), read_current(Deployment)
    failures = tuple(_failures(source, deployment, current))
    expected = (
        ("validate-data", data is not None or not (config and config.data.checked)),
        ("evaluate-model", evaluation is not None),
        ("compare-to-champion", comparison is not None),
    )
    stopped = [one.command for one in failures]
    delivered = deployment is not None or any(name in DELIVERIES for name in stopped)
    missing = (
        [] if delivered or "gate" in stopped else [name for name, there in expected if not there]
    )
    first = min((STAGES.index(name) for name in stopped if name in STAGES), default=len(STAGES))
    gathered = EvidenceSet(
        data=data,
        evaluation=evaluation,
        comparison=comparison,
        deployment=deployment,
        missing=tuple(name for name in missing if name in STAGES[:first]),
        failures=failures,
        outdated=tuple(outdated),
    )
    _check(gathered, str(source) if isinstance(source, Path) else "the artifact")
    return gathered


def _failures(
    source: EvidenceSource, deployment: Deployment | None, current: Current
) -> Iterator[Failure]:
    """The errors there are; a deployment that failed has said so itself."""
    for name, command in FAILURES.items():
        content = (
            source.get(name) if isinstance(source, Mapping) else store.read_bytes(source / name)
        )
        if content is None:
            continue
        failure = store.parse_evidence(content, Failure, name)
        if failure.command != command:
            raise InputError(f"{name} has the error of {failure.command}.", _RERUN)
        has_failed = deployment is not None and deployment.verdict is Verdict.FAIL
        if current(failure.produced) and not (has_failed and command in DELIVERIES):
            yield failure


def _read(source: EvidenceSource, kind: type[E]) -> E | None:
    if isinstance(source, Path):
        return store.read_evidence(source, kind)
    name = store.FILES[kind]
    content = source.get(name)
    return (
        None if content is None else store.parse_evidence(content, kind, f"the artifact's {name}")
    )


def _check(gathered: EvidenceSet, place: str) -> None:
    for subject, digests in (("models", _models(gathered)), ("data", _data(gathered))):
        by_stage = dict(digests)
        if len(set(by_stage.values())) > 1:
            listing = ", ".join(f"{name}: {_short(digest)}" for name, digest in by_stage.items())
            raise InputError(f"{place} mixes evidence on different {subject} ({listing}).", _RERUN)


def _models(gathered: EvidenceSet) -> Iterator[tuple[str, str | None]]:
    if gathered.evaluation:
        yield "evaluation.json", gathered.evaluation.model.digest
    if gathered.comparison:
        yield "comparison.json", gathered.comparison.challenger.digest
    if gathered.deployment and gathered.deployment.operation == "deploy":
        yield "deployment.json", gathered.deployment.to.digest


def _data(gathered: EvidenceSet) -> Iterator[tuple[str, str]]:
    for stage in (gathered.data, gathered.evaluation, gathered.comparison):
        if stage is not None:
            yield store.FILES[type(stage)], stage.data.digest


def _short(digest: str | None) -> str:
    return digest[:19] if digest else "no digest"
