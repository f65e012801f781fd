"""Does the data, or the model's choice of columns, give the label away?"""

from collections.abc import Iterator, Sequence

from cdml.common.verdict import Verdict
from cdml.config.schema import DataSettings
from cdml.data.contract import Contract
from cdml.data.leakage import inputs, labels
from cdml.data.leakage.inputs import contradictions, odd_inputs
from cdml.data.rules.quality import unjudged_finding
from cdml.data.rules.rule import count_check, fact
from cdml.evidence.schema import Check, DataRef
from cdml.statistics.metrics import Task
from cdml.tables.query import CellValue, Field, LogicalType
from cdml.tables.table import Table

SAMPLE = 10_000
_CELLS = 5_000_000  # values that are held at once: of very many columns fewer rows are drawn
_MANY = 0.01  # share of rows that cannot be in both sets by accident
_FEW_VALUES = 20
_SAME_FILES = "rows are also the reference: the files are identical"


def check_declared_columns(
    contract: Contract, features: Sequence[str] | None, label: str | None
) -> Iterator[Check]:
    """Columns that are known only after the outcome, and a model's use of them."""
    after = contract.after_outcome | ({label} if label else set())
    if features is None:
        if contract.after_outcome:
            names = ", ".join(sorted(contract.after_outcome))
            text = f"no model may use {names}; no model was given to check"
            yield unjudged_finding("known_after_outcome", None, text)
        return
    for column in sorted(after.intersection(features)):
        problem = "is the label" if column == label else "is known only after the outcome"
        yield fact(
            "known_after_outcome", column, fine=False,
            expected="not an input of the model", observed="an input of the model",
            reason=f"the model uses {column}, which {problem} and not available when a "
            "prediction is needed",
        )  # fmt: skip
    if not after.intersection(features):
        yield fact(
            "known_after_outcome", None, fine=True, expected="0", observed="0",
            reason=f"none of the model's {len(features)} inputs is declared as known only "
            "after the outcome",
        )  # fmt: skip


def find_label_leaks(
    table: Table, settings: DataSettings, contract: Contract, features: Sequence[str] | None,
    positive: CellValue | None,
) -> Iterator[Check]:  # fmt: skip
    """Columns, and differences of two, that tell the label by themselves; and odd inputs."""
    fields = {field.name: field for field in table.fields}
    candidates = candidate_inputs(table, settings, contract, features)
    if not candidates or settings.label not in fields:
        return
    sample = table.sample(
        [*candidates, settings.label], min(SAMPLE, max(1, _CELLS // len(candidates)))
    )
    label = sample[settings.label]
    task = _task(settings, fields[settings.label], label)
    classes = task is not Task.REGRESSION
    yield from inputs.missing_with_label(sample, settings.label, classes=classes)
    if features is not None:
        yield from odd_inputs(table, sample, candidates)
        if classes:
            yield from contradictions(table, candidates, settings.label)
    as_sampled = float(positive) if isinstance(positive, bool | int | float) else str(positive)
    goal = labels.label_target(label, task, as_sampled)
    if goal is None:
        yield unjudged_finding("label_leakage", None, "not measured: a class has too few rows")
        return
    ordered = [
        name for name in candidates
        if fields[name].type.ordered and fields[name].type is not LogicalType.BOOLEAN
    ]  # fmt: skip
    leaks = labels.find_leaks({name: sample[name] for name in candidates}, ordered, goal)
    limits = settings.leakage
    yield from labels.judge_leaks(
        leaks, warn=limits.warn, fail=limits.fail, used=features is not None
    )


def candidate_inputs(
    table: Table, settings: DataSettings, contract: Contract, features: Sequence[str] | None
) -> list[str]:
    """The model's inputs that the data has; without a model every column that one could use."""
    fields = {field.name: field for field in table.fields}
    if features is None:
        left_out = {*settings.key, *settings.leakage.ignore, *contract.after_outcome}
    else:
        left_out = set(settings.leakage.ignore)
    return [
        name
        for name in (fields if features is None else features)
        if name in fields and name not in left_out and name != settings.label
        and fields[name].type.plain
    ]  # fmt: skip


def _task(settings: DataSettings, label: Field, values: Sequence[float | str | None]) -> Task:
    """The task as far as it matters here, where the configuration does not say."""
    if settings.task is not None:
        return settings.task
    if settings.positive is not None:
        return Task.BINARY
    few = len(set(values)) <= _FEW_VALUES
    return Task.MULTICLASS if few or not label.type.ordered else Task.REGRESSION


def shared_rows(
    table: Table, reference: Table, settings: DataSettings, complete: Sequence[str]
) -> Iterator[Check]:
    """Rows of the reference among those the model is judged on.

    A key that occurs on both sides may be a counter that starts anew, or a customer who came back;
    a row that is the same in every column is a row the model has learnt by heart. Rows are compared
    in `complete` columns: neither side misses a value, and both hold one type.
    """
    if table.ref.digest == reference.ref.digest:
        yield _shared(table.ref.rows, table.ref.rows, _SAME_FILES, Verdict.FAIL)
        return
    if not set(settings.key) <= set(complete):
        yield unjudged_finding(
            "rows_shared", None, "not compared: the reference does not have the key"
        )
        return
    by_key = table.shared(reference, settings.key)
    identical = table.shared(reference, complete) if by_key else 0
    rows = table.ref.rows
    if identical:
        verdict = Verdict.WARN if identical < _MANY * rows else Verdict.FAIL
        yield _shared(
            identical, rows, "rows are in the reference, identical in every column", verdict
        )
    elif by_key:
        words = "rows share a key with a reference row that differs otherwise"
        yield _shared(by_key, rows, words, Verdict.WARN)
    else:
        yield _shared(0, rows, "rows share a key with the reference", Verdict.PASS)


def shared_with_profile(table: Table, reference: DataRef, source: str) -> Check:
    """What a profile reveals about shared rows: that the files are the same, and nothing else."""
    if table.ref.digest == reference.digest:
        rows = table.ref.rows
        return _shared(rows, rows, _SAME_FILES, Verdict.FAIL)
    return unjudged_finding(
        "rows_shared", None, f"not compared: {source} is only a profile, without rows"
    )


def _shared(count: int, rows: int, words: str, verdict: Verdict) -> Check:
    return count_check("rows_shared", None, count, rows, words, verdict)
