"""Is this data what was promised, what the model knew, and free of the answer?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cdml.config import Loaded
from cdml.core.checks import Finding
from cdml.core.contract import NO_CONTRACT, Contract
from cdml.core.expressions import Field, LogicalType, Missing, NotRun, Scalar
from cdml.core.identity import identity_rules, missing_columns, positive_class
from cdml.core.metrics import Task
from cdml.core.odcs import read_contract
from cdml.core.profile import Profile
from cdml.core.quality import Asked
from cdml.core.rules import from_contract
from cdml.core.verdict import Verdict, worst
from cdml.errors import ConfigurationError, InputError
from cdml.evidence import profile as profiles
from cdml.evidence import store
from cdml.evidence.models import Check, DataEvidence, DataRef, Deployment, Sample
from cdml.flows import leakage_checks
from cdml.flows.asking import ask
from cdml.flows.drift_checks import DriftPlan, judge_drift, no_reference, plan_drift
from cdml.flows.producer import producer
from cdml.flows.profiles import profile_of
from cdml.flows.references import NoReference, Reference, Rows, Stored, find_reference
from cdml.ports import Ports, Progress, Table, Tables

_LONG = 1000
_UNORDERED = (LogicalType.ARRAY, LogicalType.OBJECT, LogicalType.OTHER)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """What is judged, and by what."""

    loaded: Loaded
    table: Table
    reference: Reference
    contract: Contract
    features: Sequence[str] | None

    @property
    def rows(self) -> Table | None:
        """The reference's rows, where they can be read."""
        return self.reference.table if isinstance(self.reference, Rows) else None

    @property
    def fields(self) -> dict[str, Field]:
        return {field.name: field for field in self.table.fields}

    @property
    def positive(self) -> Scalar | None:
        data = self.loaded.config.data
        return positive_class(data.positive, self.fields[data.label])

    def shows(self, column: str) -> bool:
        """Keys identify rows, and people: their values are never told."""
        return column not in self.loaded.config.data.key and self.contract.shows(column)


def validate_data(
    loaded: Loaded,
    ports: Ports,
    *,
    output: Path,
    data: str | None = None,
    reference: str | None = None,
    contract: str | None = None,
    features: Sequence[str] | None = None,
    champion: str | None = None,
) -> DataEvidence:
    """Judge the evaluation rows and write `data.json`; and `profile.json`, of the reference.

    Args:
        loaded: the configuration.
        ports: the world.
        output: folder of the evidence.
        data, reference, contract: instead of those of the configuration.
        features: the model's input columns; None where no model is judged.
        champion: as `find_reference` takes it.

    Raises:
        ConfigurationError: the contract cannot be understood.
        InputError: the data cannot be read, or lacks a column that cdml.yaml names.
    """
    store.remove(output, DataEvidence, Deployment)
    settings = loaded.config.data
    promises = _contract(loaded, contract or settings.contract)
    with ports.progress.step("reading the data"):
        table, ref = _open(loaded, ports.tables, data or settings.evaluation)
        _require_columns(loaded, table)
        known = find_reference(loaded, ports, reference or settings.reference, champion)
    store.discard(*(output / name for name in profiles.FILES))
    subject = _Subject(
        loaded=loaded,
        table=table,
        reference=known,
        contract=promises,
        features=features,
    )
    profile = _profile(subject, ports.progress)
    findings = tuple(_findings(subject, profile, ports.progress))
    verdict = worst(finding.verdict for finding in findings)
    evidence = DataEvidence(
        verdict=verdict,
        reason=_summary(findings),
        produced=producer(ports.platform, ports.clock),
        data=ref,
        reference=None if isinstance(known, NoReference) else known.ref,
        checks=tuple(map(_check, findings)),
    )
    if profile is not None and not isinstance(known, NoReference):
        made = profiles.ProfileDocument(produced=evidence.produced, data=known.ref, profile=profile)
        kept = known.document if isinstance(known, Stored) else made
        profiles.write(output / profiles.FILE, kept)
    store.write(output, evidence)
    return evidence


def _profile(subject: _Subject, progress: Progress) -> Profile | None:
    """What the data is compared with; made here where the reference is rows."""
    match subject.reference:
        case Rows(table=table):
            key = frozenset(subject.loaded.config.data.key)
            with progress.step("finding the reference's bins"):
                return profile_of(table, key, subject.shows)
        case Stored(profile=profile):
            return profile
        case _:
            return None


def _findings(subject: _Subject, profile: Profile | None, progress: Progress) -> Iterator[Finding]:
    data = subject.loaded.config.data
    table, contract = subject.table, subject.contract
    plan = DriftPlan()
    if profile is not None:
        ignored = frozenset({*data.key, *data.drift.ignore})
        plan = plan_drift(table, profile, ignored, data.drift)
    common = _comparable(table, subject.rows)
    with progress.step("checking the contract"):
        also = (*plan.conditions, *map(Missing, common))
        findings, counts = ask(table, tuple(_asked(subject)), also, subject.shows)
    yield from findings
    here = len(plan.conditions)
    with progress.step("comparing with the reference"):
        yield from judge_drift(
            plan, table, counts[:here],
            label=data.label, thresholds=data.drift, shown=subject.shows,
        )  # fmt: skip
        yield from _shared(subject, common, counts[here:])
    yield from leakage_checks.declared(contract, subject.features, data.label)
    with progress.step("looking for columns that give the label away"):
        yield from leakage_checks.measured(
            table, data, contract, subject.features, subject.positive
        )


