"""Is this data what was promised, what the model knew, and free of the answer?"""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from itertools import chain, groupby, islice
from pathlib import Path

from cdml.ci.provenance import producer
from cdml.common.progress import Progress
from cdml.common.verdict import Verdict, worst
from cdml.config import LoadedConfig
from cdml.config.data_checks import data_check_types
from cdml.data.check import CheckContext, DataCheck, keys_of, label_field, may_disclose
from cdml.data.drift import profile_file as profiles
from cdml.data.drift.reference import NoReference, StoredProfile, find_reference
from cdml.data.feature_checks import judge_features, read_features
from cdml.data.leakage import label_checks
from cdml.data.leakage.separation import check_separation
from cdml.data.odcs.load import load_contract, open_related
from cdml.data.open_rows import open_reference, open_rows, require_features, types_for
from cdml.data.ports import DataPorts
from cdml.data.reference_checks import ReferenceChecks
from cdml.data.rules.contract import from_contract, identity_rules, missing_columns, positive_class
from cdml.data.rules.rule import RuleOrCheck
from cdml.data.rules.signature import Signature, check_signature, refused_value
from cdml.data.scan import scan_table
from cdml.errors import InputError
from cdml.evidence import store
from cdml.evidence.schema import Check, DataEvidence, Deployment
from cdml.models.uri import CHAMPION
from cdml.report.test_results import RESULTS, write_results
from cdml.statistics.metrics import Task
from cdml.tables.query import Field, NotRun
from cdml.tables.table import Table

Counts = Sequence[int | NotRun]


def validate_data(
    loaded: LoadedConfig,
    ports: DataPorts,
    *,
    output: Path,
    data: str | None = None,
    reference: str | None = None,
    contract: str | None = None,
    judged: Signature | None = None,
    champion: str | None = None,
    signatures: Sequence[Signature] = (),
    alike: Sequence[Field] = (),
) -> DataEvidence:
    """Judge the evaluation rows and write `data.json`; and `profile.json`, of the reference.

    The checks are also written as JUnit and SARIF. `judged` is the signature whose inputs are
    looked at, `signatures` are those of all models that will be asked about the rows, `alike`
    columns of predictions that are paired with them; data, reference and contract replace those of
    the configuration.

    Raises:
        ConfigurationError: the contract cannot be understood.
        InputError: the data cannot be read, or lacks a column that cdml.yaml names.
    """
    store.remove_evidence(output, DataEvidence, Deployment)
    store.remove_files(*(output / name for name in RESULTS))
    settings = loaded.config.data
    written = contract or settings.contract
    promised = load_contract(loaded, written)
    with ports.progress.step("reading the data"):
        scored = next((one for one in signatures if one.subject != CHAMPION), None)
        table = open_rows(
            loaded, ports.tables, data=data, contract=promised, signature=scored, alike=alike,
            reference=reference,
        )  # fmt: skip
        uri = data or settings.evaluation
        ref = table.ref if "://" in uri else table.ref.model_copy(update={"uri": uri})
        _require_columns(loaded, table)
        reference_source = find_reference(
            loaded, ports, reference or settings.reference, champion,
            lambda uri: open_reference(
                loaded, ports.tables, uri, table=table, contract=promised, signature=scored
            ),
        )  # fmt: skip
        related = open_related(loaded, ports.tables, promised, table)
    store.remove_files(*(output / name for name in profiles.FILES))
    has_reference = not isinstance(reference_source, NoReference)
    with ports.progress.step("finding the reference's bins") if has_reference else nullcontext():
        against = ReferenceChecks.prepare(
            table, reference_source, settings, partial(may_disclose, loaded, promised)
        )
    features = read_features(loaded, ports, champion)
    context = CheckContext(
        loaded=loaded, table=table, contract=promised, against=against, judged=judged,
        now=ports.clock.now(), related=related, signatures=signatures,
        store=features,
    )  # fmt: skip
    findings = tuple(_findings(context, ports.progress))
    evidence = DataEvidence(
        verdict=worst(finding.verdict for finding in findings),
        reason=_summary(findings),
        produced=producer(ports.ci_run, ports.clock),
        data=ref,
        reference=None if isinstance(reference_source, NoReference) else reference_source.ref,
        profile=reference_source.source if isinstance(reference_source, StoredProfile) else None,
        features=features.record if features else None,
        checks=findings,
    )
    _keep_profile(against, output, evidence)
    return _written(loaded, evidence, output, written)


def add_checks(
    loaded: LoadedConfig, evidence: DataEvidence, findings: Sequence[Check], output: Path
) -> DataEvidence:
    """Write the evidence anew, with what was found about the rows since."""
    checks = (*evidence.checks, *findings)
    verdict = worst(check.verdict for check in checks)
    judged = {"verdict": verdict, "reason": _summary(checks), "checks": checks}
    evidence = evidence.model_copy(update=judged)
    return _written(loaded, evidence, output, loaded.config.data.contract)


def _written(
    loaded: LoadedConfig, evidence: DataEvidence, output: Path, contract: str | None
) -> DataEvidence:
    promises = contract.partition("#")[0] if contract else None
    write_results(loaded, evidence, output, promises, keys_of(_checks(loaded)))
    store.write_evidence(output, evidence)
    return evidence


def _keep_profile(against: ReferenceChecks, output: Path, evidence: DataEvidence) -> None:
    """Leave the reference's profile next to the evidence; one that was given as it is."""
    if isinstance(against.reference, StoredProfile):
        profiles.write_profile(output / profiles.FILE, against.reference.document)
    elif against.profile is not None and evidence.reference is not None:
        made = profiles.ProfileDocument(
            produced=evidence.produced, data=evidence.reference, profile=against.profile
        )
        profiles.write_profile(output / profiles.FILE, made)


