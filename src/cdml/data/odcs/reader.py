"""Contracts in the Open Data Contract Standard v3: every problem at once, each with its line.

Contracts of v3.0 are read in the terms of today's standard. A quality rule of v3.0 may hold several
operators, none at all, and keys that v3.0 does not name. Such keys are listed, unless they look
like a typing error in a key that would have judged the rows.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from difflib import get_close_matches
from typing import Any

from open_data_contract_standard.model import (
    OpenDataContractStandard,
    SchemaObject,
    SchemaProperty,
)
from pydantic import ValidationError

from cdml.common.suggest import describe_unknown
from cdml.common.validation import describe_detail
from cdml.common.yaml_lines import KeyPath, NotYaml, read_yaml
from cdml.data.contract import (
    AFTER_OUTCOME,
    AVAILABILITY,
    OPERATORS,
    Contract,
    Property,
    is_personal,
)
from cdml.data.odcs.quality import QualityReader
from cdml.data.odcs.relationships import References
from cdml.data.odcs.schema import Problems, check_schema, contract_path, defined_keys
from cdml.data.odcs.versions import OLDER, read_version
from cdml.errors import ConfigurationError
from cdml.tables.query import LogicalType

ENGINE = "library of ODCS v3.0"
"""The engine of rules that say nothing a row could break: they are another's."""

_METRICS = {
    "rowCount": "rowCount",
    "duplicateCount": "duplicateValues",
    "validValues": "invalidValues",
    "nullValues": "nullValues",
    "missingValues": "missingValues",
    "invalidValues": "invalidValues",
    "duplicateValues": "duplicateValues",
}
_JUDGING = (*OPERATORS, "rule", "query", "type", "engine", "severity", "validValues", "unit")
"""Keys of a rule that decide something."""


def modernise(version: str, problems: Problems) -> list[tuple[int, str]]:
    """Put a v3.0 contract into today's words, in place; gives what is there and not followed.

    Keys that look like a slip are added to the problems.
    """
    listed: list[tuple[int, str]] = []
    marked = problems.marked
    if not version.startswith(OLDER):
        return listed
    for place, part in _parts(marked.value.get("schema"), ("schema",)):
        options, rules = part.get("logicalTypeOptions"), part.get("quality", [])
        if isinstance(options, dict):
            _bound(options)
        for number, rule in enumerate(rules):
            here = (*place, "quality", number)
            # The keys that neither v3.0 nor today's standard knows at a rule.
            allowed = defined_keys("DataQuality", rule) | {*OPERATORS, "rule", "validValues"}
            for key in [key for key in rule if key not in allowed]:
                line, where = marked.line((*here, key)), contract_path(here)
                del rule[key]
                if near := get_close_matches(key, _JUDGING, n=1):
                    problem = f"{where}: unknown key {key!r}; did you mean {near[0]!r}?"
                    problems.entries.append((line, problem))
                else:
                    listed.append((line, f"the unknown key {key!r} of {where}"))
            _rename(rule)
        for rule in list(rules):  # one rule for each operator
            further = [operator for operator in OPERATORS if operator in rule][1:]
            values = {operator: rule.pop(operator) for operator in further}
            shared = {key: value for key, value in rule.items() if key not in OPERATORS}
            rules += [shared | {operator: value} for operator, value in values.items()]
    return listed


def _parts(parts: Any, place: KeyPath) -> Iterator[tuple[KeyPath, dict[str, Any]]]:
    for number, part in enumerate(parts or ()):
        yield from _inside(part, (*place, number))


def _inside(part: dict[str, Any], place: KeyPath) -> Iterator[tuple[KeyPath, dict[str, Any]]]:
    yield place, part
    yield from _parts(part.get("properties"), (*place, "properties"))
    if isinstance(part.get("items"), dict):
        yield from _inside(part["items"], (*place, "items"))


def _rename(rule: dict[str, Any]) -> None:
    """The rule's name was free; a list of valid values stood next to it."""
    kind = rule.get("type", "library")
    if (
        kind not in ("library", "sql")
        or "metric" in rule
        or (kind == "library" and "rule" not in rule)
    ):
        return
    name = rule.pop("rule", rule.get("name", "sql"))
    values = rule.pop("validValues", None)
    if values is not None:
        rule["arguments"] = {"validValues": values}
        if not any(operator in rule for operator in OPERATORS):
            rule["mustBe"] = 0
    bounded = any(operator in rule for operator in OPERATORS)
    if bounded and kind == "sql":
        return
    if bounded and name in _METRICS:
        rule["metric"] = _METRICS[name]
        return
    moved = {key: rule.pop(key) for key in (*OPERATORS, "arguments", "query") if key in rule}
    rule |= {"type": "custom", "engine": ENGINE, "implementation": moved}
    rule.setdefault("name", str(name))


