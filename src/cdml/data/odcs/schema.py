"""What the standard's own JSON Schema says about a contract; the reading model is laxer."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from typing import Any

from cdml.common.suggest import describe_unknown
from cdml.common.yaml_lines import KeyPath, YamlDocument, written_path
from cdml.data.contract import OPERATORS
from cdml.data.odcs.versions import VERSIONS, standard_schema


@dataclass(frozen=True, slots=True)
class Problems:
    """What is wrong in a contract, by line."""

    marked: YamlDocument
    entries: list[tuple[int, str]] = field(default_factory=list)

    def add(self, place: KeyPath, problem: str) -> None:
        """Something is wrong at a place."""
        self.entries.append((self.marked.line(place), f"{contract_path(place)}: {problem}"))


_LONGEST = 200
_TYPES = {
    "object": "a mapping", "array": "a list", "string": "a text", "number": "a number",
    "integer": "a whole number", "boolean": "true or false", "null": "nothing",
}  # fmt: skip


@cache
def _validator(version: str) -> Any:
    from jsonschema import validators

    schema = deepcopy(standard_schema(version))
    _require_keys_of_conditions(schema)
    return validators.validator_for(schema)(schema)


def _require_keys_of_conditions(schema: Any, *, condition: bool = False) -> None:
    """Let conditions be false of keys that are not written.

    The standard says `if logicalType is map, then map is required` so that it also holds of
    columns without a logical type, and would refuse them all.
    """
    if isinstance(schema, list):
        for part in schema:
            _require_keys_of_conditions(part, condition=condition)
    elif isinstance(schema, dict):
        if condition and "properties" in schema:
            schema.setdefault("required", list(schema["properties"]))
        for key, part in schema.items():
            _require_keys_of_conditions(
                part, condition=key == "if" or (condition and key == "anyOf")
            )


@dataclass(frozen=True, slots=True)
class _Wrong:
    """One thing that the schema objects to; `key` is the unknown key of the mapping there."""

    place: KeyPath
    problem: str
    key: str | None = None

    @property
    def key_place(self) -> KeyPath:
        return self.place if self.key is None else (*self.place, self.key)


def check_schema(problems: Problems, version: str) -> None:
    """Add what the standard's own JSON Schema of a version objects to."""
    newest, marked = VERSIONS[0], problems.marked
    wrong = _objections(marked.value, version)
    later: frozenset[KeyPath] = frozenset()
    if version != newest:
        unknown_still = frozenset(one.key_place for one in _objections(marked.value, newest))
        later = frozenset(one.key_place for one in wrong if one.key) - unknown_still
    for one in wrong:
        problem = one.problem
        if one.key_place in later:
            problem = f"{version} has no key {one.key!r}, but {newest} has; set apiVersion to it"
        line = marked.line(one.key_place)
        problems.entries.append((line, f"{contract_path(one.place)}: {problem}"))


def _objections(contract: Any, version: str) -> list[_Wrong]:
    validator = _validator(version)
    errors = list(validator.iter_errors(contract))
    problems = [problem for error in errors for problem in _explain(validator, error)]
    # A failed condition makes the schema call innocent keys unknown: they explain nothing.
    return problems or [_Wrong(tuple(e.absolute_path), _short(e.message)) for e in errors]


def defined_keys(name: str, value: Any) -> frozenset[str]:
    """The keys that today's standard knows of a definition, for a mapping such as this."""
    validator = _validator(VERSIONS[0])
    return _allowed(validator, validator.schema["$defs"][name], value)


