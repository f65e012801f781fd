"""What is applied for one release: a Deployment, a Service and, for small models, a ConfigMap."""

import base64
import copy
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from typing import Any

from cdml.adapters.targets.kubernetes.manifest import CHECK, Manifest
from cdml.adapters.targets.kubernetes.names import (
    FENCE,
    PORT,
    Object,
    Owner,
    release_annotations,
)
from cdml.config.kubernetes_target import ClusterSettings, KubernetesSettings
from cdml.errors import InputError
from cdml.journal.records import Release
from cdml.models.digest import combine_digests

LARGEST_CONFIG_MAP = 1_000_000
"""Bytes of a model's files that fit in a ConfigMap, encoded and with its other fields."""


def deployment(
    manifest: Manifest,
    settings: KubernetesSettings,
    owner: Owner,
    release: Release,
    *,
    fence: int,
    paths: Sequence[str] = (),
) -> Object:
    """The Deployment of a release, made of the manifest; `paths` are those of a ConfigMap."""
    made: dict[str, Any] = copy.deepcopy(dict(manifest.deployment))
    made.pop("status", None)
    labels = owner.pod_labels(release)
    theirs = made.get("metadata") or {}
    made["metadata"] = {
        "name": owner.name(release),
        "namespace": settings.namespace,
        "labels": {**(theirs.get("labels") or {}), **labels},
        "annotations": {
            **(theirs.get("annotations") or {}),
            **release_annotations(release),
            FENCE: str(fence),
        },
    }
    made["spec"]["selector"] = {"matchLabels": dict(labels)}
    template = made["spec"]["template"]
    pods = template.setdefault("metadata", {})
    pods["labels"] = {**(pods.get("labels") or {}), **labels}
    pods["annotations"] = {**(pods.get("annotations") or {}), **release_annotations(release)}
    volume = _volume(settings, owner.name(release), paths)
    _complete(template["spec"], manifest.container, settings, volume, release)
    return made


def service(settings: ClusterSettings, owner: Owner, release: Release, fence: int) -> Object:
    """The Service of one release alone."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": owner.name(release),
            "namespace": settings.namespace,
            "labels": dict(owner.pod_labels(release)),
            "annotations": {**release_annotations(release), FENCE: str(fence)},
        },
        "spec": {"selector": dict(owner.pod_labels(release)), "ports": ports(settings)},
    }


def ports(settings: ClusterSettings) -> list[dict[str, Any]]:
    """The port of our Services."""
    return [{"name": "http", "port": PORT, "protocol": "TCP", "targetPort": settings.port}]


def config_map(
    settings: KubernetesSettings, owner: Owner, release: Release, contents: Mapping[str, bytes]
) -> Object:
    """The files of a small model.

    Raises:
        InputError: they are too large.
    """
    size = sum(map(len, contents.values()))
    if size > LARGEST_CONFIG_MAP:
        raise InputError(
            f"v{release.version} has {size:,} bytes of files; a ConfigMap holds"
            f" {LARGEST_CONFIG_MAP:,}.",
            "Set deploy.target.weights.from to mlflow, object-store, volume or image.",
        )
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": owner.name(release),
            "namespace": settings.namespace,
            "labels": dict(owner.pod_labels(release)),
            "annotations": {
                **release_annotations(release),
                **{_path_annotation(key): path for key, path in _keys(contents).items()},
            },
        },
        "immutable": True,
        "binaryData": {
            key: base64.b64encode(contents[path]).decode() for key, path in _keys(contents).items()
        },
    }


def config_map_digest(found: Object) -> str | None:
    """The digest of the files in a ConfigMap of ours; None where it could be changed."""
    if not found.get("immutable"):
        return None
    annotations = found["metadata"].get("annotations") or {}
    listed = {}
    for key, content in (found.get("binaryData") or {}).items():
        read = hashlib.sha256(base64.b64decode(content)).hexdigest()
        listed[annotations.get(_path_annotation(key), key)] = f"sha256:{read}"
    return combine_digests(listed)


def _path_annotation(key: str) -> str:
    return f"cdml.dev/path-{key}"


def _keys(paths: Iterable[str]) -> Mapping[str, str]:
    """The key of each path: keys may hold no slash."""
    return {f"file-{number}": path for number, path in enumerate(sorted(paths))}


def _complete(
    pod: dict[str, Any],
    name: str,
    settings: KubernetesSettings,
    volume: Mapping[str, Any] | None,
    release: Release,
) -> None:
    """Add the model's files to a pod, and what checks them."""
    serving = next(one for one in pod["containers"] if one["name"] == name)
    for one in pod["containers"]:
        one.setdefault("terminationMessagePolicy", "FallbackToLogsOnError")
    if "readinessProbe" not in serving:
        serving["readinessProbe"] = {
            "httpGet": {"path": "/ping", "port": settings.port},
            "periodSeconds": 2,
        }
    mounts = [dict(one) for one in serving.get("volumeMounts") or []]
    if volume is not None:
        pod.setdefault("volumes", []).append({"name": CHECK, **volume})
        mount = {"name": CHECK, "mountPath": settings.weights.mount}
        if settings.weights.path:
            mount["subPath"] = settings.weights.of_digest(settings.weights.path, release.digest)
        serving.setdefault("volumeMounts", []).append({**mount, "readOnly": True})
        mounts.append(mount if settings.weights.downloads else {**mount, "readOnly": True})
    if settings.weights.from_ != "config-map":
        pod.setdefault("initContainers", []).append(_check(serving, settings, mounts, release))


def _volume(
    settings: KubernetesSettings, object_name: str, paths: Sequence[str]
) -> Mapping[str, Any] | None:
    match settings.weights.from_:
        case "config-map":
            items = [{"key": key, "path": path} for key, path in _keys(paths).items()]
            return {"configMap": {"name": object_name, "items": items}}
        case "volume":
            return {
                "persistentVolumeClaim": {"claimName": settings.weights.claim, "readOnly": True}
            }
        case "mlflow" | "object-store":
            return {"emptyDir": {}}
        case "image":
            return None


def _check(
    serving: Mapping[str, Any],
    settings: KubernetesSettings,
    mounts: list[dict[str, Any]],
    release: Release,
) -> dict[str, Any]:
    """The init container that checks the files, and downloads them where no volume has them."""
    script = files("cdml.adapters.targets.kubernetes").joinpath("check_model.py")
    source = release.source if settings.weights.from_ == "mlflow" else ""
    source = source or settings.weights.of_digest(settings.weights.uri, release.digest)
    made = {
        "name": CHECK,
        "image": settings.verify.image if settings.verify else serving["image"],
        "command": ["python3", "-c", script.read_text(encoding="utf-8")],
        "args": [settings.weights.mount, release.digest, source],
        "volumeMounts": mounts,
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    same = ("imagePullPolicy", "securityContext", "env", "envFrom", "resources")
    return {**made, **{key: copy.deepcopy(serving[key]) for key in same if key in serving}}
