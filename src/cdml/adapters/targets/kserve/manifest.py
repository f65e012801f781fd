"""The user's own InferenceService: the template of the releases, checked before any is made."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cdml.adapters.targets.kubernetes.manifest import pin_images, privileges, read_object
from cdml.adapters.targets.kubernetes.names import Object
from cdml.config.kserve_target import KserveSettings
from cdml.config.kubernetes_target import PINNED_IMAGE
from cdml.errors import ConfigurationError

API_VERSION = "serving.kserve.io/v1beta1"
DEPLOYMENT_MODE = "serving.kserve.io/deploymentMode"
SERVED_ALONE = ("Standard", "RawDeployment")
"""Deployment modes without Knative; the second is the old name."""
STORAGE_URI = "STORAGE_URI"
"""The variable in which a custom container has its `storageUri`."""
_PREDICTOR = "spec.predictor"
_FRAMEWORKS = (
    *("huggingface", "lightgbm", "onnx", "paddle", "pmml", "pytorch", "sklearn", "tensorflow"),
    *("triton", "xgboost"),
)
_COLD_START = (
    "a rollback would be a cold start, because Knative scales the previous revision to zero and"
    " removes its route"
)
_MODES = {
    "Knative": _COLD_START,
    "ModelMesh": "its pods serve several models, so cdml cannot prove which one answers",
}
_MODES["Serverless"] = _COLD_START
_REFUSED = {
    "spec.canary": "cdml splits the traffic by the route; KServe 0.20 reports such a canary as"
    " ready and sends it no requests",
    f"{_PREDICTOR}.canaryTrafficPercent": f"{_COLD_START}; cdml writes the mode Standard instead,"
    " and splits the traffic by the route, as deploy.canary.steps says",
    "spec.transformer": "requests would not go through it",
    "spec.explainer": "cdml does not deploy it",
    f"{_PREDICTOR}.workerSpec": "cdml does not deploy models on several nodes",
    f"{_PREDICTOR}.name": "cdml names each release",
    f"{_PREDICTOR}.storageUris": "cdml sets the address of each release from deploy.target.weights",
    f"{_PREDICTOR}.model.storage": "cdml sets storageUri of each release from"
    " deploy.target.weights",
}
_OTHERS = {"Deployment": "Set deploy.target.type to kubernetes."}
_OCI = re.compile(rf"oci(\+native)?://{PINNED_IMAGE.pattern}")


@dataclass(frozen=True, slots=True, kw_only=True)
class KserveManifest:
    """An InferenceService that can be a template.

    `custom`: it has one container of the user's instead of a model for one of KServe's runtimes.
    """

    service: Object
    custom: bool

    def serving(self, service: Mapping[str, Any]) -> dict[str, Any]:
        """The container that serves, in a copy of the template."""
        predictor = service["spec"]["predictor"]
        found: dict[str, Any] = predictor["containers"][0] if self.custom else predictor["model"]
        return found


def read_inference_service(
    text: str, settings: KserveSettings, pin: Callable[[str], str] = str
) -> KserveManifest:
    """Read a manifest; the image of the settings is put in. `pin` gives an image by its digest.

    Raises:
        ConfigurationError: no release can be made of it; all problems at once.
    """
    where = f"deploy.target.manifest: {settings.manifest}"
    service = read_object(text, where, f"{API_VERSION} InferenceService", _OTHERS)
    problems = [*_shape(service)]
    if not problems:
        predictor = service["spec"]["predictor"]
        custom = "containers" in predictor
        serving = predictor["containers"][0] if custom else predictor["model"]
        if settings.image:
            serving["image"] = settings.image
        problems = [
            *_modes(service),
            *_left_to_cdml(service),
            *_serving(serving, custom, settings),
            *privileges(_pods(predictor, serving), _PREDICTOR),
            *_pin_images(predictor, serving, custom, pin),
        ]
        first = f"{_PREDICTOR}.containers[0]"
        problems = [one.replace(first, _place(custom)) for one in problems]
        if not problems:
            return KserveManifest(service=service, custom=custom)
    raise ConfigurationError(f"{where}: {'; '.join(problems)}.")


def _shape(service: Mapping[str, Any]) -> Iterator[str]:
    """What keeps the rest from being read."""
    spec = service.get("spec")
    predictor = spec.get("predictor") if isinstance(spec, dict) else None
    if not isinstance(predictor, dict):
        yield f"{_PREDICTOR} is missing"
        return
    old = [name for name in _FRAMEWORKS if name in predictor]
    for name in old:
        yield f"{_PREDICTOR}.{name} is KServe's old form; write model: {{modelFormat: {{name: …}}}}"
    containers = predictor.get("containers") or []
    named = isinstance(containers, list) and all(
        isinstance(one, dict) and isinstance(one.get("name", ""), str) for one in containers
    )
    if not named:
        yield f"{_PREDICTOR}.containers is no list of containers"
    elif containers and ("model" in predictor or len(containers) > 1):
        listing = ", ".join(one.get("name") or "?" for one in containers)
        others = f"{_PREDICTOR}.model and " if "model" in predictor else ""
        yield (
            f"{others}{_PREDICTOR}.containers ({listing}) leave open which one serves: keep one"
            " model, or one container"
        )
    elif not old and not containers and not isinstance(predictor.get("model"), dict):
        yield f"{_PREDICTOR} has neither model nor containers"


def _modes(service: Mapping[str, Any]) -> Iterator[str]:
    head = service.get("metadata") or {}
    mode = (head.get("annotations") or {}).get(DEPLOYMENT_MODE, SERVED_ALONE[0])
    if mode not in SERVED_ALONE:
        why = _MODES.get(mode, "KServe does not know it")
        yield (
            f"metadata.annotations.{DEPLOYMENT_MODE} is {mode!r}: {why}; leave it out: cdml writes"
            " Standard, which a cluster whose default is another mode serves too"
        )
    replicas = service["spec"]["predictor"].get("minReplicas")
    if replicas is not None and (not isinstance(replicas, int) or replicas < 1):
        yield (
            f"{_PREDICTOR}.minReplicas is {replicas!r}: a release without pods cannot be checked,"
            " and a rollback to it would be a cold start; write 1 or more"
        )


def _left_to_cdml(service: Mapping[str, Any]) -> Iterator[str]:
    for path, why in _REFUSED.items():
        place: Any = service
        for key in path.split("."):
            place = place.get(key) if isinstance(place, dict) else None
        if place is not None:
            seen = f" is {place!r}" if isinstance(place, str) else ""
            yield f"{path}{seen}: {why}; remove it"


def _serving(serving: Mapping[str, Any], custom: bool, settings: KserveSettings) -> Iterator[str]:
    place = _place(custom)
    if "startupProbe" in serving:
        yield f"{place}.startupProbe: cdml checks the model's files by it; use readinessProbe"
    named = [one for one in serving.get("env") or [] if one.get("name") == STORAGE_URI]
    addresses = {f"{place}.env {STORAGE_URI}": one.get("value") for one in named}
    for key, uri in {f"{place}.storageUri": serving.get("storageUri"), **addresses}.items():
        if settings.weights.from_ == "image" and _OCI.fullmatch(str(uri)):
            continue
        if uri is not None:
            yield (
                f"{key} is {uri!r}, an alias that does not name a release: cdml sets it for each"
                " from deploy.target.weights; remove it, or with weights from image write"
                " oci://name@sha256:…"
            )
    version = serving.get("protocolVersion")
    if version is not None and settings.protocol not in ("mlflow", version):
        protocol = settings.protocol
        yield f"{place}.protocolVersion is {version!r}, but deploy.target.protocol is {protocol!r}"


def _pods(predictor: Mapping[str, Any], serving: Mapping[str, Any]) -> Mapping[str, Any]:
    """The predictor as pods whose one container is what serves."""
    return {**predictor, "containers": [serving]}


def _pin_images(
    predictor: Mapping[str, Any],
    serving: Mapping[str, Any],
    custom: bool,
    pin: Callable[[str], str],
) -> Iterator[str]:
    """Replace tags by digests; without an image, a model runs in that of its runtime."""
    pods = dict(_pods(predictor, serving))
    if not custom and not serving.get("image"):
        del pods["containers"]
    return pin_images(pods, _PREDICTOR, pin)


def _place(custom: bool) -> str:
    return f"{_PREDICTOR}.containers[0]" if custom else f"{_PREDICTOR}.model"