def _identity(context: CheckContext) -> Iterator[RuleOrCheck]:
    data = context.loaded.config.data
    key = tuple(name for name in data.row_key if name in {*data.key, *context.fields})
    yield from identity_rules(key, context.label, context.positive)


def _signatures(context: CheckContext) -> Iterator[RuleOrCheck]:
    for signature in context.signatures:
        types = types_for(context.loaded, context.table, context.contract, signature)
        try:
            given = context.table.read_as(types)
        except InputError as error:
            yield refused_value(signature, error.message)
            continue
        fields = {field.name: field for field in given.fields}
        yield from check_signature(signature, fields, context.loaded.config.data.purposes)


def _separation(context: CheckContext, _: Counts) -> Iterator[Check]:
    data, reference = context.loaded.config.data, context.against.reference
    seen = label_checks.candidate_inputs(context.table, data, context.contract, context.features)
    yield from check_separation(context.table, reference, data, seen, context.may_disclose)


def _label_leaks(context: CheckContext, _: Counts) -> Iterator[Check]:
    data, features = context.loaded.config.data, context.features
    yield from label_checks.check_declared_columns(context.contract, features, data.label)
    yield from label_checks.find_label_leaks(
        context.table, data, context.contract, features, context.positive
    )


def _features(context: CheckContext, _: Counts) -> Iterator[Check]:
    if context.store is not None:
        yield from judge_features(context.store, context.judged)


_REFERENCE = "comparing with the reference"

CHECKS = (
    DataCheck(
        rules=_identity,
        keys={
            "key_not_null": "key",
            "key_unique": "key",
            "label_not_null": "label",
            "positive_occurs": "positive",
        },
    ),
    DataCheck(rules=lambda on: from_contract(on.contract, on.rule_context)),
    DataCheck(rules=_signatures),
    DataCheck(
        step=_REFERENCE,
        questions=lambda on: on.against.conditions,
        judge=lambda on, counts: on.against.findings(counts),
        keys={"drift": "drift", "label_drift": "drift", "rows_shared": "reference"},
    ),
    DataCheck(
        step=_REFERENCE,
        judge=_separation,
        keys={"inputs_shared": "reference", "time_order": "time", "groups_shared": "group"},
    ),
    DataCheck(
        step="looking for columns that give the label away",
        judge=_label_leaks,
        keys={"label_given_away": "leakage"},
    ),
    DataCheck(judge=_features),
)
"""Every check of the data, in the order of their findings; those of one step stand together."""


def _checks(loaded: LoadedConfig) -> tuple[DataCheck, ...]:
    """Ours, and those of installed packages that cdml.yaml enables."""
    kinds = data_check_types()
    written = loaded.config.data.checks.items()
    added = (kinds.adapter(name)(kinds.read_settings(name, given)) for name, given in written)
    return (*CHECKS, *added)


def _findings(context: CheckContext, progress: Progress) -> Iterator[Check]:
    every = _checks(context.loaded)
    questions = [tuple(check.questions(context)) for check in every]
    with progress.step("checking the contract"):
        rules = [rule for check in every for rule in check.rules(context)]
        findings, counts = scan_table(
            context.table, rules, [*chain(*questions)], context.may_disclose, context.related
        )
    yield from findings
    rest = iter(counts)
    answers = [tuple(islice(rest, len(group))) for group in questions]
    skipped = _REFERENCE if isinstance(context.against.reference, NoReference) else None
    for step, checks in groupby(zip(every, answers, strict=True), key=lambda pair: pair[0].step):
        with progress.step(step) if step and step != skipped else nullcontext():
            for check, its in checks:
                yield from check.judge(context, its)


def _require_columns(loaded: LoadedConfig, table: Table) -> None:
    data = loaded.config.data
    named = {
        "key": data.key,
        "label": (data.label,) if data.label and loaded.config.reads_label else (),
        "time": (data.time,) if data.time is not None else (),
        "group": (data.group,) if data.group is not None else (),
        "slices": data.slices,
        "drift.ignore": data.drift.ignore,
        "leakage.ignore": data.leakage.ignore,
    }
    lost = missing_columns(named, [field.name for field in table.fields])
    if lost:
        raise InputError(
            f"{table.ref.uri} lacks columns that {loaded.path.name} names: " + " ".join(lost),
            "Correct the name there, or add the column to the data.",
        )
    require_features(loaded, table.fields, table.ref.uri)
    label = label_field(loaded.config, table.fields)
    if label is None:
        return
    if data.positive is not None and positive_class(data.positive, label) is None:
        raise InputError(
            f"data.positive is {data.positive!r}, but the label {label.name!r} holds {label.words}:"
            " no row can be of that class.",
            "Write data.positive as it appears in the data.",
        )
    if data.task is Task.REGRESSION and not label.type.numeric:
        raise InputError(
            f"a regression predicts a number, but the label {label.name!r} holds {label.words}.",
            "A single text such as NA makes a whole CSV column text.",
        )


def _summary(findings: Sequence[Check]) -> str:
    judged = [finding for finding in findings if finding.severity != "info"]
    counts = {v: sum(finding.verdict is v for finding in judged) for v in Verdict}
    words = {Verdict.FAIL: "failed", Verdict.INCONCLUSIVE: "undecided", Verdict.WARN: "warned"}
    parts = [f"{counts[verdict]} {word}" for verdict, word in words.items() if counts[verdict]]
    text = f"{len(judged)} checks, {', '.join(parts) or 'all passed'}"
    first = max(findings, key=lambda finding: finding.verdict.severity)
    if first.verdict is Verdict.PASS:
        return text
    where = f"{first.name} of {first.column}" if first.column else first.name
    return f"{text}; {where}: {first.reason}"
