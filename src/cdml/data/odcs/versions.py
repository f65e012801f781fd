"""The standard's own JSON Schema of each version, made of the one that its package brings.

The package of the standard holds the schema of its newest version only. What the older ones had
otherwise is written down here, by the published schemas of v3.1.0, v3.0.2, v3.0.1 and v3.0.0 (the
last two differ in keys that v3.0 lets stand in any form). The tests hold the results against
the digests of the published schemas.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any

from cdml.errors import ConfigurationError

VERSIONS = ("v3.2.0", "v3.1.0", "v3.0.2", "v3.0.1", "v3.0.0")
"""The versions that can be read, newest first."""
OLDER = "v3.0"
"""How the versions begin whose words are put into today's; most of their objects are open."""

_Schema = dict[str, Any]

_SINCE_3_2: Mapping[str, tuple[str, ...]] = {
    "CustomProperty": ("vendor",),
    "RelationshipBase": ("id",),
    "SchemaBaseProperty": ("enum", "semanticType"),
    "SchemaElement": ("deprecated", "synonyms"),
    "SchemaObject": ("context",),
    "ServiceLevelAgreementProperty": ("authoritativeDefinitions", "customProperties"),
    "ServerSource/AthenaServer": ("workgroup",),
    **{
        f"ServerSource/{name}Server": ("encoding",)
        for name in (
            "Azure", "Custom", "Glue", "Kafka", "Kinesis", "Local", "S3", "Sftp",
        )
    },
}  # fmt: skip
"""Keys by definition."""
_SERVERS_SINCE_3_2 = frozenset(
    {"btrieve", "exasol", "fastobjects", "hana", "iceberg", "ingres", "poet", "teradata",
     "vectorwise", "versant"}
)  # fmt: skip
_SINCE_3_1: Mapping[str, tuple[str, ...]] = {
    "AuthoritativeDefinitions/items": ("description", "id"),
    "CustomProperty": ("description", "id"),
    "DataQuality": ("id",),
    "DataQualityLibrary": ("arguments", "metric"),
    "Pricing": ("id",),
    "Role": ("id",),
    "SchemaBaseProperty": ("relationships",),
    "SchemaElement": ("id",),
    "SchemaObject": ("relationships",),
    "Server": ("id",),
    "ServerSource/CustomServer": ("stream",),
    "ServiceLevelAgreementProperty": ("description", "id", "schedule", "scheduler"),
    "SupportItem": ("customProperties", "id"),
    "Team": ("authoritativeDefinitions", "customProperties", "id", "tags"),
}
_SERVERS_SINCE_3_1 = frozenset({"hive", "impala", "zen"})
_OPEN_BEFORE_3_1 = (
    "AuthoritativeDefinitions/items", "CustomProperty", "DataQuality", "Pricing", "Role",
    "SchemaBaseProperty", "Server", "ServiceLevelAgreementProperty", "SupportItem", "Team",
)  # fmt: skip
"""Objects that may hold keys which the standard does not name."""
_NAME_PART = "[A-Za-z_][A-Za-z0-9_]*"
_ID = "[A-Za-z0-9_-]+"


def read_version(contract: Mapping[str, Any], source: str, line: int) -> str:
    """The version of the standard that a contract names; `line` is where it does.

    Raises:
        ConfigurationError: it names none, or one that is not read.
    """
    written = contract.get("apiVersion")
    hint = f"cdml reads {', '.join(reversed(VERSIONS[1:]))} and {VERSIONS[0]}."
    if written is None:
        raise ConfigurationError(
            f"{source} lacks apiVersion, the version of the Open Data Contract Standard.", hint,
        )  # fmt: skip
    match = re.fullmatch(r"v?(\d+)\.(\d+)(?:\.(\d+))?", str(written).strip())
    near = f"v{match[1]}.{match[2]}." if match else "?"
    exact = f"{near}{match[3]}" if match and match[3] else None
    # `3.1` is any version that begins so; the newest of them has all of their keys.
    version = next((v for v in VERSIONS if v == exact or (not exact and v.startswith(near))), None)
    if version is None:
        raise ConfigurationError(
            f"{source}, line {line}, follows version {written!s:.40} of the Open Data Contract"
            " Standard, which cdml does not read.", hint,
        )  # fmt: skip
    return version


@cache
def standard_schema(version: str) -> _Schema:
    """The JSON Schema of one of the `VERSIONS`; not to be changed."""
    text = resources.files("open_data_contract_standard").joinpath("schema.json").read_text("utf-8")
    schema: _Schema = json.loads(text)
    if version < "v3.2":
        _as_3_1(schema)
    if version < "v3.1":
        _as_3_0(schema)
    if version < "v3.0.2":
        athena = schema["$defs"]["ServerSource"]["AthenaServer"]
        athena["required"] = ["staging_dir", *_but(athena["required"], {"stagingDir"})]
        for name, key in (("SchemaBaseProperty", "physicalName"), ("Team", "name"),
                          ("Team", "description")):  # fmt: skip
            schema["$defs"][name]["properties"].pop(key, None)
    schema["properties"]["apiVersion"] = {"type": "string"}  # `read_version` has judged it
    return schema


