"""What a report says of a judge whose scores human labels correct."""

from collections.abc import Iterator

from cdml.evidence.judges import JudgeRecord
from cdml.report import figures
from cdml.report.evidence_set import EvidenceSet


def describe_judges(gathered: EvidenceSet) -> tuple[str, ...]:
    """Sentences about the judges of all rows: of the bounds, then of the comparisons."""
    evaluation, comparison = gathered.evaluation, gathered.comparison
    bounds = {gate.metric for gate in evaluation.gates} if evaluation else set()
    values = evaluation.metrics if evaluation else ()
    judges = [
        (f"{one.metric} of the challenger", one.judge)
        for one in values
        if one.slice is None and one.metric in bounds
    ]
    gates = comparison.gates if comparison else ()
    judges += [
        (f"The difference in {gate.metric}", gate.judge) for gate in gates if gate.slice is None
    ]
    return tuple(
        dict.fromkeys(
            sentence for name, judge in judges if judge for sentence in _sentences(name, judge)
        )
    )


def _sentences(name: str, judge: JudgeRecord) -> Iterator[str]:
    cases = judge.labelled + judge.unlabelled
    yield (
        f"{name} is corrected by people's scores ({judge.corrected_by}) of {judge.labelled:,} of"
        f" {cases:,} cases{_widths(judge)}."
    )


def _widths(judge: JudgeRecord) -> str:
    if judge.width is None or judge.width_of_labels is None:
        return ""
    like = (judge.width_of_labels,)
    return (
        f"; its interval is {figures.value(judge.width, like=like)} wide,"
        f" {figures.value(judge.width_of_labels, like=(judge.width,))} by labels alone"
    )
