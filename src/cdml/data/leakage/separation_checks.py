"""Are the judged rows apart from the reference: in time, by group, and by what the model sees?"""

from collections.abc import Callable, Iterator, Sequence

from cdml.config.schema import Data
from cdml.data.drift.bins import on_line
from cdml.data.drift.reference import NoReference, Reference, Rows, Stored
from cdml.data.leakage import separation
from cdml.data.rules.quality import listed
from cdml.data.rules.rule import Finding, Rule, not_executed
from cdml.tables.query import Compare, Field, NotRun, Scalar, in_common
from cdml.tables.table import Table

MOST = 64
"""Columns that rows are compared in: of more, engines take quadratic time to plan the question."""


def separated(
    table: Table,
    reference: Reference,
    settings: Data,
    candidates: Sequence[str],
    shows: Callable[[str], bool],
) -> Iterator[Finding]:
    """Everything that keeps the judged rows apart from the reference.

    Args:
        table: the rows now.
        reference: what the model was trained on.
        settings: which columns are time and group.
        candidates: the columns that the model sees, or could.
        shows: whether values of a column may be told.
    """
    if isinstance(reference, NoReference):
        if settings.time is not None:
            yield listed("time_order", settings.time, "not compared: there is no reference")
        return
    if reference.ref.digest == table.ref.digest:
        return
    if settings.time is not None:
        yield _time_order(table, reference, settings.time, shown=shows(settings.time))
    group = settings.group or settings.cluster
    here = {field.name for field in table.fields}
    if group in here and group not in settings.leakage.ignore:
        yield _groups(table, reference, group)
    if isinstance(reference, Rows):
        yield from _inputs(table, reference.table, settings, candidates)


def _time_order(table: Table, reference: Stored | Rows, column: str, *, shown: bool) -> Finding:
    now = _field(table, column)
    end = _end(reference, now) if now.type.ordered else None
    rule = Rule(name="time_order", column=column, what="", expected="after the reference")
    if end is None:
        return not_executed(rule, f"the reference does not say when its {column} ends")
    [early] = table.count([Compare(column, "<", end)])
    if isinstance(early, NotRun):
        return not_executed(rule, early.reason)
    told = str(end) if shown else "its last value"
    return separation.time_order(column, early, table.ref.rows, told)


def _end(reference: Stored | Rows, now: Field) -> Scalar | None:
    """The reference's last time; None where it has none of this type."""
    if isinstance(reference, Stored):
        known = reference.profile.by_name.get(now.name)
        if known is None or known.type is not now.type or known.high is None:
            return None
        return on_line(known.high, now.type)
    if all((f.name, f.type) != (now.name, now.type) for f in reference.table.fields):
        return None
    extent = reference.table.extent(now.name)
    return extent[1] if extent else None


def _groups(table: Table, reference: Stored | Rows, group: str) -> Finding:
    if isinstance(reference, Stored):
        text = f"not compared: of {reference.source} there is a profile, and no rows"
        return listed("groups_shared", group, text)
    if group not in in_common(table.fields, reference.table.fields):
        return listed("groups_shared", group, "not compared: the reference has no such column")
    shared = table.shared(reference.table, [group])
    return separation.groups_shared(group, shared, table.ref.rows)


def _inputs(
    table: Table, reference: Table, settings: Data, candidates: Sequence[str]
) -> Iterator[Finding]:
    common = in_common(table.fields, reference.fields)
    left_out = {*settings.key, settings.time}
    columns = [name for name in candidates if name in common and name not in left_out][:MOST]
    limits = settings.leakage
    if not columns or (limits.shared_warn is None and limits.shared_fail is None):
        return
    yield separation.inputs_shared(
        table.overlap(reference, columns), table.ref.rows, reference.ref.rows, columns,
        warn=limits.shared_warn, fail=limits.shared_fail,
    )  # fmt: skip


def _field(table: Table, column: str) -> Field:
    return next(field for field in table.fields if field.name == column)
