"""The deploy targets: for each all that is to know before one is made, in one table."""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.functional_validators import AfterValidator

from cdml.common.adapter_table import AdapterTable, find_adapter
from cdml.common.suggest import describe_unknown
from cdml.common.yaml_lines import KeyPath
from cdml.config.base import Duration
from cdml.errors import ConfigurationError

PLACEHOLDERS = ("model", "version", "digest", "slot", "port")
"""What a command of a target may leave for cdml to fill in, each as `{name}`."""

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_ADDRESS = re.compile(r"[^\s/:]+:\d{1,5}|\[[0-9a-fA-F:.]+\]:\d{1,5}")
_NAME = r"^[A-Za-z0-9_.:-]+$"


def _command(written: object) -> object:
    """Read a command as a shell would split it; it is never given to one."""
    if isinstance(written, str):
        try:
            written = shlex.split(written)
        except ValueError as error:
            raise ValueError(f"cannot be split into words: {error}") from error
    if not isinstance(written, list | tuple) or not all(isinstance(one, str) for one in written):
        raise ValueError(f"write a command, or the list of its words, not {written!r}")
    if not written:
        raise ValueError("a command needs a word")
    for name in _PLACEHOLDER.findall(" ".join(written)):
        if name not in PLACEHOLDERS:
            raise ValueError(describe_unknown("placeholder", name, PLACEHOLDERS))
    return tuple(written)


def _starts(words: tuple[str, ...]) -> tuple[str, ...]:
    told = set(_PLACEHOLDER.findall(" ".join(words)))
    if not ({"model", "port"} <= told or "slot" in told):
        raise ValueError(
            "has to say what to serve, and where: {model} and {port}, or {slot} where a unit reads"
            " them from the slot's file"
        )
    return words


def _endpoint(written: str) -> str:
    if "/" in written or _ADDRESS.fullmatch(written):
        return written
    raise ValueError(
        f"write the path of a Unix socket (with a slash), or host:port, not {written!r}"
    )


def _two(slots: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(slots)) != 2:  # noqa: PLR2004 - one serves, the other is beside it
        raise ValueError(f"name two different servers of the backend, not {', '.join(slots)!r}")
    return slots


CommandLine = Annotated[
    tuple[str, ...], BeforeValidator(_command, json_schema_input_type=str | list[str])
]
HaproxyName = Annotated[str, Field(pattern=_NAME)]


class RegistryTargetSettings(BaseModel):
    """The registry's alias is the switch; there is nothing to set."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class HaproxySettings(BaseModel):
    """Two servers of one HAProxy backend on this machine; one serves, the other is beside it."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    socket: Annotated[str, AfterValidator(_endpoint)]
    """HAProxy's runtime API (`stats socket … level admin`): a path with a slash, or host:port."""
    backend: HaproxyName
    """The backend in HAProxy's configuration."""
    slots: Annotated[tuple[HaproxyName, ...], AfterValidator(_two)] = ("blue", "green")
    """Names of the backend's two servers; HAProxy knows their addresses."""
    start: Annotated[CommandLine, AfterValidator(_starts)]
    """Starts a server. {model} is a folder, {port} the slot's; also {slot}, {version}, {digest}."""
    stop: CommandLine | None = None
    """Stops the server of a {slot}; left out, the processes that `start` began are ended."""
    ready: Duration = 120.0
    """How long a server may take until it is ready."""
    drain: Duration = 30.0
    """How long a server may take to answer its open requests before it is stopped."""
    state: str | None = None
    """Folder of what each slot serves; by default that of the servers that run, else
    ~/.local/state/cdml/<backend>."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetType:
    """A kind of deploy target. Wiring, checks, `init` and the JSON Schema read all of it here.

    `adapter` is the `module:class` of its `Target` (`delivery/target.py`), imported when one is
    made. Without `settings` the adapter checks what stands beside `type`, and without
    `splits_traffic` only it knows. `template` is the `package:file` of the section `deploy` that
    `cdml init` writes, `runner` the `runs-on` of the jobs that deliver, where not any machine will
    do.
    """

    adapter: str
    summary: str = ""
    settings: type[BaseModel] | None = None
    splits_traffic: bool | None = None
    template: str | None = None
    runner: str | None = None

    def read_template(self) -> str | None:
        """The section `deploy` of a first cdml.yaml."""
        if self.template is None:
            return None
        package, _, name = self.template.partition(":")
        return files(package).joinpath(name).read_text(encoding="utf-8")


TARGETS: Mapping[str, TargetType] = {
    "registry": TargetType(
        adapter="cdml.adapters.targets.registry:RegistryTarget",
        summary="services load what the alias of the registry names",
        settings=RegistryTargetSettings,
        splits_traffic=False,
        template="cdml.scaffold:templates/deploy-registry.yaml",
    ),
    "haproxy": TargetType(
        adapter="cdml.adapters.targets.haproxy.target:HaproxyTarget",
        summary="two servers of one HAProxy backend share the traffic",
        settings=HaproxySettings,
        splits_traffic=True,
        template="cdml.scaffold:templates/deploy-haproxy.yaml",
        runner="[self-hosted, models] # the machine that HAProxy runs on",
    ),
}
"""Our own targets."""


@dataclass(frozen=True)
class TargetTypes(Mapping[str, TargetType]):
    """Our own targets and those of installed packages, each read when it is asked for.

    The entry point of another package names a `TargetType`, or the class of a `Target` alone.
    """

    names: AdapterTable

    def __getitem__(self, name: str) -> TargetType:
        """The target of that name.

        Raises:
            ConfigurationError: its module cannot be imported here.
        """
        if name in TARGETS:
            return TARGETS[name]
        place = self.names[name]
        found = find_adapter("target", name, self.names)
        return found if isinstance(found, TargetType) else TargetType(adapter=place)

    def __contains__(self, name: object) -> bool:
        """Whether there is such a target; it is not imported."""
        return name in self.names

    def __iter__(self) -> Iterator[str]:
        """All names."""
        return iter(self.names)

    def __len__(self) -> int:
        """How many names there are."""
        return len(self.names)

    def named(self, name: str) -> TargetType:
        """The target of that name.

        Raises:
            ConfigurationError: there is none, or its module cannot be imported here.
        """
        if name not in self:
            raise ConfigurationError(describe_unknown("target", name, self))
        return self[name]

    def adapter(self, name: str) -> Any:
        """The class of that name's `Target`.

        Raises:
            ConfigurationError: there is none, or its module cannot be imported here.
        """
        return find_adapter("target", name, {name: self.named(name).adapter})


def target_types() -> TargetTypes:
    """All deploy targets by name."""
    own = {name: kind.adapter for name, kind in TARGETS.items()}
    return TargetTypes(AdapterTable("cdml.targets", own))


def target_problems(name: str, written: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    """What is wrong with a target's settings, each with its place below `deploy.target`."""
    found = target_types().get(name)
    kind = found.settings if found else None
    if kind is None:
        return
    try:
        kind.model_validate(written)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            place, message = detail["loc"], detail["msg"].removeprefix("Value error, ")
            if detail["type"] == "extra_forbidden":
                known = ("type", *kind.model_fields)
                message = describe_unknown(f"setting of the target {name}", str(place[0]), known)
            elif detail["type"] == "missing":
                message = "is missing"
            elif detail["type"] != "value_error":
                message = f"{message}, not {detail['input']!r}"
            yield place, message
