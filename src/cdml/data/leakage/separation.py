"""Whether the judged rows are apart from the training rows: in time, by group, by content."""

import math
from collections.abc import Callable, Iterator, Sequence

from cdml.common.verdict import Verdict
from cdml.config.schema import DataSettings
from cdml.data.drift.bins import on_line
from cdml.data.drift.reference import NoReference, ReferenceRows, ReferenceSource, StoredProfile
from cdml.data.rules.quality import unjudged_finding
from cdml.data.rules.rule import DataRule, count_check, make_check, not_executed, percentage
from cdml.evidence.schema import Check
from cdml.tables.query import CellValue, Compare, Field, NotRun, in_common
from cdml.tables.table import Overlap, Table

_COARSE = 0.2  # share of equal rows from which columns no longer tell rows apart
_ERRORS = 3  # standard errors that chance is allowed
_MANY = 0.01  # share of rows that cannot lie in the past by accident


def inputs_shared(
    overlap: Overlap,
    rows: int,
    reference_rows: int,
    columns: Sequence[str],
    *,
    warn: float | None,
    fail: float | None,
) -> Check:
    """Whether more rows equal one of the reference than chance explains.

    Columns of few values repeat by chance. How often a new row of the same kind would equal an old
    one is what the rows of one side say of one another: the share of them that equal another
    (leaving one out). Only what goes beyond it counts, and beyond three standard errors of it.
    Where a fifth of the rows are equal by chance, columns do not tell rows apart, and the worst is
    a warning. `warn` and `fail` are shares of the rows beyond chance; None: never.
    """
    chance = max(overlap.repeated_there / reference_rows, overlap.repeated_here / rows)
    seen = overlap.shared / rows
    error = math.sqrt(chance * (1 - chance) * (1 / rows + 1 / reference_rows))
    beyond = seen - chance if seen - chance > _ERRORS * error else 0.0
    verdict = Verdict.PASS
    if warn is not None and not beyond < warn:
        verdict = Verdict.WARN
    if fail is not None and not beyond < fail:
        verdict = Verdict.FAIL if chance < _COARSE else Verdict.WARN
    limits = [limit for limit in (warn, fail) if limit is not None]
    return make_check(
        name="inputs_shared",
        verdict=verdict,
        severity="warning" if fail is None else "error",
        expected=f"less than {100 * min(limits):g} % beyond chance" if limits else "",
        observed=f"{100 * beyond:.4g} %",
        failing_rows=overlap.shared,
        reason=f"{overlap.shared:,} of {rows:,} rows equal a reference row in all"
        f" {len(columns)} columns ({percentage(overlap.shared, rows)}); chance explains"
        f" {100 * chance:.3g} %",
    )


def time_order(column: str, early: int, rows: int, end: str) -> Check:
    """Whether the judged rows come after the reference: `early` lie before its end."""
    verdict = Verdict.PASS
    if early:
        verdict = Verdict.WARN if early < _MANY * rows else Verdict.FAIL
    note = ": the model may have learnt from later rows" if early else ""
    return count_check(
        "time_order", column, early, rows, f"rows are older than the end of the reference, {end}",
        verdict, expected=f"not before {end}", note=note,
    )  # fmt: skip


def groups_shared(column: str, shared: int, rows: int) -> Check:
    """Whether a user, a device, a conversation lies on both sides."""
    note = ": what the model has memorised looks like skill" if shared else ""
    return count_check(
        "groups_shared", column, shared, rows,
        f"rows have a {column} that is also in the reference",
        Verdict.WARN if shared else Verdict.PASS, severity="warning", note=note,
    )  # fmt: skip


MOST = 64
"""Columns that rows are compared in: of more, engines take quadratic time to plan the question."""


def check_separation(
    table: Table,
    reference: ReferenceSource,
    settings: DataSettings,
    candidates: Sequence[str],
    may_disclose: Callable[[str], bool],
) -> Iterator[Check]:
    """Everything that keeps the judged rows apart from the reference."""
    if isinstance(reference, NoReference):
        if settings.time is not None:
            yield unjudged_finding(
                "time_order", settings.time, "not compared: there is no reference"
            )
        return
    if reference.ref.digest == table.ref.digest:
        return
    if settings.time is not None:
        yield _time_order(table, reference, settings.time, may_disclose=may_disclose(settings.time))
    group = settings.group or settings.cluster
    here = {field.name for field in table.fields}
    if group in here and group not in settings.leakage.ignore:
        yield _groups(table, reference, group)
    if isinstance(reference, ReferenceRows):
        yield from _inputs(table, reference.table, settings, candidates)


def _time_order(
    table: Table, reference: StoredProfile | ReferenceRows, column: str, *, may_disclose: bool
) -> Check:
    now = next(field for field in table.fields if field.name == column)
    end = _end(reference, now) if now.type.ordered else None
    rule = DataRule(name="time_order", column=column, subject="", expected="after the reference")
    if end is None:
        return not_executed(rule, f"the reference has no last {column}")
    [early] = table.count([Compare(column, "<", end)])
    if isinstance(early, NotRun):
        return not_executed(rule, early.reason)
    end_text = str(end) if may_disclose else "its last value"
    return time_order(column, early, table.ref.rows, end_text)


def _end(reference: StoredProfile | ReferenceRows, now: Field) -> CellValue | None:
    """The reference's last time; None where it has none of this type."""
    if isinstance(reference, StoredProfile):
        profile = reference.profile.by_name.get(now.name)
        if profile is None or profile.type is not now.type or profile.high is None:
            return None
        return on_line(profile.high, now.type)
    if all((f.name, f.type) != (now.name, now.type) for f in reference.table.fields):
        return None
    extent = reference.table.extent(now.name)
    return extent[1] if extent else None


def _groups(table: Table, reference: StoredProfile | ReferenceRows, group: str) -> Check:
    if isinstance(reference, StoredProfile):
        text = f"not compared: {reference.source} is only a profile, without rows"
        return unjudged_finding("groups_shared", group, text)
    if group not in in_common(table.fields, reference.table.fields):
        return unjudged_finding(
            "groups_shared", group, "not compared: the reference does not have this column"
        )
    shared = table.shared(reference.table, [group])
    return groups_shared(group, shared, table.ref.rows)


def _inputs(
    table: Table, reference: Table, settings: DataSettings, candidates: Sequence[str]
) -> Iterator[Check]:
    common = in_common(table.fields, reference.fields)
    left_out = {*settings.key, settings.time}
    columns = [name for name in candidates if name in common and name not in left_out][:MOST]
    limits = settings.leakage
    if not columns or (limits.shared_warn is None and limits.shared_fail is None):
        return
    yield inputs_shared(
        table.overlap(reference, columns), table.ref.rows, reference.ref.rows, columns,
        warn=limits.shared_warn, fail=limits.shared_fail,
    )  # fmt: skip
