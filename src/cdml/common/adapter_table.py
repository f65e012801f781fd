"""Names that stand for adapters: ours, and those that installed packages bring by entry points."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

from cdml.common.suggest import describe_unknown
from cdml.errors import ConfigurationError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Names = Mapping[str, str]
"""Where each adapter is found, as `module:attribute`."""


def entry_points(group: str) -> Mapping[str, "EntryPoint"]:
    """What installed packages bring under `group`, by name; slow to find the first time."""
    return _entry_points(group, tuple(sys.path))


@cache
def _entry_points(group: str, _path: tuple[str, ...]) -> Mapping[str, "EntryPoint"]:
    from importlib.metadata import entry_points  # takes long, and most names are ours

    return {point.name: point for point in entry_points(group=group)}


@dataclass(frozen=True)
class AdapterTable(Mapping[str, str]):
    """Our adapters, then those that installed packages bring under `group`, slow to find."""

    group: str
    own: Names

    @cached_property
    def _theirs(self) -> Names:
        return {name: point.value for name, point in entry_points(self.group).items()}

    def __getitem__(self, name: str) -> str:
        return self.own[name] if name in self.own else self._theirs[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**self.own, **self._theirs})

    def __len__(self) -> int:
        return len({**self.own, **self._theirs})


def find_adapter(kind: str, name: str, names: Names) -> Any:
    """The class behind a name.

    Raises:
        ConfigurationError: nobody has that name, or its module cannot be imported here.
    """
    if name not in names:
        raise ConfigurationError(describe_unknown(kind, name, names))
    module, _, attribute = names[name].partition(":")
    try:
        adapter_module = import_module(module)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"the {kind} {name!r} needs the package {error.name!r}, which is not installed.",
            "Install cdml with its ml extra, or give `python:` an interpreter that has it.",
        ) from error
    except ImportError as error:
        raise ConfigurationError(f"the {kind} {name!r} cannot be imported: {error}.") from error
    if not hasattr(adapter_module, attribute):
        raise ConfigurationError(
            f"the {kind} {name!r} cannot be imported: {module} has no {attribute!r}.",
            "Correct the entry point of the package that provides it.",
        )
    return getattr(adapter_module, attribute)