def _bound(options: dict[str, Any]) -> None:
    """Whether a bound is exclusive was said apart from the bound."""
    for bound in ("minimum", "maximum"):
        exclusive = f"exclusive{bound.capitalize()}"
        exclusive_value = options.get(exclusive)
        if not isinstance(exclusive_value, bool):
            continue
        del options[exclusive]
        if exclusive_value and bound in options:
            options[exclusive] = options.pop(bound)


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
    """Read what a contract promises of one table; it need not be named where there is only one.

    Raises:
        ConfigurationError: anything in the contract is wrong, or the table is not in it.
    """
    try:
        marked = read_yaml(text)
    except NotYaml as error:
        raise ConfigurationError(f"{source}, line {error.line}, is not YAML: {error}.") from error
    problems = Problems(marked)
    for place in marked.repeated:
        problems.entries.append((marked.line(place), f"{contract_path(place)} appears twice"))
    if not isinstance(marked.value, dict):
        raise ConfigurationError(f"{source} is empty.")
    version = read_version(marked.value, source, marked.line(("apiVersion",)))
    check_schema(problems, version)
    contract = None
    if not problems.entries:
        contract = _read(source, table, problems, modernise(version, problems))
    wrong = sorted(set(problems.entries))
    if contract is None or wrong:
        listing = "\n".join(f"  line {line}: {problem}" for line, problem in wrong)
        count = "1 problem" if len(wrong) == 1 else f"{len(wrong)} problems"
        raise ConfigurationError(
            f"{source} has {count}:\n{listing}",
            "Contracts follow the Open Data Contract Standard v3; docs/data.md has an example.",
        )
    return contract


def _read(
    source: str, table: str | None, problems: Problems, listed: list[tuple[int, str]]
) -> Contract | None:
    marked = problems.marked
    rows = {key: value for key, value in marked.value.items() if key in _ABOUT_ROWS}
    try:
        document = OpenDataContractStandard.model_validate(rows)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            problems.add(detail["loc"], describe_detail(detail))
        return None
    index = _choose(document.schema_ or [], source, table)
    chosen = (document.schema_ or [])[index]
    place: KeyPath = ("schema", index)
    names = tuple(name for name in (chosen.name, chosen.physicalName) if name)
    rules = QualityReader(tables=names, problems=problems)
    properties = tuple(
        _property(prop, (*place, "properties", number), rules)
        for number, prop in enumerate(chosen.properties or [])
    )
    first: dict[str, int] = {}
    for prop in properties:
        if prop.name in first:
            problem = (
                f"the column {prop.name!r} is described twice, first on line {first[prop.name]}"
            )
            problems.entries.append((prop.line, problem))
        first.setdefault(prop.name, prop.line)
    for number, sla in enumerate(document.slaProperties or []):
        level = f"{sla.value}{f' {sla.unit}' if sla.unit else ''}"
        line = marked.line(("slaProperties", number))
        listed.append((line, f"service level {sla.property}: {level}"))
    references = References(document=document, table=chosen, problems=problems, listed=listed).all(
        place
    )
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
            f"{source} describes {len(tables)} tables ({listed}); choose one.",
            f"Choose one: `contract: {source}#{names[0]}`." if names else "",
        )
    for number, entry in enumerate(tables):
        if table in (entry.name, entry.physicalName):
            return number
    raise ConfigurationError(f"{source}: {describe_unknown('table', table, names)}")


def _property(prop: SchemaProperty, place: KeyPath, rules: QualityReader) -> Property:
    marked, problems = rules.problems.marked, rules.problems
    logical = prop.logicalType
    options = dict(prop.logicalTypeOptions or {})
    tags = tuple(prop.tags or ())
    plain = (c for c in prop.customProperties or [] if isinstance(c.value, str | int | float))
    custom = {(c.property, c.value) for c in plain}
    name = prop.physicalName or prop.name or ""
    if not name:
        problems.add(place, "name is missing")
    return Property(
        name=name,
        logical=_TYPES.get(logical) or LogicalType(logical) if logical else None,
        physical=prop.physicalType,
        required=bool(prop.required),
        unique=bool(prop.unique),
        primary_key=max(prop.primaryKeyPosition or 0, 0) if prop.primaryKey else None,
        personal=is_personal(prop.classification, tags),
        after_outcome=AFTER_OUTCOME in tags or AVAILABILITY in custom,
        options=_options(logical, options, (*place, "logicalTypeOptions"), problems),
        accepted=tuple(entry.value for entry in prop.enum) if prop.enum else None,
        quality=rules.read(prop.quality, place, name),
        nested=bool(prop.properties or prop.items or prop.map),
        line=marked.line(place),
        lines=marked.inside(place) | marked.inside((*place, "logicalTypeOptions")),
    )


def _options(
    logical: str | None, options: dict[str, Any], place: KeyPath, problems: Problems
) -> dict[str, Any]:
    parse = _PARSERS.get(logical or "")
    for key in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        if key in options and parse is not None:
            try:
                options[key] = parse(str(options[key]))
            except ValueError:
                problem = (
                    f"{contract_path((*place, key))} is not an ISO {logical}: {options[key]!r}"
                )
                problems.entries.append((problems.marked.line((*place, key)), problem))
                del options[key]
    for low, high, is_strict in _ORDERED:
        if low in options and high in options:
            problem = _contradiction(options[low], options[high], is_strict=is_strict)
            if problem:
                problem = (
                    f"{contract_path(place)}: {low} {options[low]} {problem} {high} {options[high]}"
                )
                problems.entries.append((problems.marked.line((*place, low)), problem))
    return options


def _contradiction(low: Any, high: Any, *, is_strict: bool) -> str:
    try:
        fine = low < high if is_strict else low <= high
        upside_down = low > high
    except TypeError:
        return "cannot be compared with"
    return "" if fine else "lies above" if upside_down else "leaves nothing below"
