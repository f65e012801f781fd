"""What KServe's controller says about an InferenceService, for people. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cdml.adapters.targets.kserve.manifest import SERVED_ALONE
from cdml.adapters.targets.kubernetes.names import Object, metadata
from cdml.adapters.targets.kubernetes.pod_status import Trouble

READY = "Ready"
_FIRST = 1
_FAILED = {"InvalidSpec": True, "BlockedByFailedLoad": False}
"""States of a model that does not load, and whether waiting cannot help: the kubelet tries again to
load one."""
_MAY_PASS = ("NoSupportingRuntime", "RuntimeNotRecognized")
"""Reasons that pass where somebody made the runtime moments ago."""
_LOOKS = 10
"""Looks at such a refusal before it is final. KServe tries again after 5 ms, and each time after
twice as long: in ten seconds some eleven times."""
_LONGEST = 600


def is_current(service: Object) -> bool:
    """Whether the status is about the specification as it is now.

    In the mode Standard KServe writes the *Deployment's* observed generation, which an autoscaler
    raises above that of the InferenceService, and writes none before there is a Deployment. A first
    generation has had no other status.
    """
    generation = int(metadata(service).get("generation", _FIRST))
    return generation == _FIRST or int(_status(service).get("observedGeneration", 0)) >= generation


def is_ready(service: Object) -> bool:
    """Whether KServe calls the service ready, and means it as it is now."""
    return is_current(service) and _condition(service, READY).get("status") == "True"


def service_troubles(service: Object, looks: int) -> Sequence[Trouble]:
    """Why KServe does not serve the model; empty where it only needs time.

    Args:
        service: the InferenceService.
        looks: how often, a second apart, it was looked at since it was applied.
    """
    return tuple(_troubles(service, looks)) if is_current(service) else ()


def _troubles(service: Object, looks: int) -> Iterator[Trouble]:
    where, status = f"the InferenceService {metadata(service).get('name')}", _status(service)
    mode = status.get("deploymentMode")
    if mode and mode not in SERVED_ALONE:
        sentence = f"KServe runs {where} in the mode {mode}, not {SERVED_ALONE[0]}"
        yield Trouble(sentence, final=True)
    model = status.get("modelStatus") or {}
    failure, transition = model.get("lastFailureInfo") or {}, model.get("transitionStatus")
    if transition in _FAILED:
        reason = failure.get("reason")
        words = ": ".join(filter(None, (reason, _words(failure.get("message")))))
        sentence = f"KServe reports {transition} of {where} ({words or 'no reason'})"
        may_pass = reason in _MAY_PASS and looks < _LOOKS
        yield Trouble(sentence, final=_FAILED[transition] and not may_pass)
    for kind in ("PredictorReady", "IngressReady"):
        condition = _condition(service, kind)
        if condition.get("status") == "False" and condition.get("message"):
            words = f"{condition.get('reason')}: {_words(condition['message'])}"
            yield Trouble(f"KServe reports {kind} False of {where} ({words})")


def _status(service: Object) -> Mapping[str, Any]:
    found: Mapping[str, Any] = service.get("status") or {}
    return found


def _condition(service: Object, kind: str) -> Mapping[str, Any]:
    conditions = _status(service).get("conditions") or []
    return next((one for one in conditions if one.get("type") == kind), {})


def _words(text: object) -> str:
    return re.sub(r"[\x00-\x1f\x7f\s]+", " ", str(text or "")).strip()[-_LONGEST:]
