"""Columns of text, as files that store no types hold them, before they become values."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from cdml.adapters.tables.sql_engine import literal
from cdml.errors import InputError


class TextKind(StrEnum):
    """What a file itself says of a value."""

    ANY = "any"
    """A field of a CSV file, which says nothing."""
    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    NESTED = "nested"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSource:
    """One file; `place` says where a row stands in it, e.g. `line 17`, by its number from 0."""

    path: Path
    rows: int
    place: Callable[[int], str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """The rows as text: a Parquet file with a column c0, c1, …, for each name.

    `kinds` are what the files say of each column's values (ANY without values). By number of
    column, `structures` of nested ones are as the engine's `from_json` takes them, and `mixed` says
    what is wrong with those of several kinds.
    """

    path: Path
    names: tuple[str, ...]
    kinds: tuple[TextKind, ...]
    structures: dict[int, str] = field(default_factory=dict)
    mixed: dict[int, str] = field(default_factory=dict)
    sources: tuple[TextSource, ...]

    @property
    def rows(self) -> int:
        return sum(source.rows for source in self.sources)

    def place(self, row: int) -> str:
        """Where a row stands, e.g. `line 17 of rows.csv`."""
        for source in self.sources:
            if row < source.rows:
                return f"{source.place(row)} of {source.path.name}"
            row -= source.rows
        return f"row {row + 1:,}"


def refuse_names(names: Sequence[str], path: Path) -> None:
    """Refuse (InputError) columns that could not be told apart, or have no name."""
    for number, name in enumerate(names, 1):
        if not name.strip():
            raise InputError(
                f"column {number} of {path.name} has no name.",
                "Name it in the first line. pandas writes its index like this:"
                " use to_csv(…, index=False).",
            )
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(name.casefold(), []).append(name)
    for same in alike.values():
        if len(same) > 1:
            listing = " and ".join(map(repr, dict.fromkeys(same)))
            raise InputError(
                f"{path.name} has {len(same)} columns named {listing}.",
                "Rename all but one.",
            )


def refuse_differences(first: Sequence[str], path: Path, other: Sequence[str], there: Path) -> None:
    """Refuse (InputError) files of one table that do not have the same columns."""
    for mine, here, theirs, their_path in (
        (first, path, other, there),
        (other, there, first, path),
    ):
        lost = [name for name in mine if name not in theirs]
        if lost:
            listing = ", ".join(map(repr, lost[:5])) + (" and others" if len(lost) > 5 else "")  # noqa: PLR2004 - enough to see what is wrong
            word = "columns" if len(lost) > 1 else "column"
            raise InputError(
                f"{their_path.name} lacks the {word} {listing} that {here.name} has.",
                "All files of one table need the same columns, in any order.",
            )


def paths(files: Sequence[Path]) -> str:
    """A list of files for the engine, none of them a pattern."""
    import glob

    return "[" + ", ".join(literal(glob.escape(str(path))) for path in files) + "]"
