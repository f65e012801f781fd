"""The deploy targets: for each all that is to know before one is made, in one table."""

import re
import shlex
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic.functional_validators import AfterValidator

from cdml.common.suggest import describe_unknown
from cdml.config.base import Duration, SettingsModel
from cdml.config.kinds import Kind, Kinds
from cdml.config.kserve_target import KserveSettings
from cdml.config.kubernetes_target import KubernetesSettings

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
            raise ValueError(f"is not a valid command: {error}") from error
    if not isinstance(written, list | tuple) or not all(isinstance(one, str) for one in written):
        raise ValueError(f"write a command or a list of its words, not {written!r}")
    if not written:
        raise ValueError("write a command; it is empty")
    for name in _PLACEHOLDER.findall(" ".join(written)):
        if name not in PLACEHOLDERS:
            raise ValueError(describe_unknown("placeholder", name, PLACEHOLDERS))
    return tuple(written)


def _starts(words: tuple[str, ...]) -> tuple[str, ...]:
    placeholders = set(_PLACEHOLDER.findall(" ".join(words)))
    if not ({"model", "port"} <= placeholders or "slot" in placeholders):
        raise ValueError(
            "must contain {model} and {port}, or {slot} if a unit reads both from the slot's file"
        )
    return words


def _endpoint(written: str) -> str:
    if "/" in written or _ADDRESS.fullmatch(written):
        return written
    raise ValueError(
        f"write the path of a Unix socket (with a slash), or host:port, not {written!r}"
    )


def _two(slots: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(slots)) != 2:  # noqa: PLR2004 - one serves, the other is the standby
        raise ValueError(f"name two different servers of the backend, not {', '.join(slots)!r}")
    return slots


CommandLine = Annotated[
    tuple[str, ...], BeforeValidator(_command, json_schema_input_type=str | list[str])
]
HaproxyName = Annotated[str, Field(pattern=_NAME)]


class RegistryTargetSettings(SettingsModel):
    """The registry's alias is the switch; there is nothing to set."""


class HaproxySettings(SettingsModel):
    """Two servers of one HAProxy backend on this machine; one serves, the other is the standby."""

    socket: Annotated[str, AfterValidator(_endpoint)]
    """HAProxy's runtime API (`stats socket … level admin`): a path with a slash, or host:port."""
    backend: HaproxyName
    """The backend in HAProxy's configuration."""
    slots: Annotated[tuple[HaproxyName, ...], AfterValidator(_two)] = ("blue", "green")
    """Names of the two servers of the backend; HAProxy has their addresses."""
    start: Annotated[CommandLine, AfterValidator(_starts)]
    """Starts a server. {model} is a folder, {port} the slot's; also {slot}, {version}, {digest}."""
    stop: CommandLine | None = None
    """Stops the server of a {slot}; by default, cdml ends the processes that `start` began."""
    ready: Duration = 120.0
    """How long a server may take to become ready."""
    drain: Duration = 30.0
    """How long a server may take to answer its open requests before it is stopped."""
    state: str | None = None
    """Folder with what each slot serves; by default that of the running servers, otherwise
    `~/.local/state/cdml/<backend>`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetType(Kind):
    """A kind of deploy target. Wiring, checks, `init` and the JSON Schema read all of it here.

    `adapter` is the `module:class` of its `Target` (`delivery/target.py`), imported when one is
    made. Without `settings` the adapter checks the settings next to `type`, and without
    `splits_traffic` only it knows. `splits_with` names the setting without which it gives a release
    all traffic or none. `traffic` names the sources that can show what its requests became of;
    None: any. `template` is the `package:file` of the section `deploy` that `cdml init`
    writes, `files` are those of other files by their path in the project, and `runner` is the
    `runs-on` of the jobs that deliver, where not any machine will do. `login` is the file of the
    steps before a delivery.
    """

    splits_traffic: bool | None = None
    splits_with: str | None = None
    traffic: Collection[str] | None = None
    template: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    runner: str | None = None
    login: str | None = None

    def read_template(self) -> str | None:
        """The section `deploy` of a first cdml.yaml."""
        return None if self.template is None else _read_resource(self.template)

    def read_login(self) -> str:
        """The steps that jobs need before they deliver; empty where they need none."""
        return "" if self.login is None else _read_resource(self.login)

    def read_files(self) -> Mapping[str, str]:
        """The other files of a first project, by path."""
        return {path: _read_resource(name) for path, name in self.files.items()}


def _read_resource(place: str) -> str:
    package, _, name = place.partition(":")
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
    "kubernetes": TargetType(
        adapter="cdml.adapters.targets.kubernetes.target:KubernetesTarget",
        summary="a Deployment for each release, behind an HTTPRoute or a Service",
        settings=KubernetesSettings,
        splits_traffic=True,
        splits_with="route",
        traffic=("file", "prometheus"),
        template="cdml.scaffold:templates/deploy-kubernetes.yaml",
        login="cdml.scaffold:templates/login-kubernetes.yml.part",
        files={
            f"k8s/{name}.yaml": f"cdml.scaffold:templates/kubernetes/{name}.yaml"
            for name in ("model", "route", "role")
        },
    ),
    "kserve": TargetType(
        adapter="cdml.adapters.targets.kserve.target:KserveTarget",
        summary="an InferenceService of KServe for each release, behind an HTTPRoute or a Service",
        settings=KserveSettings,
        splits_traffic=True,
        splits_with="route",
        traffic=("file", "prometheus"),
        template="cdml.scaffold:templates/deploy-kserve.yaml",
        login="cdml.scaffold:templates/login-kubernetes.yml.part",
        files={
            "k8s/model.yaml": "cdml.scaffold:templates/kserve/model.yaml",
            "k8s/route.yaml": "cdml.scaffold:templates/kubernetes/route.yaml",
            "k8s/role.yaml": "cdml.scaffold:templates/kserve/role.yaml",
        },
    ),
}
"""Our own targets."""


def target_types() -> Kinds[TargetType]:
    """All deploy targets by name."""
    return Kinds("target", "cdml.targets", TARGETS, TargetType)
