"""What keeps the judged rows apart from those that the model was trained on."""

import math
from collections.abc import Sequence

from cdml.common.verdict import Verdict
from cdml.data.rules.rule import Finding, share
from cdml.tables.table import Overlap

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
) -> Finding:
    """Whether more rows equal one of the reference than chance explains.

    Columns of few values repeat by chance. How often a new row of the same kind would equal an
    old one is what the rows of one side say of one another: the share of them that equal another
    (leaving one out). Only what goes beyond it counts, and beyond three standard errors of it.
    Where a fifth of the rows are equal by chance, columns do not tell rows apart, and the worst
    is a warning.

    Args:
        overlap: what was counted.
        rows, reference_rows: of both sides.
        columns: in which rows were compared.
        warn, fail: share of the rows beyond chance from which to warn and to fail; None: never.
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
    return Finding(
        name="inputs_shared",
        verdict=verdict,
        severity="warning" if fail is None else "error",
        expected=f"less than {100 * min(limits):g} % beyond chance" if limits else "",
        observed=f"{100 * beyond:.4g} %",
        failing_rows=overlap.shared,
        reason=f"{overlap.shared:,} of {rows:,} rows equal a row of the reference in all of"
        f" {len(columns)} columns ({share(overlap.shared, rows)}); chance explains"
        f" {100 * chance:.3g} %",
    )


def time_order(column: str, early: int, rows: int, end: str) -> Finding:
    """Whether the judged rows come after the reference.

    Args:
        column: the time.
        early: rows from before the reference's end.
        rows: all rows.
        end: the reference's last time, as it is told.
    """
    verdict = Verdict.PASS
    if early:
        verdict = Verdict.WARN if early < _MANY * rows else Verdict.FAIL
    return Finding(
        name="time_order",
        column=column,
        verdict=verdict,
        severity="error",
        expected=f"not before {end}",
        observed=str(early),
        failing_rows=early,
        reason=f"{early:,} of {rows:,} rows lie before the end of the reference, {end}"
        f" ({share(early, rows)})"
        + (": the model may have learnt from what came after them" if early else ""),
    )


def groups_shared(column: str, shared: int, rows: int) -> Finding:
    """Whether a user, a device, a conversation lies on both sides.

    Args:
        column: what rows belong to.
        shared: rows whose group occurs in the reference too.
        rows: all rows.
    """
    return Finding(
        name="groups_shared",
        column=column,
        verdict=Verdict.WARN if shared else Verdict.PASS,
        severity="warning",
        expected="0",
        observed=str(shared),
        failing_rows=shared,
        reason=f"{shared:,} of {rows:,} rows are of a {column} that occurs in the reference"
        f" ({share(shared, rows)})"
        + (": what the model knows of it by heart is taken for skill" if shared else ""),
    )
