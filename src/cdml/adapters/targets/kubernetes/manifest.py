"""The user's own Deployment: the template of a release's pods, checked before anything is made."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from cdml.adapters.targets.kubernetes.names import Object
from cdml.config.kubernetes_target import PINNED_IMAGE, KubernetesSettings
from cdml.errors import ConfigurationError, InputError, ServiceError

CHECK = "cdml-model"
"""Name of what we add to a pod: the container that checks the files, and their volume."""
_POD = "spec.template.spec"
_HOST = ("hostNetwork", "hostPID", "hostIPC")
_OTHERS = {
    "Rollout": "Argo Rollouts would shift the traffic too; write a Deployment.",
    "InferenceService": "Set deploy.target.type to kserve.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A Deployment that can be a template, and the container in it that serves."""

    deployment: Object
    container: str

    @property
    def pod(self) -> Mapping[str, Any]:
        """The pods' specification."""
        spec: Mapping[str, Any] = self.deployment["spec"]["template"]["spec"]
        return spec

    @property
    def serving(self) -> Mapping[str, Any]:
        """The container that serves."""
        return next(one for one in self.pod["containers"] if one["name"] == self.container)


def read_manifest(
    text: str, settings: KubernetesSettings, pin: Callable[[str], str] = str
) -> Manifest:
    """Read a manifest; the image of the settings is put in. `pin` gives an image by its digest.

    Raises:
        ConfigurationError: it is no Deployment that a release can be made of; all problems at once.
        ServiceError: an image's registry did not answer.
    """
    where = f"deploy.target.manifest: {settings.manifest}"
    deployment = read_object(text, where, "apps/v1 Deployment", _OTHERS)
    problems = list(_shape(deployment))
    if not problems:
        pod = deployment["spec"]["template"]["spec"]
        problems += _serving_problem(pod, settings)
        name = settings.container or pod["containers"][0]["name"]
        if not problems and settings.image:
            _container(pod, name)["image"] = settings.image
        problems += privileges(pod, _POD)
        problems += _names_taken(pod)
        problems += pin_images(pod, _POD, pin)
        if not problems:
            return Manifest(deployment=deployment, container=name)
    raise ConfigurationError(f"{where}: {'; '.join(problems)}.")


def read_object(text: str, where: str, kind: str, others: Mapping[str, str]) -> dict[str, Any]:
    """The one object of a manifest, of a kind with its version; `others` are hints by kind.

    Raises:
        ConfigurationError: it is something else.
    """
    try:
        documents = [one for one in yaml.safe_load_all(text) if one is not None]
    except yaml.YAMLError as error:
        problem = str(error).replace("\n", " ")
        raise ConfigurationError(f"{where} is not valid YAML: {problem}.") from error
    version, _, name = kind.rpartition(" ")
    if len(documents) != 1:
        raise ConfigurationError(
            f"{where} holds {len(documents)} documents; leave the {name} alone in it."
        )
    [document] = documents
    found = str(document.get("kind")) if isinstance(document, dict) else type(document).__name__
    if found != name or document.get("apiVersion") != version:
        hint = others.get(found, f"Write one {name} of apiVersion {version}.")
        raise ConfigurationError(f"{where} is of kind {found!r}. {hint}")
    made: dict[str, Any] = document
    return made


def _shape(deployment: Mapping[str, Any]) -> Iterator[str]:
    """What keeps the rest from being read."""
    place: Any = deployment
    for key in _POD.split("."):
        place = place.get(key)
        if not isinstance(place, dict):
            yield f"{_POD} is missing"
            return
    for key in ("initContainers", "containers"):
        listed = place.get(key) or []
        if not isinstance(listed, list) or not all(
            isinstance(one, dict) and isinstance(one.get("name"), str) for one in listed
        ):
            yield f"{_POD}.{key} is no list of containers with names"
    if not place.get("containers"):
        yield f"{_POD}.containers is empty"


def _serving_problem(pod: Mapping[str, Any], settings: KubernetesSettings) -> Iterator[str]:
    names = [one["name"] for one in pod["containers"]]
    listing = ", ".join(names)
    if settings.container is None and len(names) > 1:
        yield f"{_POD}.containers are {listing}: deploy.target.container says which one serves"
    elif settings.container is not None and settings.container not in names:
        yield f"{_POD}.containers are {listing}, and deploy.target.container is not one of them"


def _container(pod: Mapping[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in pod["containers"] if one["name"] == name)
    return found


def _all_containers(
    pod: Mapping[str, Any], path: str = _POD
) -> Iterator[tuple[str, dict[str, Any]]]:
    for key in ("initContainers", "containers"):
        for number, one in enumerate(pod.get(key) or []):
            yield f"{path}.{key}[{number}]", one


def pin_images(pod: Mapping[str, Any], path: str, pin: Callable[[str], str]) -> Iterator[str]:
    """Replace tags by digests in the pods' specification at `path`; what cannot be."""
    for place, one in _all_containers(pod, path):
        image = str(one.get("image") or "")
        if not image:
            yield f"{place}.image is missing; pin it by its digest (name@sha256:…)"
            continue
        why = ""
        try:
            one["image"] = pin(image)
        except InputError as error:
            why = f", and {error.message}"
        except ServiceError as error:
            raise ServiceError(f"{place}.image is {image!r}, and {error.message}.") from error
        if not PINNED_IMAGE.fullmatch(one["image"]):
            yield f"{place}.image is {image!r}{why}; pin it by its digest (name@sha256:…)"


def privileges(pod: Mapping[str, Any], path: str) -> Iterator[str]:
    """What in the pods' specification at `path` would give a model a node."""
    for key in _HOST:
        if pod.get(key):
            yield f"{path}.{key} gives the model the node's namespace; remove it"
    for place, one in _all_containers(pod, path):
        context = one.get("securityContext") or {}
        if context.get("privileged"):
            yield f"{place}.securityContext.privileged gives a model the whole node; remove it"
    for number, volume in enumerate(pod.get("volumes") or []):
        if isinstance(volume, dict) and "hostPath" in volume:
            writes = any(
                mount.get("name") == volume.get("name") and not mount.get("readOnly")
                for _, one in _all_containers(pod, path)
                for mount in one.get("volumeMounts") or []
            )
            if writes:
                yield f"{path}.volumes[{number}].hostPath is mounted to be written; set readOnly"


def _names_taken(pod: Mapping[str, Any]) -> Iterator[str]:
    containers = [one["name"] for _, one in _all_containers(pod)]
    volumes = [one.get("name") for one in pod.get("volumes") or []]
    if CHECK in (*containers, *volumes):
        yield f"{_POD} uses the name {CHECK}, which cdml needs; rename yours"
