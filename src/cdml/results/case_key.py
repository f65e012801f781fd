"""Which columns identify the cases of two files, and which one numbers the trials of a case."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, combinations

from cdml.errors import InputError
from cdml.results.column_names import (
    identity_rank,
    is_measure,
    is_part_of_identity,
    is_position,
    is_trial,
    names_a_case,
)
from cdml.results.facts import Combinations, ResultFacts, SharedColumn
from cdml.results.reader import Role
from cdml.tables.query import LogicalType, comparable

_MOST_CANDIDATES = 8
_NEARLY_UNIQUE = 0.9
_SURELY_REPEATED = 0.5
"""Different values for each row, as roughly counted, below which they repeat."""


@dataclass(frozen=True, slots=True)
class CaseKey:
    """The columns that identify a case, and the trial's where cases have several rows."""

    columns: tuple[str, ...]
    trial: str | None = None
    notes: tuple[str, ...] = ()


def find_key(
    facts: ResultFacts,
    columns: Mapping[str, SharedColumn],
    key: Sequence[str] = (),
    trial: str | None = None,
) -> CaseKey:
    """The columns that `key` and `trial` name, else those that readers, names and values suggest.

    Raises:
        InputError: no columns identify the cases, or several could that pair them differently; or
            no case is in both files.
    """
    search = _Search(facts, columns, trial)
    if key:
        return search.with_key(tuple(key), given=True)
    declared = tuple(name for name, column in columns.items() if column.role is Role.KEY)
    return search.with_key(declared, given=False) if declared else search.recognised()


