"""What results say case by case, in sentences and rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cdml.evidence.cases import CaseResults, ChangedCase, InstrumentErrors, UngatedFigure
from cdml.evidence.schema import Comparison, ComparisonGate
from cdml.gates.proof import greater_is_better
from cdml.report import figures
from cdml.report.figures import slice_name

_MOST_CATEGORIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRow:
    """A case that changed; `texts` are its inputs and outputs, each with what it is."""

    case: str
    link: str | None
    champion: str
    challenger: str
    texts: tuple[str, ...] = ()


def case_rows(cases: Sequence[ChangedCase]) -> tuple[CaseRow, ...]:
    """Cases as rows."""
    return tuple(
        CaseRow(
            case=one.case,
            link=one.link,
            champion=_score(one.champion, one.challenger),
            challenger=_score(one.challenger, one.champion),
            texts=tuple(_texts(one)),
        )
        for one in cases
    )


def _score(score: float, other: float) -> str:
    """Without the zeros at its end: most cases score 0 or 1."""
    text = figures.value(score, like=(other,))
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def summarize_cases(results: CaseResults | None) -> str:
    """How many cases changed; empty where nobody counted them."""
    changed = results.changed if results else None
    if changed is None:
        return ""
    if not changed.worse and not changed.better:
        return f"none of {changed.cases:,} changed by {changed.metric}"
    return (
        f"{changed.worse:,} of {changed.cases:,} got worse and {changed.better:,} better"
        f" by {changed.metric}"
    )


def describe_results(comparison: Comparison | None) -> tuple[str, ...]:
    """The categories that moved, what no gate judges, what failed, and what was not measured."""
    if comparison is None or comparison.cases is None:
        return ()
    cases = comparison.cases
    sentences = (
        *_moved(comparison.gates),
        _listed("Not gated", map(_figure, cases.figures)),
        _errors(cases.errors),
        _listed("Not measured", cases.not_measured),
    )
    return tuple(filter(None, sentences))


def moved(gate: ComparisonGate) -> bool:
    """Whether the interval of a difference excludes 0."""
    difference = gate.difference
    if difference is None:
        return False
    above = difference.low is not None and difference.low > 0
    return above or (difference.high is not None and difference.high < 0)


def _moved(gates: Sequence[ComparisonGate]) -> Iterator[str]:
    """The categories that moved, losses first; each metric once, whatever its gates."""
    sliced = {(gate.metric, slice_name(gate.slice)): gate for gate in gates if gate.slice}
    if not sliced:
        return
    changed = sorted(filter(moved, sliced.values()), key=_is_gain)
    if not changed:
        yield f"No category moved ({len({name for _, name in sliced}):,} compared)."
        return
    named = [
        f"{slice_name(gate.slice)}: {gate.metric} {_from_to(gate.champion, gate.challenger)}"
        f" ({figures.difference(gate)[1]})"
        for gate in changed[:_MOST_CATEGORIES]
    ]
    more = len(changed) - _MOST_CATEGORIES
    yield _listed("Categories that moved", [*named, *([f"{more:,} more"] if more > 0 else [])])


def _is_gain(gate: ComparisonGate) -> bool:
    rises = gate.difference is not None and gate.difference.estimate > 0
    return rises == (greater_is_better(gate) is not False)


def _figure(one: UngatedFigure) -> str:
    if one.difference is None:
        return f"{one.metric} ({one.reason})"
    spread = figures.spread(one.difference)
    return f"{one.metric} {_from_to(one.champion, one.challenger)} ({spread})"


def _from_to(champion: float | None, challenger: float | None) -> str:
    before = figures.value(champion, like=(challenger,))
    return f"{before} → {figures.value(challenger, like=(champion,))}"


def _errors(arms: Sequence[InstrumentErrors]) -> str:
    parts = [
        f"{arm.failed:,} of {arm.results:,} results of the {name}"
        + (f" ({', '.join(arm.cases)})" if arm.cases else "")
        for arm, name in zip(arms, ("challenger", "champion"), strict=False)
    ]
    return f"Instrument errors: {'; '.join(parts)}." if parts else ""


def _listed(title: str, parts: Iterator[str] | Sequence[str]) -> str:
    listing = "; ".join(parts)
    return f"{title}: {listing}." if listing else ""


def _texts(case: ChangedCase) -> Iterator[str]:
    for one in case.texts:
        if one.champion == one.challenger or None in (one.champion, one.challenger):
            text = one.champion if one.challenger is None else one.challenger
            if text is not None:
                yield f"{one.column}: {text}"
        else:
            yield f"{one.column} of the champion: {one.champion}"
            yield f"{one.column} of the challenger: {one.challenger}"