def _shared(
    subject: _Subject, common: Sequence[str], missing: Sequence[int | NotRun]
) -> Iterator[Finding]:
    """Rows of the reference among those that are judged, as far as it is there."""
    data, table = subject.loaded.config.data, subject.table
    match subject.reference:
        case Rows(table=reference):
            there = reference.count(tuple(map(Missing, common)))
            complete = [
                name
                for name, now, before in zip(common, missing, there, strict=True)
                if _none(now) and _none(before)
            ]
            yield from leakage_checks.shared_rows(table, reference, data, complete)
        case Stored() as known:
            yield leakage_checks.shared_with_profile(table, known.ref, known.source)
        case NoReference(why=why, asked=asked):
            yield from no_reference(why, data.drift, asked=asked)


def _none(count: int | NotRun) -> bool:
    return not isinstance(count, NotRun) and count == 0


def _asked(subject: _Subject) -> Iterator[Asked]:
    data = subject.loaded.config.data
    label = subject.fields[data.label]
    yield from identity_rules(data.key, label, subject.positive)
    yield from from_contract(subject.contract, subject.fields)


def _comparable(table: Table, reference: Table | None) -> list[str]:
    """The columns that both sides hold in the same type."""
    before = {field.name: field.type for field in reference.fields} if reference else {}
    return [
        field.name
        for field in table.fields
        if before.get(field.name) is field.type and field.type not in _UNORDERED
    ]


def _contract(loaded: Loaded, written: str | None) -> Contract:
    """The contract that `file` or `file#table` names."""
    if written is None:
        return NO_CONTRACT
    name, _, table = written.partition("#")
    path = Path(loaded.locate(name))
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"the contract {name} does not exist.", "data.contract is relative to cdml.yaml."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the contract {name} cannot be read: {error}.") from error
    return read_contract(text, name, table or None)


def _open(loaded: Loaded, tables: Tables, written: str) -> tuple[Table, DataRef]:
    """A table, and its evidence under the name it was given."""
    table = tables.open(loaded.locate(written))
    if "://" in written:
        return table, table.ref
    return table, table.ref.model_copy(update={"uri": written})


def _require_columns(loaded: Loaded, table: Table) -> None:
    data = loaded.config.data
    named = {
        "key": data.key,
        "label": (data.label,),
        "slices": data.slices,
        "drift.ignore": data.drift.ignore,
        "leakage.ignore": data.leakage.ignore,
    }
    lost = missing_columns(named, [field.name for field in table.fields])
    if lost:
        raise InputError(
            f"{table.ref.uri} lacks columns that {loaded.path.name} names: " + " ".join(lost),
            "Change the name there, or bring the column with the data.",
        )
    label = next(field for field in table.fields if field.name == data.label)
    if data.positive is not None and positive_class(data.positive, label) is None:
        raise InputError(
            f"data.positive is {data.positive!r}, but the label {label.name!r} holds"
            f" {label.physical}: no row can be of that class.",
            "Write data.positive as the data writes it.",
        )
    if data.task is Task.REGRESSION and not label.type.numeric:
        raise InputError(
            f"a regression predicts a number, but the label {label.name!r} holds {label.physical}.",
            "A text among the numbers, such as NA, makes a whole CSV column text.",
        )


def _check(finding: Finding) -> Check:
    return Check(
        name=finding.name,
        column=finding.column,
        verdict=finding.verdict,
        severity=finding.severity,
        expected=_cut(finding.expected),
        observed=_cut(finding.observed),
        failing_rows=finding.failing_rows,
        sample=tuple(Sample(row=row, value=value) for row, value in finding.sample),
        reason=_cut(finding.reason),
    )


def _cut(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"


def _summary(findings: Sequence[Finding]) -> str:
    """How many checks there were, and the first of the worst."""
    judged = [finding for finding in findings if finding.severity != "info"]
    counts = {v: sum(finding.verdict is v for finding in judged) for v in Verdict}
    words = {Verdict.FAIL: "failed", Verdict.INCONCLUSIVE: "undecided", Verdict.WARN: "warned"}
    told = [f"{counts[verdict]} {word}" for verdict, word in words.items() if counts[verdict]]
    text = f"{len(judged)} checks, {', '.join(told) or 'all passed'}"
    first = max(findings, key=lambda finding: finding.verdict.severity)
    if first.verdict is Verdict.PASS:
        return text
    where = f"{first.name} of {first.column}" if first.column else first.name
    return f"{text}; {where}: {_cut(first.reason)}"