def _explain(validator: Any, error: Any) -> Iterator[_Wrong]:
    place: KeyPath = tuple(error.absolute_path)
    kind, constraint, value = error.validator, error.validator_value, error.instance
    match kind:
        case "additionalProperties" | "unevaluatedProperties":
            allowed = _allowed(validator, error.schema, value)
            for key in value if allowed else ():
                if key not in allowed:
                    problem = _misplaced(value, key) or _unknown(key, sorted(allowed))
                    yield _Wrong(place, problem, key)
        case "oneOf" | "anyOf":
            yield from _explain_choice(validator, error)
        case "required":
            # There is an error for each missing key.
            keys = (key for key in constraint if error.message.startswith(repr(key)))
            yield _Wrong(place, f"{next(keys, 'a key')} is missing")
        case "type":
            yield _Wrong(place, f"takes {_types([constraint])}, not {_format_value(value)}")
        case "enum":
            names = list(map(str, constraint))
            near = get_close_matches(str(value), names, n=1)
            guess = f"; did you mean {near[0]!r}?" if near else ""
            sentence = f"{_format_value(value)} is not one of {', '.join(names)}{guess}"
            yield _Wrong(place, sentence)
        case "not" if "required" in constraint:
            yield _Wrong(place, f"takes no key {constraint['required'][0]!r} here")
        case "pattern":
            sentence = (
                "is not a column reference; write table.column"
                if "relationships" in place
                else "has a character that is not allowed here"
            )
            yield _Wrong(place, f"{_format_value(value)} {sentence}")
        case _:
            yield _Wrong(place, _short(error.message))


def _explain_choice(validator: Any, error: Any) -> Iterator[_Wrong]:
    place: KeyPath = tuple(error.absolute_path)
    value = error.instance
    branches: dict[int, list[Any]] = {}
    for inner in error.context:
        branches.setdefault(inner.relative_schema_path[0], []).append(inner)
    keys = [key for form in error.validator_value for key in form.get("required", ())]
    if isinstance(value, dict) and len(keys) == len(error.validator_value):
        given = [number for number, key in enumerate(keys) if key in value]
        if len(given) != 1:
            yield _Wrong(place, f"needs exactly one of {', '.join(keys)}")
            return
        branches = {number: branches[number] for number in given}
    fitting = [
        errors for errors in branches.values() if not any(_of_type(e, error) for e in errors)
    ]
    if not fitting:
        kinds = [
            inner.validator_value
            for errors in branches.values() for inner in errors if _of_type(inner, error)
        ]  # fmt: skip
        problem = f"takes {_types(kinds)}, not {_format_value(value)}"
        yield _Wrong(place, problem if kinds else "is ambiguous")
        return
    for inner in min(fitting, key=len):
        yield from _explain(validator, inner)


def _of_type(inner: Any, outer: Any) -> bool:
    return bool(inner.validator == "type") and inner.absolute_path == outer.absolute_path


def _allowed(validator: Any, schema: Any, value: Any) -> frozenset[str]:
    """The keys that a schema knows of a mapping, by the conditions that hold of it."""
    keys = frozenset(schema.get("properties", ()))
    parts = [part for key in ("allOf", "oneOf", "anyOf") for part in schema.get(key, ())]
    if "$ref" in schema:
        part = validator.schema
        for name in schema["$ref"].removeprefix("#/").split("/"):
            part = part[name]
        parts.append(part)
    if "if" in schema and validator.evolve(schema=schema["if"]).is_valid(value):
        parts.append(schema["then"])
    return keys.union(*(_allowed(validator, part, value) for part in parts))


def _misplaced(rule: Any, key: str) -> str:
    """An operator that stands next to a rule that holds nothing against a figure there."""
    kind = rule.get("type")
    if key not in OPERATORS or kind not in ("custom", "text"):
        return ""
    where = "; those of cdml belong in its implementation" if kind == "custom" else ""
    return f"{key} is not allowed in a rule of type {kind}{where}"


def _unknown(key: str, allowed: Sequence[str]) -> str:
    """The standard knows some thirty keys at a column: the nearest one says more than the list."""
    guess, _, every = describe_unknown("key", key, allowed).partition("? Known: ")
    return f"{guess}?" if every else guess


def _types(kinds: Sequence[Any]) -> str:
    names = [name for kind in kinds for name in ([kind] if isinstance(kind, str) else kind)]
    return " or ".join(dict.fromkeys(_TYPES[name] for name in names))


def _format_value(value: Any) -> str:
    if isinstance(value, dict | list):
        return _TYPES["object" if isinstance(value, dict) else "array"]
    return "nothing" if value is None else _short(repr(value))


def _short(message: str) -> str:
    return message if len(message) <= _LONGEST else f"{message[:120]} … {message[-70:]}"


def contract_path(place: KeyPath) -> str:
    """`schema[0].name`."""
    return written_path(place, "the contract")
