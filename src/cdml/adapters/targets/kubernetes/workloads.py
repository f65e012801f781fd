"""The objects of our releases in the cluster: listed, applied, waited for and deleted."""

import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

from cdml.adapters.targets.judged_files import download
from cdml.adapters.targets.kubernetes import release_objects
from cdml.adapters.targets.kubernetes.api_client import ApiClient, Conflict
from cdml.adapters.targets.kubernetes.cluster_state import (
    ClusterObjects,
    RunningRelease,
    scaled_by_others,
)
from cdml.adapters.targets.kubernetes.image_registry import pin_image
from cdml.adapters.targets.kubernetes.manifest import Manifest, read_manifest
from cdml.adapters.targets.kubernetes.names import (
    REPLICAS,
    Object,
    Owner,
    annotate,
    annotation,
    fence_of,
    metadata,
    signature,
)
from cdml.adapters.targets.kubernetes.object_changes import describe_change
from cdml.adapters.targets.kubernetes.permissions import Permission, needed
from cdml.adapters.targets.kubernetes.pod_status import ready_replicas, troubles
from cdml.adapters.targets.kubernetes.traffic_split import describe
from cdml.config.kubernetes_target import ClusterSettings, KubernetesSettings
from cdml.errors import ConfigurationError, InputError, ServiceError
from cdml.journal.records import Release
from cdml.models.digest import model_files
from cdml.models.registry import Registry

_ATTEMPTS = 5
PAUSE = 1.0
"""Seconds between two looks at pods that start, and in which a Gateway learns of changes."""


Settings_co = TypeVar("Settings_co", bound=ClusterSettings, covariant=True)


