"""The object that directs the traffic, read and changed: an HTTPRoute, or the stable Service.

It carries the fencing number and its owner. Every change is one JSON patch, computed anew where
somebody else was first.
"""

import time
from collections.abc import Callable, Mapping

from cdml.adapters.targets.kubernetes import traffic_split
from cdml.adapters.targets.kubernetes.api_client import ApiClient, Conflict
from cdml.adapters.targets.kubernetes.names import (
    OPERATION,
    Object,
    Owner,
    annotate,
    annotation,
    metadata,
)
from cdml.adapters.targets.kubernetes.object_changes import describe_change
from cdml.adapters.targets.kubernetes.release_objects import ports
from cdml.adapters.targets.kubernetes.traffic_split import Patch, Split
from cdml.config.kubernetes_target import ClusterSettings
from cdml.errors import ConfigurationError, ServiceError

_ATTEMPTS = 5
_ROLLOUTS = "argo-rollouts.argoproj.io/managed-by-rollouts"
_GATEWAY = 5.0
"""Seconds in which a Gateway answers for a route that was changed."""
_LOOK_EVERY = 0.1


class TrafficDirector:
    """Reads and changes who gets the traffic."""

    def __init__(self, settings: ClusterSettings, owner: Owner, api: ApiClient) -> None:
        self._settings, self._owner, self._api = settings, owner, api
        self.operation = ""

    def read(self) -> Object:
        """The object; of a Service that is not there, what it would be.

        Raises:
            ConfigurationError: there is no such route, or it belongs to another model.
            ServiceError: the API server did not answer.
        """
        kind = "HTTPRoute" if self._settings.route else "Service"
        name = self._settings.route or self._settings.service
        found = self._api.get(kind, name)
        if found is None and kind == "HTTPRoute":
            raise ConfigurationError(
                f"deploy.target.route: there is no HTTPRoute {name} in the namespace"
                f" {self._settings.namespace}.",
                "Create it with the parentRefs and hostnames of your Gateway; docs/kubernetes.md"
                " has one.",
            )
        director = {"kind": kind, **found} if found else self._new_service()
        traffic_split.check_owner(director, self._owner)
        return director

    def split(self, director: Object) -> Split:
        """Its shares.

        Raises:
            ConfigurationError: the route has no rule that can be ours.
            ServiceError: pods that cdml did not start may have traffic.
        """
        if self._settings.route:
            split = traffic_split.read_route(director, self._owner, self._settings.service)
        else:
            split = traffic_split.read_selector(director, self._owner)
        for name in split.others:
            slices = self._api.list("EndpointSlice", f"kubernetes.io/service-name={name}")
            if any(one.get("endpoints") for one in slices):
                raise ServiceError(
                    f"the Service {name} (spec.selector) gives traffic to pods that cdml did not"
                    " start. Nothing was changed, and they go on serving.",
                    "Name a Service that does not exist yet, or one that selects no pods.",
                )
        return split

    def check_usable(self, director: Object | None = None) -> None:
        """Refuse a route that no Gateway accepts, and traffic of others; raises as `split`."""
        director = director or self.read()
        self._refuse_rollout()
        problem = traffic_split.not_accepted(director) if self._settings.route else ""
        if problem:
            raise ConfigurationError(
                f"deploy.target.route: no Gateway accepts the HTTPRoute {self._settings.route}:"
                f" {problem}.",
                "Check its parentRefs, and that the Gateway allows routes of the namespace"
                f" {self._settings.namespace}.",
            )
        self.split(director)

    def _refuse_rollout(self) -> None:
        service = self._api.get("Service", self._settings.service) or {}
        owner = annotation(service, _ROLLOUTS)
        if owner is not None:
            raise ConfigurationError(
                f"deploy.target.service: the Argo Rollout {owner} manages the Service"
                f" {self._settings.service} (metadata.annotations, {_ROLLOUTS}). It and cdml would"
                " both shift the traffic.",
                "Name another Service, or delete the Rollout. cdml judges its canaries itself.",
            )

    def is_accepted(self) -> bool:
        """Whether a Gateway accepts the route as it is now; waits a little for the answer."""
        deadline = time.monotonic() + _GATEWAY
        while True:
            route = self.read()
            if not traffic_split.awaits_gateway(route) or time.monotonic() >= deadline:
                return not traffic_split.not_accepted(route)
            time.sleep(_LOOK_EVERY)

    def claim(self, fence: int, seen: Object | None = None) -> Object:
        """Refuse the orders of older operations from now on; the object. `seen` is as in `change`.

        Raises:
            ServiceError: a newer operation has been here, or the API server did not answer.
        """
        return self.change(
            fence, lambda found: traffic_split.claim(found, self._owner, fence), seen
        )

    def change(
        self, fence: int, patch: Callable[[Object], Patch], seen: Object | None = None
    ) -> Object:
        """Apply the patch that is computed from the object; an empty one changes nothing.

        `seen` is the object as it was read a moment ago, and is read anew if it changed since.

        Raises:
            ServiceError: a newer operation has been here, or the API server did not answer.
        """
        for attempt in range(_ATTEMPTS):
            director = seen if seen is not None and not attempt else self.read()
            try:
                if "resourceVersion" not in metadata(director):
                    director = {"kind": director["kind"], **self._api.create(director)}
                traffic_split.claim(director, self._owner, fence)
                operations = patch(director)
                if operations:
                    signed = annotate({"metadata": {"annotations": {}}}, self._signature)
                    operations = [*operations, *signed]
                    director = {
                        "kind": director["kind"],
                        **self._api.patch(director, operations),
                    }
            except Conflict:
                if attempt == _ATTEMPTS - 1:
                    raise
            else:
                return director
        raise AssertionError  # pragma: no cover - the last attempt returns or raises

    def preview(self, patch: Callable[[Object], Patch]) -> list[str]:
        """What `change` would change, as the API server says; raises as it does."""
        director = self.read()
        before = director if "resourceVersion" in metadata(director) else None
        operations = patch(director) if before else ()
        after = (
            self._api.patch(director, operations, dry_run=True)
            if before
            else self._api.create(director, dry_run=True)
        )
        return describe_change(before, {**after, "kind": director["kind"]})

    @property
    def _signature(self) -> Mapping[str, str]:
        return {OPERATION: self.operation} if self.operation else {}

    def _new_service(self) -> Object:
        settings = self._settings
        return {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {
                "name": settings.service,
                "namespace": settings.namespace,
                "labels": dict(self._owner.labels),
                "annotations": {**self._owner.annotations, **self._signature},
            },
            "spec": {"selector": dict(self._owner.no_pods()), "ports": ports(settings)},
        }
