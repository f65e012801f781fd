"""What a report shows, all figures already text; the templates only lay it out."""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from cdml.common.counts import count
from cdml.common.verdict import Verdict
from cdml.evidence.schema import NO_WALLS, Change, Check, DeploymentStep, MetricValue
from cdml.gates.proof import UNPROVEN
from cdml.report.cases import CaseRow, case_rows, describe_results, summarize_cases
from cdml.report.evidence_set import EvidenceSet
from cdml.report.failures import FailureRow, failure_rows
from cdml.report.headline import headline
from cdml.report.judges import describe_judges
from cdml.report.next_step import NextStep, next_step
from cdml.report.provenance import Fact, facts
from cdml.report.rows import (
    GateRow,
    check_rows,
    gate_rows,
    not_passed,
    severity,
    verdict_rank,
)

MAX_POINTS = 3
DIGEST = 8
"""Hexadecimal digits of a warning's digest."""
_NOTHING = "No stage left evidence: the gate's step failed early or did not run."
MAX_NOTES = 5
"""Of the evidence's own; what the report itself has to say comes before them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A whole report.

    `more_reasons` counts those beyond `points`; `repeated` warnings were in the last report too;
    `warned` has all of them, each by a short digest; `left_out` says which rows did not fit. Of
    results, `broken` and `fixed` are the cases that changed most, `cases` says how many did.
    """

    verdict: Verdict
    headline: str
    points: tuple[str, ...]
    more_reasons: int
    missing: tuple[str, ...]
    failures: tuple[FailureRow, ...] = ()
    notes: tuple[str, ...] = ()
    gates: tuple[GateRow, ...]
    slices: tuple[GateRow, ...]
    checks: tuple[Check, ...]
    data: str
    metrics: tuple[MetricValue, ...]
    cases: str = ""
    broken: tuple[CaseRow, ...] = ()
    fixed: tuple[CaseRow, ...] = ()
    results: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    steps: tuple[DeploymentStep, ...]
    facts: tuple[Fact, ...]
    run: str | None
    slices_summary: str
    repeated: tuple[str, ...] = ()
    warned: tuple[str, ...] = ()
    next: NextStep = field(default_factory=NextStep)
    left_out: str = ""


def lay_out(
    gathered: EvidenceSet,
    model: str,
    *,
    run: str | None,
    notes: Iterable[str] = (),
    earlier: Collection[str] = (),
) -> View:
    """Lay out what the evidence says.

    `earlier` are digests of the warnings that the last report had.
    """
    rows = gate_rows(gathered)
    metrics = gathered.evaluation.metrics if gathered.evaluation else ()
    gates = tuple(row for row in rows if not row.slice)
    slices = tuple(sorted((row for row in rows if row.slice), key=verdict_rank))
    checks = check_rows(gathered)
    judged: tuple[GateRow | Check, ...] = (*checks, *sorted(gates, key=verdict_rank), *slices)
    digests = [_digest(model, row) if row.verdict is Verdict.WARN else "" for row in judged]
    repeated = [row for row, digest in zip(judged, digests, strict=True) if digest in earlier]
    fresh = [row for row, digest in zip(judged, digests, strict=True) if digest not in earlier]
    begun = gathered.stages or gathered.failures
    results = gathered.comparison.cases if gathered.comparison else None
    changed = results.changed if results else None
    reasons = _reasons(gathered, fresh, include_reasons=bool(repeated)) if begun else (_NOTHING,)
    return View(
        verdict=gathered.verdict,
        headline=headline(gathered, model),
        points=(*reasons[:MAX_POINTS], *_unproven(gathered, slices)),
        more_reasons=max(0, len(reasons) - MAX_POINTS),
        missing=gathered.missing if begun else (),
        failures=failure_rows(gathered),
        notes=(
            *_unwalled(gathered),
            *notes,
            *_outdated(gathered),
            *describe_judges(gathered),
            *_notes(gathered),
        ),
        gates=gates,
        slices=slices,
        checks=checks,
        data=_data(gathered),
        metrics=tuple(one for one in metrics if one.slice is None),
        cases=summarize_cases(results),
        broken=case_rows(changed.broken if changed else ()),
        fixed=case_rows(changed.fixed if changed else ()),
        results=describe_results(gathered.comparison),
        changes=gathered.comparison.changes if gathered.comparison else (),
        steps=gathered.deployment.steps if gathered.deployment else (),
        facts=facts(gathered),
        run=run,
        slices_summary=_summarize_slices(slices),
        repeated=tuple(dict.fromkeys(map(_row_reason, repeated))),
        warned=tuple(dict.fromkeys(filter(None, digests))),
        next=next_step(gathered),
    )


