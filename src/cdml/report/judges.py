"""What a report says of a judge whose scores human labels correct."""

from collections.abc import Iterator

from cdml.evidence.judges import AgreementRecord, JudgeRecord, StyleRecord
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
    yield from map(_agreement, judge.agreement)
    yield from filter(None, map(_style, judge.styles))
    if judge.anchors is not None and judge.anchors.low is not None:
        one = judge.anchors
        yield (
            f"On {one.anchors:,} fixed answers the judge's mean score went from"
            f" {figures.value(one.before, like=(one.now,))} to"
            f" {figures.value(one.now, like=(one.before,))}; {(one.changed or 0) * 100:.0f} % of"
            " them have another score."
        )


def _agreement(one: AgreementRecord) -> str:
    subject = f"The judge's agreement with people on the {one.model}'s answers"
    if one.value is None:
        return f"{subject} was not measured: {one.reason}."
    value = figures.value(one.value, like=(one.lower,))
    if one.lower is None:
        return f"{subject} is {value} ({one.measure}), without a bound: {one.reason}."
    lower = figures.value(one.lower, like=(one.value,))
    return (
        f"{subject} is {value} ({one.measure}), no lower than {lower} with"
        f" {one.confidence * 100:g} % confidence."
    )


def _style(one: StyleRecord) -> str:
    """What length or position does to the score; empty where nothing shows."""
    if one.slope is None:
        return f"The influence of {one.style} ({one.column}) was not measured: {one.reason}."
    if one.as_scored is None or one.adjusted is None:
        return ""
    scored, adjusted = one.as_scored.estimate, one.adjusted.estimate
    text = (
        f"The judge's score changes by {figures.value(one.slope.estimate)} per unit of"
        f" {one.style} ({one.column}); its difference of the models is"
        f" {figures.value(scored, like=(adjusted,))}, at equal {one.style}"
        f" {figures.value(adjusted, like=(scored,))}."
    )
    return f"{text} The {one.style} could explain the difference." if one.could_explain else text


def _widths(judge: JudgeRecord) -> str:
    if judge.width is None or judge.width_of_labels is None:
        return ""
    like = (judge.width_of_labels,)
    return (
        f"; its interval is {figures.value(judge.width, like=like)} wide,"
        f" {figures.value(judge.width_of_labels, like=(judge.width,))} by labels alone"
    )
