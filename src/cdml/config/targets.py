"""What each of our own targets may be told beside its `type`."""

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.functional_validators import AfterValidator

from cdml.common.suggest import describe_unknown
from cdml.common.yaml_lines import KeyPath
from cdml.config.base import Duration

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


SETTINGS: Mapping[str, type[BaseModel]] = {
    "registry": RegistryTargetSettings,
    "haproxy": HaproxySettings,
}
"""Settings of our own targets; those of others look at theirs themselves."""


def target_problems(name: str, written: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    """What is wrong with a target's settings, each with its place below `deploy.target`.

    Args:
        name: the target's type.
        written: the settings, without the type.
    """
    kind = SETTINGS.get(name)
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
