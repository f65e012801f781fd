"""Contracts in the Open Data Contract Standard v3: every problem at once, each with its line."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from typing import Any

from open_data_contract_standard.model import (
    OpenDataContractStandard,
    SchemaObject,
    SchemaProperty,
)
from pydantic import ValidationError

from cdml.common.suggest import unknown
from cdml.common.yaml_lines import Marked, NotYaml, Place, read
from cdml.data.contract import AFTER_OUTCOME, AVAILABILITY, Contract, Property, is_personal
from cdml.data.odcs.older import modernise
from cdml.data.odcs.quality import Rules
from cdml.data.odcs.relationships import References
from cdml.data.odcs.schema import Problems, against_schema, written
from cdml.data.odcs.versions import version_of
from cdml.errors import ConfigurationError
from cdml.tables.query import LogicalType

_ABOUT_ROWS = ("schema", "slaProperties")
"""The parts of a contract that are followed; the schema alone judges the rest."""
_TYPES = {"map": LogicalType.OBJECT, "vector": LogicalType.ARRAY}
_ORDERED = (
    ("minimum", "maximum", False),
    ("minimum", "exclusiveMaximum", True),
    ("exclusiveMinimum", "maximum", True),
    ("exclusiveMinimum", "exclusiveMaximum", True),
    ("minLength", "maxLength", False),
    ("minItems", "maxItems", False),
    ("minProperties", "maxProperties", False),
)
"""Options of which one must not lie above the other, and whether they must differ."""
_PARSERS = {"date": date.fromisoformat, "timestamp": datetime.fromisoformat,
            "time": time.fromisoformat}  # fmt: skip


def read_contract(text: str, source: str, table: str | None = None) -> Contract:
    """Read what a contract promises of one table.

    Args:
        text: the YAML.
        source: how the contract is called in messages.
        table: which of its tables; may be None where it has one.

    Raises:
        ConfigurationError: anything in the contract is wrong, or the table is not in it.
    """
    try:
        marked = read(text)
    except NotYaml as error:
        raise ConfigurationError(f"{source}, line {error.line}, is not YAML: {error}.") from error
    problems: Problems = [
        (marked.line(place), f"{written(place)} is given twice") for place in marked.repeated
    ]
    if not isinstance(marked.value, dict):
        raise ConfigurationError(f"{source} holds no contract.")
    version = version_of(marked.value, source, marked.line(("apiVersion",)))
    problems += against_schema(marked, version)
    contract = None
    if not problems:
        listed = modernise(marked, version, problems)
        contract = _read(marked, source, table, problems, listed)
    if contract is None or problems:
        told = "\n".join(f"  line {line}: {what}" for line, what in sorted(set(problems)))
        count = "1 problem" if len(set(problems)) == 1 else f"{len(set(problems))} problems"
        raise ConfigurationError(
            f"{source} has {count}:\n{told}",
            "Contracts follow the Open Data Contract Standard v3; docs/data.md has an example.",
        )
    return contract


def _read(
    marked: Marked, source: str, table: str | None, problems: Problems,
    listed: list[tuple[int, str]],
) -> Contract | None:  # fmt: skip
    rows = {key: value for key, value in marked.value.items() if key in _ABOUT_ROWS}
    try:
        document = OpenDataContractStandard.model_validate(rows)
    except ValidationError as error:
        problems += [
            (marked.line(detail["loc"]), f"{written(detail['loc'])}: {detail['msg']}")
            for detail in error.errors(include_url=False)
        ]
        return None
    index = _choose(document.schema_ or [], source, table)
    chosen = (document.schema_ or [])[index]
    place: Place = ("schema", index)
    names = tuple(name for name in (chosen.name, chosen.physicalName) if name)
    rules = Rules(marked=marked, tables=names, problems=problems)
    properties = tuple(
        _property(prop, (*place, "properties", number), rules)
        for number, prop in enumerate(chosen.properties or [])
    )
    _refuse_repeated(properties, problems)
    listed += _service_levels(document, marked)
    references = References(
        document=document, table=chosen, marked=marked, problems=problems, listed=listed
    ).all(place)
    return Contract(
        table=chosen.physicalName or chosen.name or "",
        properties=properties,
        quality=rules.read(chosen.quality, place, None),
        references=references,
        listed=tuple(listed),
    )


def _choose(tables: Sequence[SchemaObject], source: str, table: str | None) -> int:
    names = [
        entry.physicalName or entry.name or f"#{number}" for number, entry in enumerate(tables)
    ]
    if table is None and len(tables) == 1:
        return 0
    if table is None:
        listed = ", ".join(names) or "none"
        raise ConfigurationError(
            f"{source} describes {len(tables)} tables ({listed}); one is needed.",
            f"Say which one: `contract: {source}#{names[0]}`." if names else "",
        )
    for number, entry in enumerate(tables):
        if table in (entry.name, entry.physicalName):
            return number
    raise ConfigurationError(f"{source}: {unknown('table', table, names)}")


def _property(prop: SchemaProperty, place: Place, rules: Rules) -> Property:
    marked, problems = rules.marked, rules.problems
    logical = prop.logicalType
    options = dict(prop.logicalTypeOptions or {})
    tags = tuple(prop.tags or ())
    custom = {(c.property, c.value) for c in prop.customProperties or [] if _plain(c.value)}
    name = prop.physicalName or prop.name or ""
    if not name:
        problems.append((marked.line(place), f"{written(place)}: name is missing"))
    return Property(
        name=name,
        logical=_TYPES.get(logical) or LogicalType(logical) if logical else None,
        physical=prop.physicalType,
        required=bool(prop.required),
        unique=bool(prop.unique),
        primary_key=_position(prop),
        personal=is_personal(prop.classification, tags),
        after_outcome=AFTER_OUTCOME in tags or AVAILABILITY in custom,
        options=_options(logical, options, (*place, "logicalTypeOptions"), marked, problems),
        accepted=tuple(entry.value for entry in prop.enum) if prop.enum else None,
        quality=rules.read(prop.quality, place, name),
        nested=bool(prop.properties or prop.items or prop.map),
        line=marked.line(place),
        lines=marked.inside(place) | marked.inside((*place, "logicalTypeOptions")),
    )


def _plain(value: object) -> bool:
    return isinstance(value, str | int | float)


def _position(prop: SchemaProperty) -> int | None:
    if not prop.primaryKey:
        return None
    written = prop.primaryKeyPosition
    return written if written is not None and written > 0 else 0


def _options(
    logical: str | None, options: dict[str, Any], place: Place, marked: Marked, problems: Problems
) -> dict[str, Any]:
    """The options with times parsed and contradictions told."""
    parse = _PARSERS.get(logical or "")
    for key in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        if key in options and parse is not None:
            try:
                options[key] = parse(str(options[key]))
            except ValueError:
                what = f"{written((*place, key))} is not an ISO {logical}: {options[key]!r}"
                problems.append((marked.line((*place, key)), what))
                del options[key]
    for low, high, apart in _ORDERED:
        if low in options and high in options:
            what = _contradiction(options[low], options[high], apart=apart)
            if what:
                told = f"{written(place)}: {low} {options[low]} {what} {high} {options[high]}"
                problems.append((marked.line((*place, low)), told))
    return options


def _contradiction(low: Any, high: Any, *, apart: bool) -> str:
    """Why nothing lies between two bounds; nothing where something does."""
    try:
        fine = low < high if apart else low <= high
        upside_down = low > high
    except TypeError:
        return "cannot be held against"
    return "" if fine else "lies above" if upside_down else "leaves nothing below"


def _refuse_repeated(properties: Sequence[Property], problems: Problems) -> None:
    first: dict[str, int] = {}
    for prop in properties:
        if prop.name in first:
            what = f"the column {prop.name!r} is described twice, first in line {first[prop.name]}"
            problems.append((prop.line, what))
        first.setdefault(prop.name, prop.line)


def _service_levels(
    document: OpenDataContractStandard, marked: Marked
) -> Iterator[tuple[int, str]]:
    for number, sla in enumerate(document.slaProperties or []):
        told = f"{sla.value}{f' {sla.unit}' if sla.unit else ''}"
        yield marked.line(("slaProperties", number)), f"service level {sla.property}: {told}"
