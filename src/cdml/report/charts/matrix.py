"""Tables that are read by their colours: confusion matrices, and the slices as a heat map."""

from collections.abc import Iterator
from dataclasses import dataclass

from cdml.common.verdict import Verdict
from cdml.evidence.charts import ConfusionCounts
from cdml.evidence.schema import ComparisonGate
from cdml.gates.proof import UNPROVEN, greater_is_better, unproven
from cdml.report import figures
from cdml.report.evidence_set import EvidenceSet
from cdml.report.figures import slice_name
from cdml.report.rows import NOT_JUDGED

MOST_SLICES = 60
"""Slices of a heat map; the table has all of them."""
_DEPTHS = 4
_SURE = (1.0, 2.0, 4.0)
"""Half widths of an interval between a difference and zero, from which a colour deepens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell.

    `shade` is a class of the style sheet.
    """

    text: str
    description: str = ""
    shade: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """A table with a header for each row and column."""

    caption: str
    corner: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


def confusions(gathered: EvidenceSet) -> tuple[Matrix, ...]:
    """Of both models, where they have one."""
    evaluation, comparison = gathered.evaluation, gathered.comparison
    picture = comparison.champion_picture if comparison else None
    matrices = (
        ("Challenger", evaluation.confusion if evaluation else None),
        ("Champion", picture.confusion if picture else None),
    )
    return tuple(_confusion(name, one) for name, one in matrices if one is not None)


def _confusion(name: str, counts: ConfusionCounts) -> Matrix:
    return Matrix(
        caption=name,
        corner="Label ↓ prediction →",
        columns=counts.classes,
        rows=tuple(
            (label, tuple(_share(count, sum(row)) for count in row))
            for label, row in zip(counts.classes, counts.counts, strict=True)
        ),
    )


def _share(count: int, total: int) -> Cell:
    share = count / total if total else 0.0
    depth = min(round(share * _DEPTHS), _DEPTHS)
    text = f"{share:.1%}".replace("%", " %") if total else figures.NONE
    return Cell(text=f"{count:,}", description=text, shade=f"share-{depth}" if depth else "")


def heat_map(gathered: EvidenceSet) -> Matrix | None:
    """Each slice by each gate: the difference, and how surely it is better or worse.

    The shade is how many half widths of its interval a difference lies from zero: within one,
    nothing is known, and there is none.
    """
    gates = gathered.comparison.gates if gathered.comparison else ()
    sliced: dict[str, dict[tuple[str, str], ComparisonGate]] = {}
    for gate in gates:
        if gate.slice is not None:
            sliced.setdefault(slice_name(gate.slice), {})[gate.metric, gate.rule] = gate
    if not sliced:
        return None
    columns = tuple(
        dict.fromkeys(key for columns_of_row in sliced.values() for key in columns_of_row)
    )
    repeated = len({metric for metric, _ in columns}) < len(columns)
    worst_first = sorted(sliced.items(), key=lambda item: min(map(_badness, item[1].values())))
    return Matrix(
        caption="Difference of each slice",
        corner="Slice",
        columns=tuple(f"{metric} ({rule})" if repeated else metric for metric, rule in columns),
        rows=tuple(
            (name, tuple(_heat(columns_of_row.get(key)) for key in columns))
            for name, columns_of_row in worst_first[:MOST_SLICES]
        ),
    )


def _badness(gate: ComparisonGate) -> int:
    return -gate.verdict.severity if gate.judged else 1


def _heat(gate: ComparisonGate | None) -> Cell:
    if gate is None:
        return Cell(text=figures.NONE)
    text, _ = figures.difference(gate)
    return Cell(text=text, description=", ".join(_words(gate)), shade=_shade(gate))


def _words(gate: ComparisonGate) -> Iterator[str]:
    if not gate.judged:
        yield NOT_JUDGED
    elif unproven(gate):
        yield UNPROVEN
    elif gate.verdict is not Verdict.PASS:
        yield gate.verdict.value


def _shade(gate: ComparisonGate) -> str:
    difference, better = gate.difference, greater_is_better(gate)
    if difference is None or difference.low is None or difference.high is None or better is None:
        return ""
    half = (difference.high - difference.low) / 2
    sure = (
        abs(difference.estimate) / half if half > 0 else (_SURE[-1] if difference.estimate else 0.0)
    )
    depth = sum(sure > limit for limit in _SURE)
    side = "better" if (difference.estimate > 0) is better else "worse"
    return f"{side}-{depth}" if depth else ""
