"""The JSON Schema that editors complete cdml.yaml with."""

import ast
import inspect
import json
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any

from pydantic import BaseModel

from cdml.config import delivery, features, monitoring, training
from cdml.config import schema as model
from cdml.config.data_checks import data_check_types
from cdml.config.features import feature_store_types
from cdml.config.kinds import Kinds
from cdml.config.registries import registry_types
from cdml.config.targets import target_types
from cdml.config.traffic import traffic_types
from cdml.statistics.metrics import metric_names


def json_schema() -> str:
    """The schema as indented JSON, each key described, the known metrics offered by name."""
    describe_fields((delivery, features, monitoring, training, model, *_modules_of_settings()))
    schema = model.Config.model_json_schema(mode="validation")
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "cdml.yaml"
    _add_kinds(schema["$defs"], "TargetSettings", target_types())
    _add_kinds(schema["$defs"], "TrafficSettings", traffic_types())
    _add_kinds(schema["$defs"], "FeaturesSettings", feature_store_types())
    uri = schema["$defs"]["RegistrySettings"]["properties"]["uri"]
    uri["description"] = "\n".join((uri["description"], *registry_types().describe()))
    checks = schema["$defs"]["DataSettings"]["properties"]["checks"]
    kinds = data_check_types()
    checks["description"] = "\n".join((checks["description"], *kinds.describe()))
    models = {name: kind.settings for name, kind in kinds.items() if kind.settings}
    checks["properties"] = {name: model.model_json_schema() for name, model in models.items()}
    metric = schema["$defs"]["GateSettings"]["properties"]["metric"]
    metric["examples"] = list(metric_names())
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _add_kinds(definitions: dict[str, Any], typed_name: str, kinds: Kinds[Any]) -> None:
    """The settings of the kinds whose entry has them; another type may have any."""
    typed = definitions[typed_name]
    typed["properties"]["type"]["description"] = "\n".join(kinds.describe())
    typed["properties"]["type"]["examples"] = sorted(kinds)
    typed["allOf"] = []
    for name, kind in kinds.items():
        if kind.settings is None:
            continue
        settings = kind.settings.model_json_schema(mode="validation")
        if not (properties := settings.get("properties")):
            continue
        definitions |= settings.get("$defs", {})
        typed["allOf"].append(
            {
                "if": {"properties": {"type": {"const": name}}, "required": ["type"]},
                "then": {"properties": properties, "required": settings.get("required", [])},
            }
        )


def describe_fields(modules: Iterable[ModuleType]) -> None:
    """Give every field of the models of these modules, bases and inner ones first, its text.

    Pydantic can read these texts itself (`use_attribute_docstrings`), but does so whenever the
    module is imported, which takes longer than all the rest of reading cdml.yaml.
    """
    texts: dict[type, dict[str, str]] = {}
    for module in modules:
        for node in ast.parse(inspect.getsource(module)).body:
            kind = getattr(module, node.name) if isinstance(node, ast.ClassDef) else None
            if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
                continue
            if isinstance(node, ast.ClassDef):
                texts[kind] = dict(_texts(node))
                for base in reversed(kind.__mro__):
                    for name, text in texts.get(base, {}).items():
                        kind.model_fields[name].description = text
                kind.model_rebuild(force=True)


def _modules_of_settings() -> Iterator[ModuleType]:
    """Where the settings of targets, sources of traffic and feature stores are written."""
    types = (*target_types().values(), *traffic_types().values(), *feature_store_types().values())
    kinds = (kind.settings for kind in types if kind.settings)
    yield from {module: None for kind in kinds if (module := inspect.getmodule(kind))}


def _texts(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, after in zip(node.body, node.body[1:], strict=False):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        text = after.value if isinstance(after, ast.Expr) else None
        if isinstance(text, ast.Constant) and isinstance(text.value, str):
            yield field.target.id, inspect.cleandoc(text.value)
