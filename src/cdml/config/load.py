"""cdml.yaml read whole: every problem at once, each with its place and the nearest name."""

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from cdml.common.addresses import Address, reveal
from cdml.common.suggest import describe_unknown
from cdml.common.yaml_lines import (
    KeyPath,
    NotYaml,
    YamlDocument,
    nearest_line,
    read_yaml,
    written_path,
)
from cdml.config.allowed_hosts import host_complaints
from cdml.config.base import validation_message
from cdml.config.cross_checks import REGISTRY_PLACE, find_contradictions
from cdml.config.registries import DEFAULT_REGISTRY
from cdml.config.schema import Config
from cdml.config.variables import substitute_variables
from cdml.errors import ConfigurationError
from cdml.statistics.metric_names import UNKNOWN, metric_name_list

_WHOLE_FILE = "the file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong with the configuration."""

    place: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.place}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedConfig:
    """A configuration and where it came from; `lines` by key path, e.g. `("gates", 0)`.

    `no_registry` says why the registry's address cannot be used; empty where it can.
    """

    config: Config
    path: Path
    lines: Mapping[KeyPath, int]
    no_registry: str = ""

    @property
    def folder(self) -> Path:
        """All paths in the configuration are relative to this folder."""
        return self.path.parent

    def line(self, place: KeyPath) -> int:
        """The line of a place, or of the nearest thing around it that was written."""
        return nearest_line(place, self.lines)

    def locate(self, written: str) -> str:
        """A path as the process can open it, variables still shown; URLs stay as they are."""
        address = reveal(written)
        if "://" in address:
            return written if isinstance(written, Address) else Address(written)
        if isinstance(written, Address) and written.values:
            return written.placed(str(self.folder / address))
        return str(self.folder / address)


def load(
    path: Path,
    *,
    targets: Collection[str],
    environment: Mapping[str, str] | None = None,
    needs_registry: bool = True,
) -> LoadedConfig:
    """Read and check a configuration, `${NAME}` put in from the process's variables by default.

    Unless it `needs_registry`, the address of one may be of none, and name a variable that it may
    not: `no_registry` says so.

    Raises:
        ConfigurationError: the file is missing or invalid; the message lists every problem.
    """
    variables = os.environ if environment is None else environment
    marked = _document(path, _text(path))
    document, lines = marked.value, marked.lines
    problems = [_problem(place, "appears twice", lines) for place in marked.repeated]
    refused = dict(substitute_variables(document, variables))
    no_registry = "" if needs_registry else refused.pop(REGISTRY_PLACE, "")
    if no_registry:
        uri = document["registry"]["uri"]
        document["registry"]["uri"] = Address(uri).placed(DEFAULT_REGISTRY)
    problems += [_problem(place, message, lines) for place, message in refused.items()]
    registry = document.get("registry")
    written = registry.get("uri") if isinstance(registry, dict) else None
    if isinstance(registry, dict) and isinstance(written, str) and not reveal(written):
        registry["uri"] = DEFAULT_REGISTRY  # an unset secret: as if it had not been written
    config = None
    try:
        config = Config.model_validate(document)
    except ValidationError as error:
        places = {written_path(place, _WHOLE_FILE) for place in refused}
        invalid = _problems(error, document, lines)
        # One sentence about a place, and no second.
        problems += [problem for problem in invalid if problem.place not in places]
    contradictions = find_contradictions(
        document, targets=targets, variables=variables,
        needs_registry=needs_registry,
    )  # fmt: skip
    problems += [
        _problem(place, message, lines)
        for place, message in (*contradictions, *host_complaints(document, variables))
        if place not in refused  # one sentence about an address whose variable is refused
    ]
    if config is None or problems:
        lines_of_problems = sorted(dict.fromkeys(map(str, problems)), key=_line_number)
        count = "1 problem" if len(lines_of_problems) == 1 else f"{len(lines_of_problems)} problems"
        if any(problem.message.startswith(UNKNOWN) for problem in problems):
            lines_of_problems.append(metric_name_list())
        raise ConfigurationError(
            f"{path} has {count}:\n" + "\n".join(f"  {line}" for line in lines_of_problems),
            "`cdml schema` prints the allowed values of each key.",
            at=(str(path), _line_number(lines_of_problems[0])),
        )
    return LoadedConfig(config=config, path=path, lines=lines, no_registry=no_registry)


def _problem(place: KeyPath, message: str, lines: Mapping[KeyPath, int]) -> Problem:
    line = nearest_line(place, lines)
    return Problem(place=written_path(place, _WHOLE_FILE), line=line, message=message)


def _line_number(problem: str) -> int:
    return int(problem.split(":", 1)[0].removeprefix("line "))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"{path} does not exist.", "`cdml init` writes one; --config names another."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}.") from error


def _document(path: Path, text: str) -> YamlDocument:
    try:
        marked = read_yaml(text)
    except NotYaml as error:
        raise ConfigurationError(
            f"{path}, line {error.line}, is not YAML: {error}.",
            "Correct that line; YAML indents with spaces, never with tabs.",
            at=(str(path), error.line),
        ) from error
    if not isinstance(marked.value, dict):
        raise ConfigurationError(f"{path} has no keys.", "`cdml init` writes a first one.")
    return marked


def _problems(
    error: ValidationError, document: Any, lines: Mapping[KeyPath, int]
) -> Iterator[Problem]:
    details = error.errors(include_url=False)
    places = [_place(detail["loc"], document, detail["type"]) for detail in details]
    # `false or a mapping`: who wrote a mapping need not hear that it is not false.
    for place, detail in zip(places, details, strict=True):
        inner = (other for other in places if other != place)
        literal = detail["type"] == "literal_error"
        if literal and any(other[: len(place)] == place for other in inner):
            continue
        if detail["type"] == "extra_forbidden":
            message = describe_unknown("key", str(place[-1]), _keys(place[:-1]))
        else:
            message = validation_message(detail)
        yield _problem(place, message, lines)


def _place(location: KeyPath, document: Any, kind: str) -> KeyPath:
    """Where in the document: pydantic also names the member of a union that it tried."""
    place: list[int | str] = []
    for part in location:
        inside = (isinstance(document, dict) and part in document) or (
            isinstance(document, list) and isinstance(part, int) and part < len(document)
        )
        if inside:
            document = document[part]
            place.append(part)
    return (*place, location[-1]) if kind == "missing" else tuple(place)


def _keys(place: KeyPath) -> Collection[str]:
    model: type[BaseModel] = Config
    for part in place:
        if isinstance(part, int):
            continue
        candidates = _models(model.model_fields[part].annotation)
        if not candidates:
            return ()
        model = candidates[0]
    return model.model_fields


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in getattr(annotation, "__args__", ()) for model in _models(inner)]
