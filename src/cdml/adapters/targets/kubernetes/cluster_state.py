"""What the cluster's objects say about our releases: which run, and what each serves. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cdml.adapters.targets.kubernetes.names import (
    DIGEST,
    FENCE,
    MANAGER,
    VERSION,
    Object,
    Owner,
    annotation,
    metadata,
)
from cdml.adapters.targets.kubernetes.pod_status import is_ready
from cdml.adapters.targets.kubernetes.release_objects import config_map_digest
from cdml.journal.records import Release

UNVERIFIED_DIGEST = "sha256:" + "0" * 64
"""The digest of a release whose pods may serve something else than was applied."""


_GITOPS = {
    "argocd.argoproj.io/tracking-id": "Argo CD",
    "argocd.argoproj.io/instance": "Argo CD",
    "kustomize.toolkit.fluxcd.io/name": "Flux",
    "helm.toolkit.fluxcd.io/name": "Flux",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningRelease:
    """A release as the cluster has it. `ready` counts the endpoints that get its requests."""

    name: str
    version: str
    digest: str
    workload: Object
    ready: int
    doubt: str = ""  # why its digest is not proven

    @property
    def stopped(self) -> bool:
        """Whether it was scaled to no pods."""
        return (self.workload.get("spec") or {}).get("replicas") == 0

    @property
    def can_start(self) -> bool:
        """Whether it only has to be scaled up."""
        return self.stopped and not self.doubt

    @property
    def proven_digest(self) -> str:
        """The digest where it is proven that ready pods serve it."""
        proven = (
            self.ready and not self.stopped and not self.doubt
        )  # its last pods may still answer
        return self.digest if proven else UNVERIFIED_DIGEST

    def is_(self, release: Release) -> bool:
        """Whether it was made for this release."""
        return (self.version, self.digest) == (release.version, release.digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterObjects:
    """All objects of one owner, as listed."""

    deployments: Sequence[Object] = ()
    services: Sequence[Object] = ()
    slices: Sequence[Object] = ()
    pods: Sequence[Object] = ()
    config_maps: Sequence[Object] = ()
    owner: Owner = field(default_factory=lambda: Owner("", ""))

    def releases(self, *, needs_config_map: bool) -> Mapping[str, RunningRelease]:
        """Our releases by name, from the Deployment down to the endpoints that are ready."""
        found = (self._release(one, needs_config_map) for one in self.deployments)
        return {one.name: one for one in found}

    def _release(self, deployment: Object, needs_config_map: bool) -> RunningRelease:
        name = metadata(deployment)["name"]
        digest = annotation(deployment, DIGEST) or UNVERIFIED_DIGEST
        doubt = self._doubt(deployment, name, digest, needs_config_map)
        return RunningRelease(
            name=name,
            version=annotation(deployment, VERSION) or "0",
            digest=digest,
            workload=deployment,
            ready=self.count_ready(name, digest),
            doubt=doubt,
        )

    def _doubt(self, deployment: Object, name: str, digest: str, needs_config_map: bool) -> str:
        foreign = foreign_manager(deployment)
        if foreign:
            return f"{foreign} changed the pods of the Deployment {name}"
        selects = self.service_doubt(name, deployment["spec"]["selector"]["matchLabels"])
        if selects or not needs_config_map:
            return selects
        files = next((one for one in self.config_maps if metadata(one)["name"] == name), None)
        if files is None:
            return f"the ConfigMap {name} is gone"
        return "" if config_map_digest(files) == digest else f"the ConfigMap {name} was changed"

    def service_doubt(self, name: str, labels: Mapping[str, str]) -> str:
        """Why the Service of a release may give its requests to other pods; empty: it does not."""
        service = next((one for one in self.services if metadata(one)["name"] == name), None)
        if service is None:
            return f"the Service {name} is gone"
        if service["spec"].get("selector") != labels:
            return f"the Service {name} selects other pods (spec.selector)"
        return ""

    def count_ready(self, name: str, digest: str) -> int:
        """Ready endpoints of a release's Service whose pods were made for its digest."""
        pods = {
            metadata(one)["name"]
            for one in self.pods
            if is_ready(one) and annotation(one, DIGEST) == digest
        }
        return sum(
            (endpoint.get("targetRef") or {}).get("name") in pods
            for slice_ in self.slices
            if metadata(slice_).get("labels", {}).get("kubernetes.io/service-name") == name
            for endpoint in slice_.get("endpoints") or []
            if (endpoint.get("conditions") or {}).get("ready") is not False
        )


def foreign_manager(deployment: Object) -> str:
    """Who else wrote the pods' specification of a Deployment of ours; empty: nobody."""
    for one in metadata(deployment).get("managedFields") or []:
        template = (one.get("fieldsV1") or {}).get("f:spec", {}).get("f:template", {})
        if one.get("manager") != MANAGER and "f:spec" in template:
            return str(one.get("manager"))
    return ""


def other_writer(director: Object) -> str:
    """Who wrote the shares of a route or a Service after us; empty: nobody.

    The controller's own marks say whose it is, where the field manager is only its name.
    """
    field = "f:rules" if director.get("kind") == "HTTPRoute" else "f:selector"
    writers = [
        str(one.get("manager"))
        for one in metadata(director).get("managedFields") or []
        if field in (one.get("fieldsV1") or {}).get("f:spec", {})
    ]
    if MANAGER in writers or annotation(director, FENCE) is None:
        return ""
    return " and ".join(dict.fromkeys(writers))


def gitops_controller(director: Object) -> str:
    """The GitOps tool that tracks an object; empty: none does."""
    about = metadata(director)
    marks = {**(about.get("labels") or {}), **(about.get("annotations") or {})}
    found = (tool for mark, tool in _GITOPS.items() if mark in marks)
    return next(found, "")


def scaled_by_others(deployment: Object) -> bool:
    """Whether somebody else sets the replicas, such as an autoscaler."""
    return any(
        "f:replicas" in (one.get("fieldsV1") or {}).get("f:spec", {})
        for one in metadata(deployment).get("managedFields") or []
        if one.get("manager") != MANAGER
    )
