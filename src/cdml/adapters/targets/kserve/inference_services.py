"""InferenceServices as the workload of a release: what runs, what is applied, when it is ready."""

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property

from cdml.adapters.targets.kserve.check_files import check_troubles
from cdml.adapters.targets.kserve.manifest import KserveManifest, read_inference_service
from cdml.adapters.targets.kserve.release_objects import inference_service
from cdml.adapters.targets.kserve.service_status import is_ready, service_troubles
from cdml.adapters.targets.kubernetes import release_objects
from cdml.adapters.targets.kubernetes.cluster_state import (
    UNVERIFIED_DIGEST,
    ClusterObjects,
    RunningRelease,
)
from cdml.adapters.targets.kubernetes.image_registry import pin_image
from cdml.adapters.targets.kubernetes.names import (
    DIGEST,
    MANAGER,
    VERSION,
    Object,
    annotation,
    metadata,
)
from cdml.adapters.targets.kubernetes.permissions import WRITE, Permission, traffic_needs
from cdml.adapters.targets.kubernetes.pod_status import ready_replicas, troubles
from cdml.adapters.targets.kubernetes.workloads import Workloads, read_manifest_file
from cdml.config.kserve_target import KserveSettings
from cdml.errors import ConfigurationError, InputError
from cdml.journal.records import Release

_MADE_FOR = "serving.kserve.io/inferenceservice"
"""Label with which KServe names the InferenceService of a Deployment."""


class InferenceServices(Workloads[KserveSettings]):
    """An InferenceService for each release, with a Service of ours that selects its pods.

    The Service carries the fencing number, and is deleted first: see `release_objects`.
    """

    kind = "InferenceService"
    kinds = ("Service", "InferenceService")
    _looks = 0
    """Looks at its pods since a release was applied."""

    @property
    def permissions(self) -> Iterable[Permission]:
        return needed(self._settings)

    def releases(self) -> Mapping[str, RunningRelease]:
        ours = self._owner.selector
        services = [one for one in self._api.list(self.kind, ours) if not _is_ending(one)]
        objects = ClusterObjects(
            deployments=self._api.list("Deployment", ours),
            services=self._api.list("Service", ours),
            slices=self._api.list("EndpointSlice", ours),
            pods=self._api.list("Pod", ours),
        )
        return {metadata(one)["name"]: self._release(one, objects) for one in services}

    def check_usable(self) -> None:
        missing = [] if self._api.has(self.kind) else [self._api.no_such_kind(self.kind)]
        try:
            _ = self._manifest
        except ConfigurationError as error:
            missing.append(error)
        if missing:
            messages, hints = zip(*((one.message, one.hint) for one in missing), strict=True)
            raise ConfigurationError(" ".join(messages), " ".join(filter(None, hints)))

    def describe(self, release: Release, fence: int) -> list[Object]:
        self._registry.version(self._owner.model, release.version)
        made = inference_service(self._manifest, self._settings, self._owner, release)
        self._api.apply(made, dry_run=True)
        return [release_objects.service(self._settings, self._owner, release, fence), made]

    def apply(self, objects: Collection[Object], fence: int) -> None:
        for one in objects:
            if one["kind"] == self.kind:
                self._wait_until_gone(metadata(one)["name"])
        super().apply(objects, fence)
        self._looks = 0

    def _signed(self, thing: Object, fence: int) -> Object:
        return thing if thing["kind"] == self.kind else super()._signed(thing, fence)

    def _release(self, service: Object, objects: ClusterObjects) -> RunningRelease:
        name = metadata(service)["name"]
        digest = annotation(service, DIGEST) or UNVERIFIED_DIGEST
        labels = {key: metadata(service)["labels"][key] for key in self._owner.no_pods()}
        return RunningRelease(
            name=name,
            version=annotation(service, VERSION) or "0",
            digest=digest,
            workload=service,
            ready=objects.count_ready(name, digest),
            doubt=_foreign(service, _deployment(name, objects))
            or objects.service_doubt(name, labels),
        )

    @cached_property
    def _manifest(self) -> KserveManifest:
        text = read_manifest_file(self._folder, self._settings)
        return read_inference_service(text, self._settings, pin_image)

    def _fenced(self, release: RunningRelease) -> Object:
        return self._api.get("Service", release.name) or release.workload

    def _wait_until_gone(self, name: str) -> None:
        """KServe removes what belongs to a deleted InferenceService before it goes."""
        deadline = time.monotonic() + self._settings.ready
        while (there := self._api.get(self.kind, name)) is not None and _is_ending(there):
            if time.monotonic() >= deadline:
                raise InputError(
                    f"the InferenceService {name} was deleted, but KServe has not let it go within"
                    f" {self._settings.ready:g} s.",
                    "Check that KServe's controller runs.",
                )
            time.sleep(self._pause)

    def _not_ready(self, release: Release) -> str:
        name = self._owner.name(release)
        there = self.releases().get(name)
        if there is None:
            return "its InferenceService is gone"
        if there.doubt:
            return there.doubt
        self._looks += 1
        found = [*service_troubles(there.workload, self._looks)]
        labels = self._owner.pod_selector(release)
        deployment = next(
            (one for one in self._api.list("Deployment", labels) if _is_made_for(one, name)), None
        )
        ready, expected = (0, 1) if deployment is None else ready_replicas(deployment)
        complete = ready >= expected and there.ready >= max(expected, 1)
        if complete and is_ready(there.workload) and not any(one.final for one in found):
            return ""
        if deployment is not None:
            pods = self._api.list("Pod", labels)
            checked = [trouble for pod in pods for trouble in check_troubles(pod)]
            found = list(dict.fromkeys([*checked, *troubles(deployment, pods), *found]))
        hopeless = [one.sentence for one in found if one.final]
        if hopeless:
            raise InputError(f"v{release.version} cannot be served: {'; '.join(hopeless)}.")
        sentences = "; ".join(one.sentence for one in found)
        return sentences or f"{ready} of {expected} pods are ready, and KServe does not say Ready"


def needed(settings: KserveSettings) -> Iterator[Permission]:
    """Everything that these settings need."""
    for verb in WRITE:
        yield verb, "serving.kserve.io", "inferenceservices", ""
        yield verb, "", "services", ""
    yield "list", "apps", "deployments", ""
    yield from traffic_needs(settings)


def _is_ending(service: Object) -> bool:
    return "deletionTimestamp" in metadata(service)


def _is_made_for(deployment: Object, name: str) -> bool:
    return (metadata(deployment).get("labels") or {}).get(_MADE_FOR) == name


def _deployment(name: str, objects: ClusterObjects) -> Object | None:
    return next((one for one in objects.deployments if _is_made_for(one, name)), None)


def _foreign(service: Object, deployment: Object | None) -> str:
    """Who else changed what a release is made of; empty: nobody.

    KServe's controller made the Deployment, whose selector nobody can change.
    """
    name = metadata(service)["name"]
    for manager, spec in _specs(service):
        if manager != MANAGER and spec:
            return f"{manager} changed the InferenceService {name}"
    written = list(_specs(deployment or {}))
    makers = {manager for manager, spec in written if "f:selector" in spec}
    for manager, spec in written:
        if manager not in makers and "f:template" in spec:
            return f"{manager} changed the pods of the InferenceService {name}"
    return ""


def _specs(thing: Object) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Each manager, and the fields of the specification that it wrote."""
    for one in metadata(thing).get("managedFields") or []:
        if one.get("subresource") != "status":
            yield str(one.get("manager")), (one.get("fieldsV1") or {}).get("f:spec") or {}