def _as_3_1(schema: _Schema) -> None:
    defs = schema["$defs"]
    schema["properties"].pop("context", None)
    schema["required"] = [*_but(schema["required"], {"status"}), "status"]
    _remove_keys(defs, _SINCE_3_2)
    _remove_servers(defs, _SERVERS_SINCE_3_2)
    for server in defs["ServerSource"].values():
        if "port" in server["properties"]:
            server["properties"]["port"] = {"type": "integer"}
    athena = defs["ServerSource"]["AthenaServer"]
    athena["required"] = [*_but(athena["required"], {"stagingDir"}), "stagingDir"]
    column = defs["SchemaBaseProperty"]
    _keep_conditions(column, lambda text: '"map"' not in text and '"vector"' not in text)
    _without(column["properties"]["logicalType"], {"map", "vector"})
    defs["SchemaObject"]["properties"]["logicalType"]["enum"] = ["object", "blob"]
    defs["ShorthandReference"]["pattern"] = rf"^{_NAME_PART}\.{_NAME_PART}$"
    defs["FullyQualifiedReference"]["pattern"] = (
        rf"^(?:(?:https?:\/\/)?[A-Za-z0-9._\-\/]+\.yaml#)?\/?{_NAME_PART}\/{_ID}"
        rf"(?:\/{_NAME_PART}\/{_ID})*$"
    )


def _as_3_0(schema: _Schema) -> None:
    defs = schema["$defs"]
    schema.pop("unevaluatedProperties", None)
    defs["Team"] = defs.pop("TeamMember")
    schema["properties"]["team"] = {"type": "array", "items": {"$ref": "#/$defs/Team"}}
    _remove_keys(defs, _SINCE_3_1)
    _remove_servers(defs, _SERVERS_SINCE_3_1)
    for name in _OPEN_BEFORE_3_1:
        for key in ("additionalProperties", "unevaluatedProperties"):
            _definition(defs, name).pop(key, None)
    defs["CustomProperty"].pop("required", None)
    defs["Team"].pop("required", None)
    defs["SupportItem"]["required"] = ["channel", "url"]
    sources = defs["ServerSource"]
    sources["DuckdbServer"]["properties"]["schema"]["type"] = "integer"
    for name in ("AzureServer", "S3Server", "SftpServer"):
        files = sources[name]["properties"]
        files["delimiter"]["enum"] = ["new_line", "array"]
        files["format"]["enum"] = ["parquet", "delta", "json", "csv"]
    column = defs["SchemaBaseProperty"]
    _keep_conditions(column, lambda text: '"timestamp"' not in text)
    _without(column["properties"]["logicalType"], {"timestamp", "time"})
    defs["SchemaObject"]["properties"]["logicalType"]["enum"] = ["object"]
    for condition in column["allOf"]:
        options = condition.get("then", {}).get("properties", {}).get("logicalTypeOptions", {})
        for bound in ("exclusiveMinimum", "exclusiveMaximum"):
            if bound in options.get("properties", {}):
                options["properties"][bound] = {"type": "boolean"}
    _rules_as_3_0(defs)


def _rules_as_3_0(defs: _Schema) -> None:
    """Rules had a free name, and operators that did not exclude one another."""
    number, pair = {"type": "number"}, {"items": {"type": "number"}, "maxItems": 2, "minItems": 2,
                                        "type": "array", "uniqueItems": True}  # fmt: skip
    library = defs["DataQualityLibrary"]
    library.pop("allOf", None)
    library["required"] = ["rule"]
    library["properties"] |= {
        "mustBe": {}, "mustNotBe": {}, "mustBeBetween": pair, "mustNotBeBetween": pair,
        "mustBeGreaterThan": number, "mustBeGreaterOrEqualTo": number,
        "mustBeLessThan": number, "mustBeLessOrEqualTo": number,
    }  # fmt: skip
    defs["DataQualitySql"].pop("allOf", None)
    kinds = defs["DataQuality"]["allOf"]
    kinds[0] = {"if": {"properties": {"type": {"const": "library"}}}, "then": kinds[0]["then"]}


def _definition(defs: _Schema, name: str) -> _Schema:
    for part in name.split("/"):
        defs = defs[part]
    return defs


def _remove_keys(defs: _Schema, keys: Mapping[str, Iterable[str]]) -> None:
    for name, removed in keys.items():
        properties = _definition(defs, name)["properties"]
        for key in removed:
            properties.pop(key, None)


def _remove_servers(defs: _Schema, kinds: frozenset[str]) -> None:
    server = defs["Server"]
    _without(server["properties"]["type"], kinds)
    _keep_conditions(server, lambda text: not any(f'"const": "{kind}"' in text for kind in kinds))


def _keep_conditions(part: _Schema, keep: Callable[[str], bool]) -> None:
    part["allOf"] = [one for one in part["allOf"] if keep(json.dumps(one.get("if", {})))]


def _without(part: _Schema, values: Iterable[str]) -> None:
    part["enum"] = _but(part["enum"], frozenset(values))


def _but(values: Iterable[str], left_out: Iterable[str]) -> list[str]:
    return [value for value in values if value not in left_out]
