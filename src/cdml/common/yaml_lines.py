"""YAML with the line of everything in it, so that a problem can say where it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

KeyPath = tuple[int | str, ...]

MAX_DEPTH = 64
MAX_PLACES = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class YamlDocument:
    """A document (dates stay text), the line from 1 of each key path, and keys given twice."""

    value: Any
    lines: Mapping[KeyPath, int]
    repeated: tuple[KeyPath, ...]

    def line(self, place: KeyPath) -> int:
        """The line of a place, or of the nearest thing around it that was written."""
        return nearest_line(place, self.lines)

    def inside(self, place: KeyPath) -> dict[str, int]:
        """The lines of the keys of the mapping at a place."""
        value: Any = self.value
        for part in place:
            if isinstance(value, dict) and part not in value:
                return {}
            value = value[part]
        return {key: self.line((*place, key)) for key in value} if isinstance(value, dict) else {}


def nearest_line(place: KeyPath, lines: Mapping[KeyPath, int]) -> int:
    """The line of a place, or of the nearest thing around it that was written."""
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place, 1)


def written_path(place: KeyPath, document: str) -> str:
    """`schema[0].name`; of the whole, what the document is called."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.removeprefix(".") or document


class NotYaml(ValueError):
    """The text is no YAML document; `line` says from where on."""

    def __init__(self, problem: str, line: int) -> None:
        super().__init__(problem)
        self.line = line


def read_yaml(text: str) -> YamlDocument:
    """Read one document, or raise `NotYaml`."""
    lines: dict[KeyPath, int] = {}
    repeated: list[KeyPath] = []
    loader = yaml.SafeLoader("")
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        value = None if node is None else _value(node, (), lines, repeated, loader)
    except (ValueError, KeyError) as error:
        raise NotYaml(f"a value does not match its type tag ({error})", 1) from error
    except RecursionError as error:
        raise NotYaml("it is nested too deeply to read", 1) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise NotYaml(problem, mark.line + 1 if mark else 1) from error
    return YamlDocument(value=value, lines=lines, repeated=tuple(repeated))


def _value(
    node: yaml.Node, place: KeyPath, lines: dict[KeyPath, int], repeated: list[KeyPath],
    loader: yaml.SafeLoader,
) -> Any:  # fmt: skip
    lines[place] = node.start_mark.line + 1
    if len(place) > MAX_DEPTH or len(lines) > MAX_PLACES:
        raise yaml.YAMLError(
            f"it has more than {MAX_DEPTH} levels or more than {MAX_PLACES:,} values; an anchor"
            " that contains itself does that"
        )
    if isinstance(node, yaml.MappingNode):
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(getattr(key_node, "value", key_node))
            inner = (*place, key)
            if key in mapping:
                repeated.append(inner)
            mapping[key] = _value(value_node, inner, lines, repeated, loader)
            lines[inner] = key_node.start_mark.line + 1
        return mapping
    if isinstance(node, yaml.SequenceNode):
        return [
            _value(item, (*place, index), lines, repeated, loader)
            for index, item in enumerate(node.value)
        ]
    if node.tag == "tag:yaml.org,2002:timestamp":
        return node.value
    return loader.construct_object(node)
