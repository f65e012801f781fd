"""Rows of results as cases: trials averaged, failed measurements set aside, both models matched."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from cdml.config import Config
from cdml.evidence.cases import ChangedCases

TRIALS = "cdml trials"
"""The column of arranged files that says how many trials of a case were measured."""
VARIANCE = "cdml variance of "
"""With the name of a figure: its variance between the trials of a case, ddof 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CasePlan:
    """Which rows of results make one case, and what has to hold for them.

    Rows that agree in `key` are the trials of one case, told apart by `trial`; without it a key
    has one row. A row any of whose `errors` columns holds anything was not measured. The texts
    of `coded` columns are figures, by the text in lower case. `labels` are people's scores, which
    some trials may lack. `joined` columns may stand in another file and are joined by key; of
    these the champion needs the `label`. `answer` is the column that becomes `prediction` in a
    file that has it.
    `unmatched` is the share of cases, in [0, 1], that may stand in one file only. Keys are named
    in messages where `show_keys`.
    """

    key: tuple[str, ...]
    trial: str | None = None
    errors: tuple[str, ...] = ()
    coded: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    joined: tuple[str, ...] = ()
    label: str | None = None
    answer: str | None = None
    unmatched: float = 0.0
    show_keys: bool = False

    def lacking(self, challenger: Container[str], champion: Container[str] | None) -> list[str]:
        """Joined columns that the files of the two models need and do not have."""
        lacks_label = champion is not None and self.label is not None and self.label not in champion
        return [
            name
            for name in self.joined
            if name not in challenger or (lacks_label and name == self.label)
        ]

    @property
    def rearranges(self) -> bool:
        """Whether the cases are anything but the rows as they are."""
        changed = self.trial or self.errors or self.coded or self.answer
        return bool(changed) or self.unmatched > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """What one file holds.

    `rows` are single trials, `errors` those that were not measured, `unmeasured` the cases with no
    other trial, and `alone` the cases that the other file lacks. `failed` names the first cases
    with an error, those with most errors first, and `missing` the first lone cases.
    """

    cases: int
    rows: int
    errors: int = 0
    unmeasured: int = 0
    alone: int = 0
    failed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cases:
    """Files of the same measured cases, one row a case; `rows` are the evaluation rows of them.

    `error_shares` are of each case the shares of its trials that were not measured, for the
    challenger and the champion, with the number of cases that have them.
    """

    challenger: Path
    champion: Path | None = None
    rows: Path | None = None
    arms: tuple[Arm, ...] = ()
    error_shares: tuple[tuple[float, float, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeQuery:
    """Which cases changed by the figures of `column`, and what is shown of them.

    `results` are the challenger's and the champion's files with a row a trial, in which `link` and
    `texts` are. Without `show_keys` cases are counted, and none is named.
    """

    plan: CasePlan
    metric: str
    column: str
    greater_is_better: bool
    results: tuple[Path, Path]
    link: str | None = None
    texts: tuple[str, ...] = ()


class CaseFiles(Protocol):
    """Arranges files of results by case."""

    def arrange(
        self,
        challenger: Path,
        champion: Path | None,
        plan: CasePlan,
        into: Path,
        rows: Path | None = None,
    ) -> Cases:
        """Write one row a case into a folder, the same cases in each file, in one order.

        Figures are means over a case's measured trials; a figure that is missing in one of them is
        missing. Files that need no arranging are given back as they are.

        Raises:
            InputError: a column is missing, keys are missing or repeated, the trials of a case
                differ in a joined column, too many cases stand in one file only, or none in both.
        """
        ...

    def list_changes(self, challenger: Path, champion: Path, query: ChangeQuery) -> ChangedCases:
        """The cases that got worse or better, from files as `arrange` gives them back."""
        ...


def case_plan(config: Config, *, show_keys: bool, compared: bool) -> CasePlan:
    """The plan of cdml.yaml for one model, or two that are compared."""
    data = config.data
    labels = label_columns(config, compared=compared)
    label = (data.label,) if data.label is not None and config.reads_label else ()
    return CasePlan(
        key=data.key,
        trial=data.trial,
        errors=data.error,
        labels=labels.own,
        joined=(*data.carried, *label, *labels.joined),
        label=label[0] if label else None,
        unmatched=data.unmatched,
        show_keys=show_keys,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanLabels:
    """Columns of people's scores: `own` each file has of its model, `joined` may stand anywhere."""

    own: tuple[str, ...]
    joined: tuple[str, ...]


def label_columns(config: Config, *, compared: bool) -> HumanLabels:
    """What `corrected_by` names, of one model or of two that are compared."""
    own: list[str] = []
    joined: list[str] = []
    for gate in config.gates:
        if isinstance(gate.corrected_by, str):
            own.append(gate.corrected_by)
        elif gate.labels is not None:
            joined += filter(None, gate.labels[: 2 if compared else 1])
    return HumanLabels(own=tuple(dict.fromkeys(own)), joined=tuple(dict.fromkeys(joined)))


def describe_unmatched(cases: Cases) -> tuple[str, ...]:
    """The cases that one file lacks, in sentences."""
    names = ("the challenger", "the champion")
    return tuple(
        f"{arm.alone:,} of {arm.cases:,} cases of {name} have no counterpart and are left out"
        + (
            f": {', '.join(arm.missing)}{', …' if arm.alone > len(arm.missing) else ''}."
            if arm.missing
            else "."
        )
        for name, arm in zip(names, cases.arms, strict=False)
        if arm.alone
    )
