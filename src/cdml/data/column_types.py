"""Types that a contract or a model's signature declares for columns."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from cdml.tables.date_formats import read_format
from cdml.tables.declared_types import DATES, Declared
from cdml.tables.query import LogicalType
from cdml.tables.types import physical_type

if TYPE_CHECKING:
    from cdml.data.contract import Contract, Property
    from cdml.data.rules.signature import Signature


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


def types_of_contract(contract: "Contract") -> dict[str, Declared]:
    """What a contract declares; a column whose format cannot be applied stays undeclared."""
    types = ((prop.name, _of_property(prop)) for prop in contract.properties)
    return {name: declared for name, declared in types if declared is not None}


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


def types_of_signature(signature: "Signature | None", contract: "Contract") -> dict[str, Declared]:
    """What a model's signature declares; dates are read by the contract's formats."""
    if signature is None or signature.types is None:
        return {}
    promised = types_of_contract(contract)
    types = {}
    for name, kind in signature.types.items():
        if kind in _OF_SIGNATURE:
            logical, physical = _OF_SIGNATURE[kind]
            promised_type = promised.get(name)
            types[name] = Declared(
                type=logical,
                physical=physical,
                format=promised_type.format if promised_type and logical in DATES else None,
                by=f"the signature of {signature.subject}",
                required=True,
                rounds=True,
            )
    return types
