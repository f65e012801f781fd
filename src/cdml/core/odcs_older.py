"""Contracts of v3.0 in the words of today's standard: two things were said otherwise then."""

from typing import Any

from cdml.core.bounds import OPERATORS

OLDER = "v3.0"
"""How the versions begin that are put into today's words."""
ENGINE = "library of ODCS v3.0"
"""The engine of rules whose name nobody defines any more: they are another's."""

_METRICS = {
    "rowCount": "rowCount",
    "duplicateCount": "duplicateValues",
    "validValues": "invalidValues",
    "nullValues": "nullValues",
    "missingValues": "missingValues",
    "invalidValues": "invalidValues",
    "duplicateValues": "duplicateValues",
}


def modernise(contract: Any) -> None:
    """Put a contract of v3.0 into today's words, in place; any other is left as it is."""
    if isinstance(contract, dict) and str(contract.get("apiVersion", "")).startswith(OLDER):
        _walk(contract.get("schema"))


def _walk(part: Any) -> None:
    if isinstance(part, list):
        for inner in part:
            _walk(inner)
    elif isinstance(part, dict):
        rules, options = part.get("quality"), part.get("logicalTypeOptions")
        for rule in rules if isinstance(rules, list) else ():
            if isinstance(rule, dict) and rule.get("type", "library") == "library":
                _name(rule)
        if isinstance(options, dict):
            _bound(options)
        for key in ("properties", "items"):
            _walk(part.get(key))


def _name(rule: dict[str, Any]) -> None:
    """The rule's name was free; a list of valid values stood beside it."""
    if "rule" not in rule or "metric" in rule:
        return
    name = rule.pop("rule")
    values = rule.pop("validValues", None)
    if values is not None:
        rule["arguments"] = {"validValues": values}
        if not any(operator in rule for operator in OPERATORS):
            rule["mustBe"] = 0
    if name in _METRICS and any(operator in rule for operator in OPERATORS):
        rule["metric"] = _METRICS[name]
        return
    told = {key: rule.pop(key) for key in (*OPERATORS, "arguments") if key in rule}
    rule |= {"type": "custom", "engine": ENGINE, "implementation": told}
    rule.setdefault("name", str(name))


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
