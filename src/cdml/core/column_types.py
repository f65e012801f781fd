"""Types that are declared for the columns of files that store none: CSV and JSON."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cdml.core.date_formats import DateFormat, read_format
from cdml.core.expressions import Field, LogicalType
from cdml.core.types import physical_type

if TYPE_CHECKING:  # not there where no rows are read
    from cdml.core.compatibility import Signature
    from cdml.core.contract import Contract, Property

_OF_SIGNATURE: Mapping[str, tuple[LogicalType, str]] = {
    "boolean": (LogicalType.BOOLEAN, ""),
    "integer": (LogicalType.INTEGER, "INTEGER"),
    "long": (LogicalType.INTEGER, "BIGINT"),
    "float": (LogicalType.NUMBER, "FLOAT"),
    "double": (LogicalType.NUMBER, "DOUBLE"),
    "string": (LogicalType.STRING, ""),
    "datetime": (LogicalType.TIMESTAMP, ""),
}
_OF_PHYSICAL: Mapping[str, LogicalType] = {
    **dict.fromkeys(
        ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER",
         "UBIGINT"), LogicalType.INTEGER),
    **dict.fromkeys(("FLOAT", "DOUBLE", "DECIMAL"), LogicalType.NUMBER),
    "BOOLEAN": LogicalType.BOOLEAN,
    "VARCHAR": LogicalType.STRING,
    "DATE": LogicalType.DATE,
    "TIME": LogicalType.TIME,
    "TIMESTAMP": LogicalType.TIMESTAMP,
    "TIMESTAMP WITH TIME ZONE": LogicalType.TIMESTAMP,
}  # fmt: skip
_SIZED = re.compile(r"\w+\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)")
DATES = frozenset({LogicalType.DATE, LogicalType.TIMESTAMP, LogicalType.TIME})
"""The types whose texts may have a format of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """The type a column is declared to have.

    Attributes:
        type: what it holds.
        physical: DuckDB's name of the type, with its size, where that is declared too.
        format: of its dates or times; None for ISO 8601.
        by: who declares it, in words; "" for a type that is only taken where every value allows
            it without a change (that of the reference, or of predictions).
        required: whether rows cannot be used at all where a value does not fit.
        rounds: whether a number becomes the nearest that a floating-point type has.
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


def of_contract(contract: "Contract") -> dict[str, Declared]:
    """What a contract declares; a column whose format cannot be applied stays undeclared."""
    found = ((prop.name, _of_property(prop)) for prop in contract.properties)
    return {name: declared for name, declared in found if declared is not None}


def _of_property(prop: "Property") -> Declared | None:
    physical = physical_type(prop.physical) if prop.physical else ""
    kind = prop.logical or _OF_PHYSICAL.get(physical)
    if kind is None:
        return None
    if _OF_PHYSICAL.get(physical) is not kind:
        physical = ""
    elif physical == "DECIMAL":
        sized = _SIZED.fullmatch(prop.physical or "")
        physical = f"DECIMAL({sized[1]},{sized[2] or 0})" if sized else ""
    written = prop.options.get("format") if kind in DATES else None
    if written is None:
        rounds = physical in ("FLOAT", "DOUBLE")
        return Declared(type=kind, physical=physical, by="the contract", rounds=rounds)
    applied = read_format(str(written))
    if applied is None or not applied.gives(kind):
        return None
    return Declared(type=kind, physical=physical, format=applied, by="the contract")


def of_signature(signature: "Signature | None", contract: "Contract") -> dict[str, Declared]:
    """What a model's signature declares; dates are read by the contract's formats."""
    if signature is None or signature.types is None:
        return {}
    promised = of_contract(contract)
    found = {}
    for name, kind in signature.types.items():
        if kind in _OF_SIGNATURE:
            logical, physical = _OF_SIGNATURE[kind]
            known = promised.get(name)
            found[name] = Declared(
                type=logical,
                physical=physical,
                format=known.format if known and logical in DATES else None,
                by=f"the signature of {signature.who}",
                required=True,
                rounds=True,
            )
    return found


def of_fields(fields: Iterable[Field]) -> dict[str, Declared]:
    """The types that columns of the same names have elsewhere: taken where nothing is lost."""
    return {field.name: Declared(type=field.type) for field in fields}