class Workloads(ABC, Generic[Settings_co]):
    """The objects of one environment and model. `kind` is that of a release's workload."""

    kind: str

    def __init__(
        self,
        settings: Settings_co,
        owner: Owner,
        api: ApiClient,
        *,
        folder: Path,
        registry: Registry,
        pause: float,
    ) -> None:
        self._settings, self._owner, self._api = settings, owner, api
        self._folder, self._registry, self._pause = folder, registry, pause
        self.operation = ""

    @property
    @abstractmethod
    def kinds(self) -> Collection[str]:
        """All kinds that a release is made of, in the order in which they are deleted."""

    @property
    @abstractmethod
    def permissions(self) -> Iterable[Permission]:
        """What cdml must be allowed to do."""

    @abstractmethod
    def releases(self) -> Mapping[str, RunningRelease]:
        """All releases by name.

        Raises:
            ServiceError: the API server did not answer.
        """

    @abstractmethod
    def check_usable(self) -> None:
        """Refuse a manifest, and a cluster, that no release can be made of.

        Raises:
            ConfigurationError: why; all reasons at once.
            ServiceError: no answer.
        """

    @abstractmethod
    def describe(self, release: Release, fence: int) -> list[Object]:
        """The objects of a release, in the order in which they are applied.

        Raises:
            InputError: its files cannot get to the pods.
            ConfigurationError: the manifest is wrong, or the API server would refuse the workload.
        """

    @abstractmethod
    def _not_ready(self, release: Release) -> str:
        """What the pods of a release still lack; empty where all are ready.

        Raises:
            InputError: they cannot become ready.
        """

    def check_name(self, release: Release, there: RunningRelease | None) -> None:
        """Refuse a release whose name is taken.

        Raises:
            ConfigurationError: by somebody else.
            InputError: by another version with the same files.
        """
        name = self._owner.name(release)
        if there is not None and not there.is_(release):
            raise InputError(
                f"v{release.version} has the same files as v{there.version}, which the {self.kind}"
                f" {name} runs already. Nothing was changed.",
                "Deploy a version with other files.",
            )
        taken = self._api.get(self.kind, name) if there is None else None
        labels = metadata(taken or {}).get("labels") or {}
        if taken is not None and not self._owner.labels.items() <= labels.items():
            raise ConfigurationError(
                f"the {self.kind} {name} exists already without the labels of {self._owner}.",
                "Give each environment a separate namespace.",
            )

    def apply(self, objects: Collection[Object], fence: int) -> None:
        """Apply them, signed by the operation; raises as `ApiClient.apply`."""
        for one in objects:
            self._api.apply(self._signed(one, fence))

    def preview(self, objects: Collection[Object], fence: int) -> list[str]:
        """What `apply` would change, as the API server says; raises as it does."""
        lines = []
        for one in objects:
            before = self._api.get(one["kind"], metadata(one)["name"])
            after = self._api.apply(self._signed(one, fence), dry_run=True)
            lines += describe_change(before, {**after, "kind": one["kind"]})
        return lines

    def _signed(self, thing: Object, fence: int) -> Object:
        about = dict(metadata(thing))
        present = about.get("annotations") or {}
        about["annotations"] = {**present, **signature(fence, self.operation)}
        return {**thing, "metadata": about}

    def sign(self, release: RunningRelease, fence: int) -> None:
        """Write the fencing number to a release that stays: an older operation cannot delete it.

        Raises:
            ServiceError: somebody wrote it meanwhile, or the API server did not answer.
        """
        self._patch(self._fenced(release), signature(fence, self.operation))

    def _fenced(self, release: RunningRelease) -> Object:
        """The object of a release that carries the fencing number."""
        return release.workload

    def _patch(
        self, thing: Object, annotations: Mapping[str, str], *more: Mapping[str, Any]
    ) -> None:
        def patch(seen: Object) -> None:
            version = metadata(seen)["resourceVersion"]
            unchanged = {"op": "test", "path": "/metadata/resourceVersion", "value": version}
            self._api.patch(seen, [unchanged, *annotate(seen, annotations), *more])

        self._unless_changed(thing, patch)

    def list_objects(self, names: Collection[str]) -> list[Object]:
        """All objects of these releases as they are now."""
        listed = (one for kind in self.kinds for one in self._api.list(kind, self._owner.selector))
        return [one for one in listed if metadata(one)["name"] in names]

    def stop(self, objects: Collection[Object], fence: int) -> None:
        """End the pods of releases without traffic; raises as `delete`."""
        self.delete(objects, fence)

    def start(self, release: RunningRelease, fence: int) -> None:
        """Start the pods of a release that was stopped, as they were.

        Raises:
            ServiceError: somebody wrote it meanwhile, or the API server did not answer.
        """
        written = annotation(release.workload, REPLICAS) or ""
        replicas = int(written) if written.isascii() and written.isdigit() else 1
        scaled = {"op": "add", "path": "/spec/replicas", "value": replicas}
        self._patch(release.workload, signature(fence, self.operation), scaled)

    def delete(self, objects: Collection[Object], fence: int) -> None:
        """Delete objects that nobody wrote since they were listed.

        Raises:
            ServiceError: somebody did: a newer operation needs them; or no answer.
        """
        for one in objects:
            _check_fence(one, fence)
            self._unless_changed(one, self._api.delete)

    def _unless_changed(self, thing: Object, act: Callable[[Object], object]) -> None:
        """Act on an object as it was seen, again where a controller wrote its status meanwhile.

        Raises:
            Conflict: somebody wrote more than the status.
        """
        for _ in range(_ATTEMPTS):
            try:
                act(thing)
            except Conflict:
                found = self._api.get(thing["kind"], metadata(thing)["name"])
                if found is None or _written(found) != _written(thing):
                    raise
                thing = {"kind": thing["kind"], **found}
            else:
                return
        act(thing)

    def let_gateways_hear(self) -> None:
        """Pause: a Gateway learns of shares and pods later than the API server, and answers 503."""
        time.sleep(self._pause)

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