@dataclass(slots=True)
class _Search:
    facts: ResultFacts
    columns: Mapping[str, SharedColumn]
    trial: str | None
    counted: dict[tuple[str, ...], Combinations] = field(default_factory=dict)

    def with_key(self, key: tuple[str, ...], *, given: bool) -> CaseKey:
        for name in key:
            self._refuse_unusable(self.columns[name])
        self._refuse_unpaired(key)
        if self._is_unique(key):
            return CaseKey(key)
        for trial in self._trials(key):
            if self._is_unique((*key, trial)):
                return CaseKey(key, trial)
        listing = " and ".join(key)
        which, repeats = self._repeats(key)
        hint = "Name the column that numbers the trials of a case: --trial"
        raise InputError(
            f"{listing} of the {which} file: {repeats}.",
            f"{hint}; --key can name several columns." if given else f"{hint}.",
        )

    def recognised(self) -> CaseKey:
        singles = self._candidates()
        trials = self._trials(())
        few = [name for name in trials if self.trial or self._labels_repeat(name)]
        keys = chain(
            self._trial_of(singles, few),
            self._alone(singles),
            self._trial_of(singles, trials),
            self._several(singles),
        )
        key = next(keys, None)
        if key is None:
            raise self._none(singles)
        return key

    @property
    def _rows(self) -> tuple[int, int]:
        return self.facts.old[0].rows, self.facts.new[0].rows

    def _candidates(self) -> list[str]:
        ranked = [
            (rank, name)
            for name, column in self.columns.items()
            if (rank := identity_rank(name)) is not None and self._may_identify(column)
        ]
        return [name for _, name in sorted(ranked)]

    def _may_identify(self, column: SharedColumn) -> bool:
        return (
            column.in_both
            and column.role in (None, Role.TEXT)
            and column.name != self.trial
            and not column.missing
            and all(f.type in (LogicalType.STRING, LogicalType.INTEGER) for f in column.facts)
            and column.comparable
        )

    def _trials(self, key: tuple[str, ...]) -> list[str]:
        if self.trial is not None:
            return [self.trial]
        return [
            name
            for name, column in self.columns.items()
            if name not in key
            and not column.missing
            and column.role in (None, Role.TRIAL)
            and (column.role is Role.TRIAL or is_trial(name))
            and all(f.type in (LogicalType.STRING, LogicalType.INTEGER) for f in column.facts)
        ]

    def _labels_repeat(self, trial: str) -> bool:
        """Whether different cases have trials of one label: 1, 2, 3."""
        return all(2 * facts.distinct <= facts.rows for facts in self.columns[trial].facts)

    def _trial_of(self, singles: Sequence[str], trials: Sequence[str]) -> Iterator[CaseKey]:
        """A column that repeats, and is unique with a trial."""
        for name in singles:
            for trial in trials:
                if name == trial or not self._count((name,)).common or self._is_unique((name,)):
                    continue
                if self._is_unique((name, trial)):
                    yield CaseKey((name,), trial)

    def _alone(self, singles: Sequence[str]) -> Iterator[CaseKey]:
        """A column that is unique in both files."""
        for name in singles:
            if self._surely_repeats((name,)) or not self._count((name,)).common:
                continue
            if self._is_unique((name,)):
                yield CaseKey((name,), None, tuple(self._remarks(name, singles)))
            elif names_a_case(name) and self._is_nearly_unique(name):
                raise self._repeated(name)

    def _remarks(self, name: str, singles: Sequence[str]) -> Iterator[str]:
        if self._counts_up(name):
            column = self.columns[name]
            yield (
                f"{name} counts from {column.minimum:.0f} to {column.maximum:.0f}: check that a"
                " number means the same case in both files (--key)."
            )
        others = [
            other
            for other in singles
            if other != name
            and not self._surely_repeats((other,))
            and self._count((other,)).common
            and self._is_unique((other,))
        ]
        agreements = self.facts.agreements((name,), others) if others else {}
        for other in others:
            if agreements[other] < 1:
                yield (
                    f"{name} is used as the key. {other} is also unique, but pairs the rows"
                    " differently (--key)."
                )

    def _counts_up(self, name: str) -> bool:
        """Whether the values are 0, 1, 2, … or 1, 2, 3, …, as row numbers are."""
        return all(
            f.type is LogicalType.INTEGER
            and f.minimum in (0, 1)
            and f.maximum is not None
            and f.maximum - f.minimum + 1 == f.rows
            for f in self.columns[name].facts
        )

    def _several(self, singles: Sequence[str]) -> Iterator[CaseKey]:
        """Two columns that are unique together, or with a trial."""
        parts = [
            name
            for name, column in self.columns.items()
            if name not in singles and is_part_of_identity(name) and self._may_identify(column)
        ]
        names = [*singles, *parts][:_MOST_CANDIDATES]
        for key in combinations(names, 2):
            if key[0] in parts or self._surely_repeats(key) or not self._count(key).common:
                continue
            if self._is_unique(key):
                yield CaseKey(key)
        for key in combinations(names, 2):
            for trial in self._trials(key):
                if key[0] not in parts and self._is_unique((*key, trial)):
                    yield CaseKey(key, trial)

    def _count(self, columns: tuple[str, ...]) -> Combinations:
        if columns not in self.counted:
            self.counted[columns] = self.facts.combinations(columns)
        return self.counted[columns]

    def _is_unique(self, columns: tuple[str, ...]) -> bool:
        counts = self._count(columns)
        return (counts.old, counts.new) == self._rows

    def _surely_repeats(self, columns: tuple[str, ...]) -> bool:
        """Whether rough counts tell it already."""
        for side, rows in zip(("old", "new"), self._rows, strict=True):
            most = 1
            for name in columns:
                most *= getattr(self.columns[name], side).distinct
            if most < _SURELY_REPEATED * rows:
                return True
        return False

    def _is_nearly_unique(self, name: str) -> bool:
        counts = self._count((name,))
        return all(
            n >= _NEARLY_UNIQUE * rows
            for n, rows in zip((counts.old, counts.new), self._rows, strict=True)
        )

    def _repeated(self, name: str) -> InputError:
        which, repeats = self._repeats((name,))
        return InputError(
            f"{name} is not unique in the {which} file: {repeats}.",
            "Remove the duplicates, or name the columns that identify a case (--key) and its"
            " trial (--trial).",
        )

    def _repeats(self, key: tuple[str, ...]) -> tuple[str, str]:
        """The file whose rows repeat a key, and how many values it has."""
        counts = self._count(key)
        old = counts.old < self._rows[0]
        distinct, rows = (counts.old, self._rows[0]) if old else (counts.new, self._rows[1])
        return "old" if old else "new", f"{distinct:,} different values in {rows:,} rows"

    def _refuse_unusable(self, column: SharedColumn) -> None:
        if not column.in_both:
            which = "old" if column.old is not None else "new"
            raise InputError(
                f"Only the {which} file has the key column {column.name}.",
                "Cases are paired by it: add it to both files, or name another column (--key).",
            )
        for which, facts in (("old", column.old), ("new", column.new)):
            if facts is not None and facts.missing:
                raise InputError(
                    f"{facts.missing:,} rows of the {which} file have no {column.name}.",
                    "Every row needs a value that identifies its case.",
                )
        one, other = (facts.type for facts in column.facts)
        if not (one.plain and other.plain and comparable(one, other)):
            raise InputError(
                f"{column.name} cannot pair cases: its type is {one} in the old file and"
                f" {other} in the new one.",
                "Write it the same way in both files, as whole numbers or as text.",
            )

    def _refuse_unpaired(self, key: tuple[str, ...]) -> None:
        if not self._count(key).common:
            raise InputError(
                f"The files have no case in common: they share no value of {' and '.join(key)}.",
                "Check that both were made from the same cases, or name other columns (--key).",
            )

    def _none(self, singles: Sequence[str]) -> InputError:
        """What was looked at, and why it identifies no cases."""
        listing = []
        for name in singles:
            if not self._count((name,)).common:
                listing.append(f"{name} (no value is in both files)")
            else:
                which, repeats = self._repeats((name,))
                listing.append(f"{name} ({repeats} of the {which} file)")
        listing += [
            f"{name} ({column.facts[0].type} in the old file, {column.facts[1].type} in the new)"
            for name, column in self.columns.items()
            if identity_rank(name) is not None and column.in_both and not column.comparable
        ]
        listing += [
            f"{name} (the number of a row)" for name in self.columns if is_position(name)
        ]  # fmt: skip
        others = [
            name
            for name, column in self.columns.items()
            if name not in singles
            and not is_position(name)
            and not is_measure(name)
            and self._may_identify(column)
        ]
        hint = "Name the columns that identify a case in both files"
        if not listing:
            hint += f", for example --key {others[0]}" if others else ": --key"
        else:
            hint += (
                ": --key. If cases have several trials, name the column that numbers them: --trial"
            )
        reason = f" Considered: {', '.join(listing)}." if listing else ""
        return InputError(f"No column identifies the cases of both files.{reason}", f"{hint}.")
