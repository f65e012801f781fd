"""What cdml can be extended by: tables of kinds, ours and those of installed packages."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from cdml.common.adapter_table import AdapterTable, find_adapter
from cdml.common.suggest import describe_unknown
from cdml.common.yaml_lines import KeyPath
from cdml.config.base import validation_message
from cdml.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One entry of a table.

    `adapter` is the `module:attribute` of what makes one, imported only then. Without `settings`
    the adapter checks what stands next to `type`.
    """

    adapter: str
    summary: str = ""
    settings: type[BaseModel] | None = None


K = TypeVar("K", bound=Kind)


@dataclass(frozen=True)
class Kinds(Mapping[str, K]):
    """Our own kinds and those of installed packages, each read when it is used.

    The entry point of another package names a kind, or its adapter alone.
    `word` is what one is called in messages, `group` that of the entry points.
    """

    word: str
    group: str
    own: Mapping[str, K]
    kind: type[K]

    @cached_property
    def _names(self) -> AdapterTable:
        return AdapterTable(self.group, {name: kind.adapter for name, kind in self.own.items()})

    def __getitem__(self, name: str) -> K:
        """The kind of that name; a ConfigurationError if its module cannot be imported here."""
        if name in self.own:
            return self.own[name]
        names = self._names
        place = names[name]
        entry = find_adapter(self.word, name, names)
        return entry if isinstance(entry, self.kind) else self.kind(adapter=place)

    def __contains__(self, name: object) -> bool:
        """Whether there is such a kind; it is not imported."""
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def named(self, name: str) -> K:
        """The kind of that name; a ConfigurationError if there is none, too."""
        if name not in self:
            raise ConfigurationError(describe_unknown(self.word, name, self))
        return self[name]

    def adapter(self, name: str) -> Any:
        """What is made of the kind of that name; raises as `named`."""
        return find_adapter(self.word, name, {name: self.named(name).adapter})

    def read_settings(self, name: str, written: Mapping[str, Any]) -> Any:
        """The settings next to `type`, as a model of the kind, or as they are without one."""
        model = self.named(name).settings
        return written if model is None else model.model_validate(written)

    def describe(self) -> Iterator[str]:
        """A line for each, as Markdown."""
        for name, kind in self.items():
            yield f"- `{name}`: {kind.summary}." if kind.summary else f"- `{name}`"

    def problems(self, name: str, written: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
        """What is wrong with the settings next to `type`, each with its place below them."""
        kind = self.get(name)
        if kind is None or kind.settings is None:
            return
        try:
            kind.settings.model_validate(written)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                place, message = detail["loc"], validation_message(detail)
                if detail["type"] == "extra_forbidden":
                    keys = ("type", *kind.settings.model_fields)
                    setting = f"setting of the {self.word} {name}"
                    message = describe_unknown(setting, str(place[0]), keys)
                yield place, message
