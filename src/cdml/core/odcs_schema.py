"""What the standard's own JSON Schema says about a contract; the reading model is laxer."""

import json
from collections.abc import Sequence
from difflib import get_close_matches
from functools import cache
from importlib import resources
from typing import Any

from open_data_contract_standard.model import OpenDataContractStandard
from pydantic import BaseModel

from cdml.core.bounds import OPERATORS
from cdml.core.marked import Marked, Place
from cdml.core.names import unknown

Problems = list[tuple[int, str]]
"""Lines, and what is wrong there."""


@cache
def _validator() -> Any:
    from jsonschema import validators

    text = resources.files("open_data_contract_standard").joinpath("schema.json").read_text("utf-8")
    schema = json.loads(text)
    _ask_only_of_what_is_there(schema)
    return validators.validator_for(schema)(schema)


def _ask_only_of_what_is_there(schema: Any, *, condition: bool = False) -> None:
    """Let conditions be false of keys that are not written.

    The standard says `if logicalType is map, then map is required` so that it also holds of
    columns without a logical type, and would refuse them all.
    """
    if isinstance(schema, list):
        for part in schema:
            _ask_only_of_what_is_there(part, condition=condition)
    elif isinstance(schema, dict):
        if condition and "properties" in schema:
            schema.setdefault("required", list(schema["properties"]))
        for key, part in schema.items():
            _ask_only_of_what_is_there(
                part, condition=key == "if" or (condition and key == "anyOf")
            )


def against_schema(marked: Marked) -> Problems:
    """What the standard's own JSON Schema objects to."""
    problems: Problems = []
    vague: Problems = []
    for error in _validator().iter_errors(marked.value):
        place = tuple(error.absolute_path)
        line = marked.line(place)
        where = written(place)
        if error.validator in ("additionalProperties", "unevaluatedProperties"):
            known = _known_keys(place)
            wrong = [key for key in error.instance if known and key not in known]
            problems += [
                (marked.line((*place, key)), f"{where}: {_unknown(key, known)}") for key in wrong
            ]
            if not wrong:
                vague.append((line, f"{where}: {_misplaced(error.instance) or error.message}"))
        elif error.validator == "oneOf" and "quality" in place:
            problems.append((line, f"{where} needs exactly one of {', '.join(OPERATORS)}"))
        else:
            problems.append((line, f"{where}: {_short(error.message)}{_nearest(error)}"))
    # A failed condition makes the schema call innocent keys unknown: told only when alone.
    return problems or vague


def _misplaced(rule: Any) -> str:
    """Operators that stand beside a rule that holds nothing against a figure there."""
    kind = rule.get("type") if isinstance(rule, dict) else None
    found = [name for name in OPERATORS if kind in ("custom", "text") and name in rule]
    where = "; those of cdml stand in its implementation" if kind == "custom" else ""
    return f"{found[0]} does not stand at a rule of type {kind}{where}" if found else ""


def _nearest(error: Any) -> str:
    """The value that was meant, perhaps, where only some are possible."""
    if error.validator != "enum" or not isinstance(error.instance, str):
        return ""
    near = get_close_matches(error.instance, list(map(str, error.validator_value)), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _unknown(key: str, known: Sequence[str]) -> str:
    """The standard knows some thirty keys at a column: the nearest one says more than the list."""
    guess, _, every = unknown("key", key, known).partition("? Known: ")
    return f"{guess}?" if every else guess


def _short(message: str) -> str:
    return message if len(message) <= 200 else f"{message[:120]} … {message[-70:]}"  # noqa: PLR2004 - a line or two


def _known_keys(place: Place) -> Sequence[str]:
    """The keys the standard knows at a place."""
    model: type[BaseModel] = OpenDataContractStandard
    for part in place:
        if isinstance(part, int):
            continue
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        inner = _models(fields[part].annotation) if part in fields else []
        if not inner:
            return ()
        model = inner[0]
    return [field.alias or name for name, field in model.model_fields.items()]


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in getattr(annotation, "__args__", ()) for model in _models(inner)]


def written(place: Place) -> str:
    """`schema[0].name`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.removeprefix(".") or "the contract"
