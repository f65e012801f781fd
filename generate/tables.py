"""Tables of what a JSON Schema says: the keys of cdml.yaml, the fields of evidence."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import yaml

Schema = dict[str, Any]
HUGE = 2**53
"""From here on a limit is that of a machine's numbers, and says nothing."""


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of Markdown."""
    head = tuple(head)
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines)


def _cell(text: str) -> str:
    text = text.removeprefix("- ").replace("\n- ", "<br>").partition("\n\n")[0]
    return text.replace("\n", " ").replace("|", r"\|")


@dataclass(frozen=True, slots=True)
class Section:
    """The keys that stand together; `kind` is the `type` that has them, if not every one does."""

    path: str
    schema: Schema
    kind: str = ""

    @property
    def heading(self) -> str:
        """How the section is headed."""
        name = f"`{self.path}`" if self.path else "The whole file"
        return f"{name} of type `{self.kind}`" if self.kind else name

    @property
    def anchor(self) -> str:
        """The heading as links name it."""
        return re.sub(r"[^\w -]", "", self.heading.lower()).replace(" ", "-")


def sections(schema: Schema, path: str = "", *, inner: Schema | None = None) -> Iterator[Section]:
    """Every section of a schema, outer ones first; a list's items are at `path[]`."""
    here = schema if inner is None else inner
    if here.get("properties"):
        yield Section(path, here)
    for case in here.get("allOf", ()):
        kind = case["if"]["properties"]["type"]["const"]
        yield Section(path, {**case["then"], "description": ""}, kind)
    for part in (here, *(case["then"] for case in here.get("allOf", ()))):
        for name, value in part.get("properties", {}).items():
            for mark, target in _inner(schema, value):
                below = f"{path}.{name}{mark}".lstrip(".")
                yield from sections(schema, below, inner=target)


def _inner(schema: Schema, value: Schema) -> Iterator[tuple[str, Schema]]:
    """The objects with keys of their own that a value may be: what marks them, and which."""
    if "$ref" in value:
        target = schema["$defs"][value["$ref"].rpartition("/")[2]]
        if "properties" in target or "allOf" in target:
            yield "", target
    for one in value.get("anyOf", ()):
        yield from _inner(schema, one)
    if isinstance(items := value.get("items"), dict):
        yield from (("[]" + mark, target) for mark, target in _inner(schema, items))
    if isinstance(values := value.get("additionalProperties"), dict):
        yield from ((".*" + mark, target) for mark, target in _inner(schema, values))


def type_name(schema: Schema, value: Schema) -> str:
    """The type of a value in words; null is left out, as the default shows it."""
    words = {"string": "text", "integer": "whole number", "boolean": "`true` or `false`"}
    kind: str = value.get("type", "any")
    name = words.get(kind, kind)
    if "$ref" in value:
        target = schema["$defs"][value["$ref"].rpartition("/")[2]]
        name = "keys" if "properties" in target else type_name(schema, target)
    elif "enum" in value or "const" in value:
        name = ", ".join(_code(one) for one in value.get("enum", [value.get("const")]))
    elif "anyOf" in value:
        names = (type_name(schema, one) for one in value["anyOf"] if one.get("type") != "null")
        name = " or ".join(dict.fromkeys(names))
    elif "prefixItems" in value:
        name = f"list of {len(value['prefixItems'])}"
    elif "items" in value:
        name = f"list of {type_name(schema, value['items'])}"
    elif isinstance(inner := value.get("additionalProperties"), dict):
        name = f"map to {type_name(schema, inner)}"
    return name + _limits(value)


def _limits(value: Schema) -> str:
    words = {
        "exclusiveMinimum": "above",
        "gt": "above",
        "minimum": "at least",
        "exclusiveMaximum": "below",
        "maximum": "at most",
    }
    limits = {word: value[key] for key, word in words.items() if abs(value.get(key, HUGE)) < HUGE}
    return "".join(f", {word} {limit:,}" for word, limit in limits.items())


def key_tables(schema: Schema, examples: str, options: dict[str, str]) -> str:
    """The keys of cdml.yaml, section by section.

    Args:
        schema: the JSON Schema of it.
        examples: configurations that together have a value for every key, as YAML.
        options: the option of a command that takes the place of a key, by the key.
    """
    documents = list(yaml.safe_load_all(examples))
    every = list(sections(schema))
    parts = []
    for section in every:
        rows: list[Iterable[str]] = []
        for name, value in section.schema["properties"].items():
            below = f"{section.path}.{name}".lstrip(".")
            inner = [one for one in every if re.fullmatch(rf"{re.escape(below)}(\[\])?", one.path)]
            meaning = value.get("description") or (inner and inner[0].schema["description"]) or ""
            if option := options.get(below):
                meaning += f" The option `--{option}` takes its place."
            kind = type_name(schema, value)
            if inner:
                kind = kind.replace("keys", f"[keys](#{inner[0].anchor})")
            example = next((_code(one) for one in _values(documents, section, name)), "")
            default = _default(section, name)
            rows.append((f"`{name}`", meaning, kind, default, "" if inner else example))
        about = section.schema.get("description", "") if section.path else ""
        text = f"{about}\n\n" if about else ""
        head = ("key", "meaning", "type", "default", "example")
        parts.append(f"## {section.heading}\n\n{text}{table(head, rows)}")
    return "\n".join(parts)


def _values(documents: Iterable[Any], section: Section, name: str) -> Iterator[Any]:
    """The values that documents have for a key, first come first."""
    nodes = list(documents)
    for part in filter(None, section.path.split(".")):
        inner = [node[part.removesuffix("[]")] for node in nodes if _has(node, part)]
        nodes = [one for each in inner for one in each] if part.endswith("[]") else inner
    for node in nodes:
        if isinstance(node, dict) and name in node and section.kind in ("", node.get("type")):
            yield node[name]


def _has(node: Any, part: str) -> bool:
    return isinstance(node, dict) and part.removesuffix("[]") in node


def _default(section: Section, name: str) -> str:
    if name in section.schema.get("required", ()):
        return "required"
    default = section.schema["properties"][name].get("default")
    return "" if isinstance(default, dict) or default in (None, []) else _code(default)


def _code(value: Any) -> str:
    if isinstance(value, float):
        value = f"{value:g}"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"`{text}`"


def field_tables(schema: Schema) -> str:
    """The fields of a file of evidence, section by section."""
    parts = []
    seen: set[str] = set()
    for section in sections(schema):
        if (title := section.schema["title"]) in seen:
            continue
        seen.add(title)
        rows = []
        for name, value in section.schema["properties"].items():
            inner = next(_inner(schema, value), ("", {}))[1].get("description", "")
            meaning = value.get("description") or inner
            rows.append((f"`{name}`", meaning, type_name(schema, value)))
        about = section.schema["description"]
        if not section.path:  # it begins with the name of the file, as the heading does
            about = re.sub(r"^\w+\.json: (\w)", lambda match: match[1].upper(), about)
        head = f"\n**`{section.path}`**: {about}" if section.path else about
        parts.append(f"{head}\n\n{table(('field', 'meaning', 'type'), rows)}")
    return "".join(parts)
