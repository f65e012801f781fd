"""Why the pods of a release are not ready, in sentences for people. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cdml.adapters.targets.kubernetes.names import Object, metadata

_LAST_WORDS = 600
_IMAGE = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
_HOPELESS_IMAGE = re.compile(
    r"not found|manifest unknown|unauthorized|denied|forbidden|invalid|present with pull policy",
    re.IGNORECASE,
)
_CONFIGURATION = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")


@dataclass(frozen=True, slots=True)
class Trouble:
    """What keeps pods from becoming ready; `final`: waiting longer does not help."""

    sentence: str
    final: bool = False


def troubles(deployment: Object, pods: Sequence[Object]) -> Sequence[Trouble]:
    """What is wrong now, what is final first; empty where the pods only need time."""
    found = [*_of_deployment(deployment), *(one for pod in pods for one in _of_pod(pod))]
    return sorted(dict.fromkeys(found), key=lambda one: not one.final)


def ready_replicas(deployment: Object) -> tuple[int, int]:
    """How many pods are ready and up to date, and how many are to be."""
    spec, status = deployment.get("spec") or {}, deployment.get("status") or {}
    wanted = int(spec.get("replicas", 1))
    if status.get("observedGeneration") != metadata(deployment).get("generation"):
        return 0, wanted
    return min(int(status.get("readyReplicas", 0)), int(status.get("updatedReplicas", 0))), wanted


def is_ready(pod: Object) -> bool:
    """Whether a pod may get requests, and is not about to end."""
    return "deletionTimestamp" not in metadata(pod) and any(
        one.get("type") == "Ready" and one.get("status") == "True"
        for one in (pod.get("status") or {}).get("conditions") or []
    )


def _of_deployment(deployment: Object) -> Iterator[Trouble]:
    for one in (deployment.get("status") or {}).get("conditions") or []:
        if one.get("type") == "ReplicaFailure" and one.get("status") == "True":
            yield Trouble(f"no pod can be created: {_words(one.get('message'))}")


def _of_pod(pod: Object) -> Iterator[Trouble]:
    name, status = metadata(pod).get("name"), pod.get("status") or {}
    for one in status.get("conditions") or []:
        if one.get("type") == "PodScheduled" and one.get("reason") == "Unschedulable":
            yield Trouble(f"the pod {name} cannot be scheduled: {_words(one.get('message'))}")
    for kind in ("initContainerStatuses", "containerStatuses"):
        for container in status.get(kind) or []:
            yield from _of_container(container)


def _of_container(container: Mapping[str, Any]) -> Iterator[Trouble]:
    name = container.get("name")
    state, last = container.get("state") or {}, container.get("lastState") or {}
    waiting = state.get("waiting") or {}
    reason, message = waiting.get("reason"), _words(waiting.get("message"))
    ended = state.get("terminated") or last.get("terminated") or {}
    if reason in _IMAGE:
        hopeless = bool(_HOPELESS_IMAGE.search(message))
        yield Trouble(f"the image of the container {name} cannot be pulled: {message}", hopeless)
    elif reason in _CONFIGURATION:
        yield Trouble(f"the container {name} cannot be started: {message}")
    elif ended and ended.get("exitCode") != 0:
        yield Trouble(_end(name, ended), reason == "CrashLoopBackOff")
    elif "running" in state and not container.get("ready") and container.get("started", True):
        yield Trouble(f"the container {name} runs, but its readiness probe fails")


def _end(name: object, ended: Mapping[str, Any]) -> str:
    if ended.get("reason") == "OOMKilled":
        return f"the container {name} was killed because it used more memory than its limit"
    words = _words(ended.get("message")) or "it wrote nothing"
    return f"the container {name} ended with exit code {ended.get('exitCode')}: {words}"


def _words(text: object) -> str:
    """The end of a text from elsewhere, on one line, without control characters."""
    return re.sub(r"[\x00-\x1f\x7f\s]+", " ", str(text or "")).strip()[-_LAST_WORDS:]
