"""What a report shows, all figures already text; the templates only lay it out."""

from collections.abc import Iterable
from dataclasses import dataclass

from cdml.core.verdict import Verdict
from cdml.report.facts import Fact, facts
from cdml.report.gathered import Gathered
from cdml.report.headline import headline
from cdml.report.rows import (
    ChangeRow,
    CheckRow,
    GateRow,
    MetricRow,
    StepRow,
    badness,
    change_rows,
    check_rows,
    gate_rows,
    metric_rows,
    not_passed,
    severity,
    step_rows,
)

MAX_POINTS = 3
MAX_NOTES = 5
"""Of the evidence's own; what the report itself has to say comes before them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A whole report.

    Attributes:
        verdict: of the whole.
        headline: the verdict in words.
        points: the worst reasons.
        unsaid: how many more reasons there are.
        missing: commands that left no evidence.
        notes: what the reader must know about the report itself.
        gates: on all rows, in the order of cdml.yaml.
        slices: worst first.
        checks: checks of the data that did not pass, worst first.
        data: how many checks there were, in words; empty without data evidence.
        metrics: the challenger's metrics.
        changes: what else differs between challenger and champion.
        steps: of a deployment.
        facts: where all this comes from.
        run: address of the run that reports, or None.
        left_out: rows that did not fit, in words; empty where all are there.
        slices_said: how the slices did, in words; empty without slices.
    """

    verdict: Verdict
    headline: str
    points: tuple[str, ...]
    unsaid: int
    missing: tuple[str, ...]
    notes: tuple[str, ...] = ()
    gates: tuple[GateRow, ...]
    slices: tuple[GateRow, ...]
    checks: tuple[CheckRow, ...]
    data: str
    metrics: tuple[MetricRow, ...]
    changes: tuple[ChangeRow, ...] = ()
    steps: tuple[StepRow, ...]
    facts: tuple[Fact, ...]
    run: str | None
    slices_said: str
    left_out: str = ""


def view(gathered: Gathered, model: str, *, run: str | None, notes: Iterable[str] = ()) -> View:
    """Lay out what the evidence says.

    Args:
        gathered: the evidence.
        model: the model's name.
        run: address of the run that reports.
        notes: what the reader must know about the report itself.
    """
    rows = gate_rows(gathered)
    gates = tuple(row for row in rows if not row.slice)
    slices = tuple(sorted((row for row in rows if row.slice), key=badness))
    checks = check_rows(gathered)
    reasons = _reasons(gathered, (*checks, *sorted(gates, key=badness), *slices))
    return View(
        verdict=gathered.verdict,
        headline=headline(gathered, model),
        points=reasons[:MAX_POINTS],
        unsaid=max(0, len(reasons) - MAX_POINTS),
        missing=gathered.missing,
        notes=(*notes, *_notes(gathered)),
        gates=gates,
        slices=slices,
        checks=checks,
        data=_data(gathered),
        metrics=metric_rows(gathered),
        changes=change_rows(gathered),
        steps=step_rows(gathered),
        facts=facts(gathered),
        run=run,
        slices_said=_slices_said(slices),
    )


def _notes(gathered: Gathered) -> tuple[str, ...]:
    """The evidence's notes: few, so that a stranger's do not crowd out everything else."""
    notes = gathered.comparison.notes if gathered.comparison else ()
    more = len(notes) - MAX_NOTES
    return (*notes[:MAX_NOTES], *((f"… and {more:,} more notes.",) if more > 0 else ()))


def _slices_said(slices: tuple[GateRow, ...]) -> str:
    if not slices:
        return ""
    judged = [row for row in slices if row.verdict is not None]
    bad = sum(map(not_passed, judged))
    said = f"{bad:,} of {len(judged):,} did not pass" if bad else f"all {len(judged):,} passed"
    silent = len(slices) - len(judged)
    return f"{said}, {silent:,} only reported" if silent else said


def _reasons(gathered: Gathered, rows: Iterable[GateRow | CheckRow]) -> tuple[str, ...]:
    """Why the verdict is not pass, worst first; a stage speaks for itself if no row does."""
    delivered = (gathered.deployment.reason,) if gathered.deployment else ()
    bad = sorted((row for row in rows if not_passed(row)), key=severity, reverse=True)
    if bad or delivered:
        return (*delivered, *map(_said, bad))
    worse = (stage for stage in gathered.stages if stage.verdict is not Verdict.PASS)
    return tuple(stage.reason for stage in worse if stage.reason)


def _said(row: GateRow | CheckRow) -> str:
    """A row's reason; a check that does not name its column gets it put before."""
    if isinstance(row, CheckRow) and row.column not in row.reason:
        return f"{row.column}: {row.reason}"
    return row.reason


def _data(gathered: Gathered) -> str:
    if gathered.data is None:
        return ""
    bad = sum(check.verdict is not Verdict.PASS for check in gathered.data.checks)
    every = len(gathered.data.checks)
    return f"{bad:,} of {every:,} checks did not pass" if bad else f"all {every:,} checks passed"