class Deployments(Workloads[KubernetesSettings]):
    """A Deployment for each release, with a Service and, for small models, a ConfigMap."""

    kind = "Deployment"

    @property
    def kinds(self) -> Collection[str]:
        return ("Deployment", "Service", *(("ConfigMap",) if self._in_config_maps else ()))

    @property
    def permissions(self) -> Iterable[Permission]:
        return needed(self._settings)

    @property
    def _in_config_maps(self) -> bool:
        return self._settings.weights.from_ == "config-map"

    def releases(self) -> Mapping[str, RunningRelease]:
        ours = self._owner.selector
        return ClusterObjects(
            deployments=self._api.list("Deployment", ours),
            services=self._api.list("Service", ours),
            slices=self._api.list("EndpointSlice", ours),
            pods=self._api.list("Pod", ours),
            config_maps=self._api.list("ConfigMap", ours) if self._in_config_maps else (),
        ).releases(needs_config_map=self._in_config_maps)

    def check_usable(self) -> None:
        _ = self._manifest

    def describe(self, release: Release, fence: int) -> list[Object]:
        settings, owner, manifest = self._settings, self._owner, self._manifest
        contents = self._files(release)
        made = release_objects.deployment(
            manifest, settings, owner, release, fence=fence, paths=list(contents)
        )
        there = self._api.get(self.kind, owner.name(release))
        if there is not None and scaled_by_others(there) and there["spec"].get("replicas"):
            made["spec"].pop("replicas", None)
        files = [release_objects.config_map(settings, owner, release, contents)] if contents else []
        self._api.apply(made, dry_run=True)
        return [*files, release_objects.service(settings, owner, release, fence), made]

    def stop(self, objects: Collection[Object], fence: int) -> None:
        """Scale to no pods. The Deployment stays as it was judged until the next one is staged."""
        for one in objects:
            _check_fence(one, fence)
            replicas = (one.get("spec") or {}).get("replicas", 1)
            if one["kind"] == self.kind and replicas:
                signed = {**signature(fence, self.operation), REPLICAS: str(replicas)}
                self._patch(one, signed, {"op": "add", "path": "/spec/replicas", "value": 0})

    @cached_property
    def _manifest(self) -> Manifest:
        text = read_manifest_file(self._folder, self._settings)
        return read_manifest(text, self._settings, pin_image)

    def _files(self, release: Release) -> Mapping[str, bytes]:
        """The files for a ConfigMap, by path; empty where the pods get them elsewhere.

        Raises:
            InputError: the registry does not have the version, or other files by now.
        """
        if not self._in_config_maps:
            self._registry.version(self._owner.model, release.version)
            if self._settings.weights.from_ == "mlflow" and _is_local(release.source):
                raise InputError(
                    f"the files of v{release.version} are at {release.source}, which no pod can"
                    " read.",
                    "Use a registry on a server, or set deploy.target.weights.from to config-map"
                    " or volume.",
                )
            return {}
        with tempfile.TemporaryDirectory(prefix="cdml-") as scratch:
            clean = download(self._registry, self._owner.model, release, Path(scratch))
            return {path: (clean / path).read_bytes() for path in model_files(clean)}

    def _not_ready(self, release: Release) -> str:
        there = self.releases().get(self._owner.name(release))
        if there is None:
            return "its Deployment is gone"
        if there.doubt:
            return there.doubt
        ready, expected = ready_replicas(there.workload)
        if ready >= expected and there.ready >= max(expected, 1):
            return ""
        pods = self._api.list("Pod", self._owner.pod_selector(release))
        found = troubles(there.workload, pods)
        if found and found[0].final:
            raise InputError(f"v{release.version} cannot be served: {found[0].sentence}.")
        sentences = "; ".join(one.sentence for one in found)
        return sentences or f"{ready} of {expected} pods are ready"


def read_manifest_file(folder: Path, settings: ClusterSettings) -> str:
    """The text of the manifest.

    Raises:
        ConfigurationError: it cannot be read.
    """
    path = folder / settings.manifest
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"deploy.target.manifest: {path} cannot be read: {error}."
        ) from error


def _written(thing: Object) -> tuple[object, ...]:
    """What differs where somebody wrote more of an object than its status."""
    about = metadata(thing)
    return about["uid"], about.get("generation"), about.get("labels"), about.get("annotations")


def _check_fence(thing: Object, fence: int) -> None:
    if fence_of(thing) > fence:
        raise ServiceError(
            f"the {describe(thing)} has orders of generation {fence_of(thing)}, and takes none"
            f" of generation {fence} any more: another operation took over."
        )


def _is_local(source: str) -> bool:
    return urlsplit(source).scheme in ("", "file")
