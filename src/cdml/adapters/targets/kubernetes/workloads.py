"""The objects of our releases in the cluster: listed, applied, waited for and deleted."""

import time
from collections.abc import Collection, Mapping
from typing import Any

from cdml.adapters.targets.kubernetes import release_objects
from cdml.adapters.targets.kubernetes.api_client import ApiClient
from cdml.adapters.targets.kubernetes.cluster_state import ClusterObjects, RunningRelease
from cdml.adapters.targets.kubernetes.manifest import Manifest
from cdml.adapters.targets.kubernetes.names import (
    FENCE,
    Object,
    Owner,
    fence_of,
    metadata,
)
from cdml.adapters.targets.kubernetes.pod_status import ready_replicas, troubles
from cdml.adapters.targets.kubernetes.traffic_split import describe
from cdml.config.kubernetes_target import KubernetesSettings
from cdml.errors import ConfigurationError, InputError, ServiceError
from cdml.journal.records import Release

PAUSE = 1.0
"""Seconds between two looks at pods that start."""


class Workloads:
    """The Deployments, Services and ConfigMaps of one environment and model."""

    def __init__(
        self, settings: KubernetesSettings, owner: Owner, api: ApiClient, pause: float = PAUSE
    ) -> None:
        self._settings, self._owner, self._api = settings, owner, api
        self._pause = pause
        self._in_config_maps = settings.weights.from_ == "config-map"

    def releases(self) -> Mapping[str, RunningRelease]:
        """All releases by name.

        Raises:
            ServiceError: the API server did not answer.
        """
        ours = self._owner.selector
        return ClusterObjects(
            deployments=self._api.list("Deployment", ours),
            services=self._api.list("Service", ours),
            slices=self._api.list("EndpointSlice", ours),
            pods=self._api.list("Pod", ours),
            config_maps=self._api.list("ConfigMap", ours) if self._in_config_maps else (),
        ).releases(needs_config_map=self._in_config_maps)

    def check_name(self, release: Release, there: RunningRelease | None) -> None:
        """Refuse a release whose name is taken.

        Raises:
            ConfigurationError: by somebody else.
            InputError: by another version with the same files.
        """
        name = self._owner.name(release)
        if there is not None and not there.is_(release):
            raise InputError(
                f"v{release.version} has the same files as v{there.version}, which the Deployment"
                f" {name} runs already. Nothing was changed.",
                "Deploy a version with other files.",
            )
        if there is None and self._api.get("Deployment", name) is not None:
            raise ConfigurationError(
                f"the Deployment {name} exists already without the labels of {self._owner}.",
                "Give each environment a separate namespace.",
            )

    def describe(
        self, manifest: Manifest, release: Release, contents: Mapping[str, bytes], fence: int
    ) -> list[Object]:
        """The objects of a release, in the order in which they are applied.

        Raises:
            InputError: its files are too large for a ConfigMap.
            ConfigurationError: the API server would refuse its Deployment.
        """
        settings, owner = self._settings, self._owner
        made = release_objects.deployment(
            manifest, settings, owner, release, fence=fence, paths=list(contents)
        )
        files = [release_objects.config_map(settings, owner, release, contents)] if contents else []
        self._api.apply(made, dry_run=True)
        return [*files, release_objects.service(settings, owner, release, fence), made]

    def apply(self, objects: Collection[Object]) -> None:
        """Apply them; raises as `ApiClient.apply`."""
        for one in objects:
            self._api.apply(one)

    def sign(self, release: RunningRelease, fence: int) -> None:
        """Write the fencing number to a release that stays: an older operation cannot delete it.

        Raises:
            ServiceError: somebody wrote it meanwhile, or the API server did not answer.
        """
        path = f"/metadata/annotations/{FENCE.replace('/', '~1')}"
        version = metadata(release.deployment)["resourceVersion"]
        operations: list[Mapping[str, Any]] = [
            {"op": "test", "path": "/metadata/resourceVersion", "value": version},
            {"op": "add", "path": path, "value": str(fence)},
        ]
        self._api.patch(release.deployment, operations)

    def list_objects(self, names: Collection[str]) -> list[Object]:
        """All objects of these releases as they are now."""
        kinds = ("Deployment", "Service", *(("ConfigMap",) if self._in_config_maps else ()))
        listed = (one for kind in kinds for one in self._api.list(kind, self._owner.selector))
        return [one for one in listed if metadata(one)["name"] in names]

    def delete(self, objects: Collection[Object], fence: int) -> None:
        """Delete objects that nobody wrote since they were listed.

        Raises:
            ServiceError: somebody did: a newer operation needs them; or no answer.
        """
        for one in objects:
            if fence_of(one) > fence:
                raise ServiceError(
                    f"the {describe(one)} has orders of generation {fence_of(one)}, and takes none"
                    f" of generation {fence} any more: another operation took over."
                )
            self._api.delete(one)

    def wait_until_ready(self, release: Release) -> None:
        """Wait for all pods of a release.

        Raises:
            InputError: they cannot become ready, or are not within `ready`.
            ServiceError: the API server does not answer in the end.
        """
        deadline = time.monotonic() + self._settings.ready
        while True:
            trouble: ServiceError | None = None
            try:
                reason = self._not_ready(release)
            except ServiceError as error:  # the pods go on starting
                reason, trouble = error.message, error
            if not reason:
                return
            if time.monotonic() >= deadline:
                break
            time.sleep(self._pause)
        if trouble is not None:
            raise trouble
        raise InputError(
            f"the pods of v{release.version} were not ready within {self._settings.ready:g} s:"
            f" {reason}.",
            "deploy.target.ready gives them more time.",
        )

    def _not_ready(self, release: Release) -> str:
        """What the pods of a release still lack; empty where all are ready.

        Raises:
            InputError: they cannot become ready.
        """
        there = self.releases().get(self._owner.name(release))
        if there is None:
            return "its Deployment is gone"
        if there.doubt:
            return there.doubt
        ready, expected = ready_replicas(there.deployment)
        if ready >= expected and there.ready >= max(expected, 1):
            return ""
        labels = self._owner.pod_labels(release)
        chosen = ",".join(f"{name}={value}" for name, value in labels.items())
        found = troubles(there.deployment, self._api.list("Pod", chosen))
        if found and found[0].final:
            raise InputError(f"v{release.version} cannot be served: {found[0].sentence}.")
        sentences = "; ".join(one.sentence for one in found)
        return sentences or f"{ready} of {expected} pods are ready"
