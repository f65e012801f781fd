"""Names, labels and annotations of everything that cdml makes in a cluster."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cdml.journal.records import Release

Object = Mapping[str, Any]
"""An object of the Kubernetes API, as JSON."""

MANAGER = "cdml"
"""Field manager of all our writes."""
MANAGED_BY = "app.kubernetes.io/managed-by"
MODEL = "cdml.dev/model"
ENVIRONMENT = "cdml.dev/environment"
RELEASE = "cdml.dev/release"
DIGEST = "cdml.dev/digest"
VERSION = "cdml.dev/version"
SOURCE = "cdml.dev/source"
FENCE = "cdml.dev/fence"
OPERATION = "cdml.dev/operation"
REPLICAS = "cdml.dev/replicas"
"""Of a release that was stopped: how many pods it had."""
NO_RELEASE = "none"
"""`cdml.dev/release` in the selector of a Service that selects nothing."""
PORT = 80
"""Port of a release's Service."""

_LABEL = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
LONGEST = 50
_DIGITS = 12


def label_value(text: str) -> str:
    """The text itself where it is a valid label; else a readable part of it and its hash."""
    if _LABEL.fullmatch(text):
        return text
    readable = re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")[:LONGEST]
    return f"{readable or 'x'}-{hashlib.sha256(text.encode()).hexdigest()[:8]}".strip("-")


@dataclass(frozen=True)
class Owner:
    """The environment and the model whose releases a target serves."""

    environment: str
    model: str
    longest: int = LONGEST  # of what begins the names

    def __str__(self) -> str:
        return f"{self.environment}/{self.model}"

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels of all our objects."""
        return {
            MANAGED_BY: MANAGER,
            MODEL: label_value(self.model),
            ENVIRONMENT: label_value(self.environment),
        }

    @property
    def selector(self) -> str:
        """The same for a list request."""
        return _joined(self.labels)

    @property
    def annotations(self) -> Mapping[str, str]:
        """The full names, on the object that directs the traffic."""
        return {MODEL: self.model, ENVIRONMENT: self.environment}

    @cached_property
    def _prefix(self) -> str:
        slug = re.sub(r"[^a-z0-9]+", "-", self.model.lower()).strip("-")
        if slug != self.model or len(slug) > self.longest or not slug[:1].isalpha():
            slug = f"m-{slug}"[: self.longest - 9].rstrip("-")
            slug = f"{slug}-{hashlib.sha256(self.model.encode()).hexdigest()[:8]}"
        return slug

    def name(self, release: Release) -> str:
        """The name of a release's objects."""
        return self.name_of_digits(short_digest(release))

    def name_of_digits(self, digits: str) -> str:
        """The name of the objects with this `cdml.dev/release`."""
        return f"{self._prefix}-{digits}"

    def owns_name(self, name: str) -> bool:
        """Whether an object of that name is, or was, a release's."""
        return re.fullmatch(rf"{re.escape(self._prefix)}-[0-9a-f]{{{_DIGITS}}}", name) is not None

    def pod_labels(self, release: Release) -> Mapping[str, str]:
        """The labels of a release's objects; they select its pods."""
        return {**self.labels, RELEASE: short_digest(release)}

    def pod_selector(self, release: Release) -> str:
        """The same for a list request."""
        return _joined(self.pod_labels(release))

    def no_pods(self) -> Mapping[str, str]:
        """A selector that no pod matches."""
        return {**self.labels, RELEASE: NO_RELEASE}


def _joined(labels: Mapping[str, str]) -> str:
    return ",".join(f"{name}={value}" for name, value in labels.items())


def short_digest(release: Release) -> str:
    """Twelve digits of the digest."""
    return release.digest.removeprefix("sha256:")[:_DIGITS]


def release_annotations(release: Release) -> Mapping[str, str]:
    """What a release's objects say about it."""
    return {DIGEST: release.digest, VERSION: release.version, SOURCE: release.source}


def metadata(thing: Object) -> Mapping[str, Any]:
    """The metadata of an object."""
    found: Mapping[str, Any] = thing.get("metadata") or {}
    return found


def annotation(thing: Object, name: str) -> str | None:
    """One annotation of an object."""
    return (metadata(thing).get("annotations") or {}).get(name)


def signature(fence: int, operation: str) -> Mapping[str, str]:
    """The annotations that name the operation that wrote an object."""
    return {FENCE: str(fence), **({OPERATION: operation} if operation else {})}


def annotate(thing: Object, annotations: Mapping[str, str]) -> Sequence[Mapping[str, Any]]:
    """Operations of a JSON patch that set annotations; none for those that are there already."""
    present = metadata(thing).get("annotations")
    if present is None:
        return [{"op": "add", "path": "/metadata/annotations", "value": dict(annotations)}]
    return [
        {"op": "add", "path": f"/metadata/annotations/{name.replace('/', '~1')}", "value": value}
        for name, value in annotations.items()
        if present.get(name) != value
    ]


def fence_of(thing: Object) -> int:
    """The fencing number of the last operation that wrote an object; 0 without one."""
    written = annotation(thing, FENCE) or ""
    return int(written) if written.isascii() and written.isdigit() else 0
