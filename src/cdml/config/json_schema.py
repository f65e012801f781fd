"""The JSON Schema that editors complete cdml.yaml with."""

import ast
import inspect
import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from cdml.config import delivery, targets
from cdml.config import schema as model
from cdml.statistics.metrics import METRICS


def json_schema() -> str:
    """The schema as indented JSON, each key described, the known metrics offered by name."""
    for kind, texts in _described():
        for name, text in texts.items():
            kind.model_fields[name].description = text
        kind.model_rebuild(force=True)
    schema = model.Config.model_json_schema(mode="validation")
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "cdml.yaml"
    _add_targets(schema)
    metric = schema["$defs"]["GateSettings"]["properties"]["metric"]
    metric["examples"] = sorted(METRICS)
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _add_targets(schema: dict[str, Any]) -> None:
    """The settings of our own targets; another type may have any."""
    target = schema["$defs"]["TargetSettings"]
    target["properties"]["type"]["examples"] = sorted(targets.SETTINGS)
    target["allOf"] = []
    for name, kind in targets.SETTINGS.items():
        settings = kind.model_json_schema(mode="validation")
        if not (properties := settings.get("properties")):
            continue
        target["allOf"].append(
            {
                "if": {"properties": {"type": {"const": name}}, "required": ["type"]},
                "then": {"properties": properties, "required": settings["required"]},
            }
        )


def _described() -> Iterator[tuple[type[BaseModel], dict[str, str]]]:
    """Every model, inner ones first, and the text below each of its fields.

    Pydantic can read these texts itself (`use_attribute_docstrings`), but does so whenever the
    module is imported, which takes longer than all the rest of reading cdml.yaml.
    """
    for module in (delivery, model, targets):
        for node in ast.parse(inspect.getsource(module)).body:
            kind = getattr(module, node.name) if isinstance(node, ast.ClassDef) else None
            if isinstance(node, ast.ClassDef) and kind is not None:
                yield kind, dict(_texts(node))


def _texts(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, after in zip(node.body, node.body[1:], strict=False):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        text = after.value if isinstance(after, ast.Expr) else None
        if isinstance(text, ast.Constant) and isinstance(text.value, str):
            yield field.target.id, inspect.cleandoc(text.value)
