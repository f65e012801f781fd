"""What cdml must be allowed to do in the namespace; all that is missing is listed at once."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from cdml.config.kubernetes_target import ClusterSettings, KubernetesSettings
from cdml.errors import ConfigurationError

WRITE = ("get", "list", "create", "patch", "delete")
Permission = tuple[str, str, str, str]
"""Verb, API group, resource, subresource."""


class Reviewer(Protocol):
    """Answers whether we may do something."""

    def is_allowed(self, verb: str, group: str, resource: str, subresource: str = "") -> bool:
        """Whether we may."""
        ...


def needed(settings: KubernetesSettings) -> Iterator[Permission]:
    """Everything that these settings need."""
    for verb in WRITE:
        yield verb, "apps", "deployments", ""
        yield verb, "", "services", ""
        if settings.weights.from_ == "config-map":
            yield verb, "", "configmaps", ""
    yield from traffic_needs(settings)


def traffic_needs(settings: ClusterSettings) -> Iterator[Permission]:
    """What it takes to look at pods, send them requests and split the traffic."""
    yield "list", "", "pods", ""
    yield "list", "discovery.k8s.io", "endpointslices", ""
    yield "create", "", "services", "proxy"
    if settings.route:
        yield "get", "gateway.networking.k8s.io", "httproutes", ""
        yield "patch", "gateway.networking.k8s.io", "httproutes", ""


def check_permissions(
    reviewer: Reviewer, needs: Iterable[Permission], namespace: str, docs: str
) -> None:
    """Refuse where anything is missing.

    Raises:
        ConfigurationError: what is missing.
        ServiceError: the API server did not answer.
    """
    missing: dict[str, list[str]] = {}
    for verb, group, resource, subresource in needs:
        if not reviewer.is_allowed(verb, group, resource, subresource):
            name = f"{resource}/{subresource}" if subresource else resource
            missing.setdefault(f"{name}.{group}".rstrip("."), []).append(verb)
    if missing:
        listing = "; ".join(f"{name}: {', '.join(verbs)}" for name, verbs in missing.items())
        raise ConfigurationError(
            f"cdml lacks permissions in the namespace {namespace}: {listing}. Nothing was changed.",
            f"{docs} has the Role that cdml needs.",
        )