def _unwalled(gathered: EvidenceSet) -> tuple[str, ...]:
    """That a model ran where it could reach whatever the job could."""
    evaluation = gathered.evaluation
    if evaluation is None or evaluation.isolation not in NO_WALLS:
        return ()
    how = f"without isolation (isolation: {evaluation.isolation})"
    return (f"The model ran {how} and could have changed this evidence.",)


def _outdated(gathered: EvidenceSet) -> tuple[str, ...]:
    """What an earlier run left in the folder, so that nobody wonders why it is not shown."""
    if not gathered.outdated:
        return ()
    names = ", ".join(gathered.outdated)
    return (f"Not reported: {names}, left in the evidence folder by another run or commit.",)


def _notes(gathered: EvidenceSet) -> tuple[str, ...]:
    """The evidence's notes: few, so that a stranger's do not crowd out everything else."""
    notes = gathered.comparison.notes if gathered.comparison else ()
    more = len(notes) - MAX_NOTES
    return (*notes[:MAX_NOTES], *((f"… and {more:,} more notes.",) if more > 0 else ()))


def _summarize_slices(slices: tuple[GateRow, ...]) -> str:
    if not slices:
        return ""
    judged = [row for row in slices if row.verdict is not None]
    bad = sum(map(not_passed, judged))
    open_ = sum(row.unproven for row in judged)
    fine, silent = len(judged) - bad - open_, len(slices) - len(judged)
    if not bad and not open_:
        parts = [f"all {fine:,} passed"] if judged else []
    else:
        parts = [f"{bad:,} of {len(judged):,} did not pass"] if bad else []
        parts += [f"{fine:,} passed" if bad else f"{fine:,} of {len(judged):,} passed"] * bool(fine)
        parts += [f"{UNPROVEN} in {open_:,}"] if open_ else []
    return ", ".join([*parts, *([f"{silent:,} only reported"] if silent else [])])


def _digest(model: str, row: GateRow | Check) -> str:
    """What the next report knows a warning by: another sentence is another warning."""
    words = [model, *_named(row), row.reason]
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()[:DIGEST]


def _named(row: GateRow | Check) -> tuple[str, ...]:
    return (row.name, row.column or "") if isinstance(row, Check) else (row.metric, row.slice)


def _unproven(gathered: EvidenceSet, slices: Iterable[GateRow]) -> Iterator[str]:
    """That slices passed without proof, where nothing else keeps anybody from merging."""
    unproven = [row for row in slices if row.unproven]
    if not unproven or gathered.verdict.exit_code != 0:
        return
    named = ", ".join(f"{row.metric} for {row.slice}" for row in unproven[:MAX_POINTS])
    more = f" and {len(unproven) - MAX_POINTS:,} more" if unproven[MAX_POINTS:] else ""
    yield f"A regression is neither proven nor ruled out for: {named}{more}."


def _reasons(
    gathered: EvidenceSet, rows: Iterable[GateRow | Check], *, include_reasons: bool
) -> tuple[str, ...]:
    """Why the verdict is not pass, worst first; a stage speaks for itself if no row does."""
    delivered = (gathered.deployment.reason,) if gathered.deployment else ()
    bad = sorted((row for row in rows if not_passed(row)), key=severity, reverse=True)
    if bad or delivered or include_reasons:
        return (*delivered, *map(_row_reason, bad))
    worse = (stage for stage in gathered.stages if stage.verdict is not Verdict.PASS)
    return tuple(stage.reason for stage in worse if stage.reason)


def _row_reason(row: GateRow | Check) -> str:
    """A row's reason; a check that does not name its column gets it put before."""
    if isinstance(row, Check) and (row.column or "") not in row.reason:
        return f"{row.column}: {row.reason}"
    return row.reason


def _data(gathered: EvidenceSet) -> str:
    if gathered.data is None:
        return ""
    bad = sum(check.verdict is not Verdict.PASS for check in gathered.data.checks)
    every = len(gathered.data.checks)
    checks = count(every, "check")
    if bad:
        return f"{bad:,} of {checks} did not pass"
    return f"all {checks} passed" if every > 1 else f"{checks} passed"
