"""The JSON Schema that editors complete cdml.yaml with."""

import json

from cdml.config.model import Config
from cdml.core.metrics import METRICS


def json_schema() -> str:
    """The schema as indented JSON, the known metrics offered by name."""
    schema = Config.model_json_schema(mode="validation")
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "cdml.yaml"
    metric = schema["$defs"]["Gate"]["properties"]["metric"]
    metric["examples"] = sorted(METRICS)
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
