"""What is applied for one release: an InferenceService, and a Service with its pods. Pure.

KServe copies an InferenceService's labels and annotations to its pods. So they hold nothing that
changes in the life of a release: another fencing number would restart the pods.
"""

import copy
from typing import Any
from urllib.parse import urlsplit

from cdml.adapters.targets.kserve.check_files import startup_probe
from cdml.adapters.targets.kserve.manifest import (
    DEPLOYMENT_MODE,
    SERVED_ALONE,
    STORAGE_URI,
    KserveManifest,
)
from cdml.adapters.targets.kubernetes.names import Object, Owner, release_annotations
from cdml.config.kserve_target import KserveSettings
from cdml.errors import InputError
from cdml.journal.records import Release

_CLUSTER_LOCAL = {"networking.kserve.io/visibility": "cluster-local"}
"""Keeps KServe from making a route to a release."""
_MLSERVER_NAME = "MLSERVER_MODEL_NAME"
_CONTAINER = "kserve-container"
_FETCHED = ("s3", "gs", "hdfs", "webhdfs", "http", "https", "hf")
"""Schemes of the addresses that KServe's storage initializer downloads."""


def inference_service(
    manifest: KserveManifest, settings: KserveSettings, owner: Owner, release: Release
) -> Object:
    """The InferenceService of a release.

    Raises:
        InputError: KServe cannot fetch the release's files.
    """
    made: dict[str, Any] = copy.deepcopy(dict(manifest.service))
    made.pop("status", None)
    theirs = made.get("metadata") or {}
    made["metadata"] = {
        "name": owner.name(release),
        "namespace": settings.namespace,
        "labels": {
            **(theirs.get("labels") or {}),
            **_CLUSTER_LOCAL,
            **owner.pod_labels(release),
        },
        "annotations": {
            DEPLOYMENT_MODE: SERVED_ALONE[0],
            **(theirs.get("annotations") or {}),
            **release_annotations(release),
        },
    }
    serving = manifest.serving(made)
    uri = storage_uri(settings, release)
    if manifest.custom:
        serving["name"] = _CONTAINER
    if uri and manifest.custom:
        serving.setdefault("env", []).append({"name": STORAGE_URI, "value": uri})
    elif uri:
        serving["storageUri"] = uri
    if settings.protocol in ("v1", "v2") and not manifest.custom:
        serving["protocolVersion"] = settings.protocol
        env = serving.setdefault("env", [])
        if not any(one.get("name") == _MLSERVER_NAME for one in env):
            env.append({"name": _MLSERVER_NAME, "value": settings.served_name})
    serving.setdefault("terminationMessagePolicy", "FallbackToLogsOnError")
    serving["startupProbe"] = startup_probe(settings.weights.mount, release.digest)
    return made


def storage_uri(settings: KserveSettings, release: Release) -> str | None:
    """Where KServe gets the files of a release; None: they are in an image.

    Raises:
        InputError: the registry has them where KServe cannot fetch them.
    """
    weights = settings.weights
    match weights.from_:
        case "object-store":
            return _for_kserve(weights.of_digest(weights.uri, release.digest))
        case "volume":
            return f"pvc://{weights.claim}/{weights.of_digest(weights.path, release.digest)}"
        case "mlflow":
            uri = _for_kserve(release.source)
            if urlsplit(uri).scheme not in _FETCHED:
                raise InputError(
                    f"the files of v{release.version} are at {release.source}, which KServe cannot"
                    " fetch.",
                    "Let the registry keep its artifacts in an object store that the cluster can"
                    " read, or set deploy.target.weights.from to object-store or volume.",
                )
            return uri
        case _:
            return None


def _for_kserve(uri: str) -> str:
    """KServe knows Azure's blobs by their web address alone."""
    split = urlsplit(uri)
    container, at, host = split.netloc.partition("@")
    if split.scheme != "abfss" or not at:
        return uri
    return f"https://{host.replace('.dfs.', '.blob.', 1)}/{container}{split.path}"
