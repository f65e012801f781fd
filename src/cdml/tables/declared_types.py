"""Types that are declared for the columns of files that store none: CSV and JSON."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cdml.common.addresses import reveal
from cdml.tables.date_formats import DateFormat
from cdml.tables.query import Field, LogicalType

DATES = frozenset({LogicalType.DATE, LogicalType.TIMESTAMP, LogicalType.TIME})
"""The types whose texts may have their own format."""
_OF_TEXT = (".csv", ".tsv", ".json", ".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """The type a column is declared to have, and by whom in words.

    `physical` is DuckDB's name with its size, where that is declared too; without `format`, dates
    are ISO 8601. `by` is "" for a type that is only taken where every value allows it without a
    change (that of the reference, or of predictions). Where `required`, rows cannot be used at all
    if a value does not fit; where it `rounds`, a number becomes the nearest that a floating-point
    type has.
    """

    type: LogicalType
    physical: str = ""
    format: DateFormat | None = None
    by: str = ""
    required: bool = False
    rounds: bool = False

    @property
    def firm(self) -> bool:
        """Whether a value that does not fit is an error."""
        return bool(self.by)

    def __str__(self) -> str:
        """The type in words, e.g. `date (MM/dd/yyyy)`."""
        return f"{self.type} ({self.format.written})" if self.format else str(self.type)


Types = Mapping[str, Declared]
"""Declared types by column."""
UNDECLARED: Types = {}
"""Of files about which nothing is known."""


def types_of_fields(fields: Iterable[Field]) -> dict[str, Declared]:
    """The types that columns of the same names have elsewhere: taken where nothing is lost."""
    return {field.name: Declared(type=field.type) for field in fields}


def is_text(uri: str) -> bool:
    """Whether an address names files that store no types."""
    name = reveal(uri).partition("?")[0].lower().removesuffix(".gz")
    return name.endswith(_OF_TEXT)
