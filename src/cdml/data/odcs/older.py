"""Contracts of v3.0 in the words of today's standard: a few things were said otherwise then.

A quality rule of v3.0 may hold several operators, none at all, and keys that v3.0 does not name.
Such keys are listed, unless they look like a slip in a key that would have judged the rows.
"""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from cdml.common.yaml_lines import Marked, Place
from cdml.data.bounds import OPERATORS
from cdml.data.odcs.schema import Problems, known_keys, written
from cdml.data.odcs.versions import OLDER

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


def modernise(marked: Marked, version: str, problems: Problems) -> Problems:
    """Put a contract of v3.0 into today's words, in place; any other is left as it is.

    Args:
        marked: the contract, which is valid by the schema of its version.
        version: of the standard.
        problems: keys that look like a slip are added to them.

    Returns:
        Lines, and what stands there that is not followed.
    """
    listed: Problems = []
    if not version.startswith(OLDER):
        return listed
    for place, part in _parts(marked.value.get("schema"), ("schema",)):
        options, rules = part.get("logicalTypeOptions"), part.get("quality", [])
        if isinstance(options, dict):
            _bound(options)
        for number, rule in enumerate(rules):
            here = (*place, "quality", number)
            for key in _remove_unknown(rule):
                line, where = marked.line((*here, key)), written(here)
                if near := get_close_matches(key, _JUDGING, n=1):
                    told = f"{where}: unknown key {key!r}; did you mean {near[0]!r}?"
                    problems.append((line, told))
                else:
                    listed.append((line, f"the unknown key {key!r} of {where}"))
            _rename(rule)
        rules += [one for rule in rules for one in _take_apart(rule)]
    return listed


def _parts(parts: Any, place: Place) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Every table and column, nested ones too."""
    for number, part in enumerate(parts or ()):
        yield from _inside(part, (*place, number))


def _inside(part: dict[str, Any], place: Place) -> Iterator[tuple[Place, dict[str, Any]]]:
    yield place, part
    yield from _parts(part.get("properties"), (*place, "properties"))
    if isinstance(part.get("items"), dict):
        yield from _inside(part["items"], (*place, "items"))


def _remove_unknown(rule: dict[str, Any]) -> list[str]:
    """The keys that neither v3.0 nor today's standard knows at a rule."""
    known = known_keys("DataQuality", rule) | {*OPERATORS, "rule", "validValues"}
    unknown = [key for key in rule if key not in known]
    for key in unknown:
        del rule[key]
    return unknown


def _rename(rule: dict[str, Any]) -> None:
    """The rule's name was free; a list of valid values stood beside it."""
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
    told = {key: rule.pop(key) for key in (*OPERATORS, "arguments", "query") if key in rule}
    rule |= {"type": "custom", "engine": ENGINE, "implementation": told}
    rule.setdefault("name", str(name))


def _take_apart(rule: dict[str, Any]) -> list[dict[str, Any]]:
    """Rules for all operators of a rule but the first, which it keeps."""
    further = [operator for operator in OPERATORS if operator in rule][1:]
    values = {operator: rule.pop(operator) for operator in further}
    shared = {key: value for key, value in rule.items() if key not in OPERATORS}
    return [shared | {operator: value} for operator, value in values.items()]


def _bound(options: dict[str, Any]) -> None:
    """Whether a bound is exclusive was said apart from the bound."""
    for bound in ("minimum", "maximum"):
        exclusive = f"exclusive{bound.capitalize()}"
        said = options.get(exclusive)
        if not isinstance(said, bool):
            continue
        del options[exclusive]
        if said and bound in options:
            options[exclusive] = options.pop(bound)
