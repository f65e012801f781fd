"""GitHub's own description of its API, asked about every request and every answer.

The models are githubkit's, generated from GitHub's OpenAPI description. They ignore keys they
do not know, so keys are compared as well: a misspelt one must not pass.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from importlib import import_module
from types import NoneType
from typing import Any, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError

MOMENT = "2026-01-02T03:04:05Z"


def model(name: str) -> type[BaseModel]:
    """The model of one of GitHub's schemas."""
    return getattr(import_module("githubkit_schemas.latest.models"), name)


def violations(name: str, document: object) -> list[str]:
    """Everything in a document that GitHub's schema of this name does not allow."""
    schema = model(name)
    try:
        parsed = TypeAdapter(schema).validate_python(document)
    except ValidationError as error:
        return [f"{name}: {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
    return [f"{name}: unknown key {key}" for key in _unknown(parsed, document)]


def _unknown(parsed: object, document: object, place: str = "") -> Iterator[str]:
    if isinstance(parsed, BaseModel) and isinstance(document, Mapping):
        fields = {field.alias or key: key for key, field in type(parsed).model_fields.items()}
        allows = type(parsed).model_config.get("extra") == "allow"
        for key, value in document.items():
            if key in fields:
                yield from _unknown(getattr(parsed, fields[key]), value, f"{place}.{key}")
            elif not allows:
                yield f"{place}.{key}"
    elif isinstance(parsed, list) and isinstance(document, list):
        for inner, value in zip(parsed, document, strict=True):
            yield from _unknown(inner, value, place)


def filled(name: str | type[BaseModel], base: str, /, **known: Any) -> dict[str, Any]:
    """A document of a schema: what is known, and something plain for whatever else it requires.

    Args:
        name: the schema.
        base: address of the resource, for its many `*_url` fields.
        **known: the fields that matter.
    """
    schema = model(name) if isinstance(name, str) else name
    document = dict(known)
    for key, field in schema.model_fields.items():
        written = field.alias or key
        if field.is_required() and written not in document:
            document[written] = _plain(written, field.annotation, base)
    return document


def _plain(key: str, annotation: Any, base: str) -> Any:
    options = get_args(annotation)
    if annotation is NoneType or NoneType in options:
        return None
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return filled(annotation, base)
    if annotation is str and (key.endswith("url") or key == "href"):
        return base if key == "url" else f"{base}/{key.removesuffix('_url')}"
    if annotation is datetime:
        return MOMENT
    plain = {str: "", int: 0, bool: False}
    if annotation in plain:
        return plain[annotation]
    return [] if getattr(annotation, "__origin__", None) is list else options[0]
