"""What a service's definitions say of a model: its inputs, and what the champion relies on."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence

from cdml.common.suggest import describe_unknown
from cdml.common.verdict import Verdict
from cdml.evidence.features import FeatureServiceRecord, FeatureViewRecord
from cdml.evidence.schema import Check
from cdml.features.feature_store import FeatureRepository, FeatureService

SERVICE, COLUMNS, TYPES, CHANGE = (
    "feature_service",
    "feature_columns",
    "feature_types",
    "feature_change",
)
_NUMPY = {
    "int32": "integer",
    "int64": "long",
    "float32": "float",
    "float64": "double",
    "bool": "boolean",
    "str": "string",
    "object": "string",
}
"""Types of tensors by the names of columns."""
_ACCEPTED: Mapping[str, frozenset[str]] = {
    "long": frozenset({"integer"}),
    "float": frozenset({"integer"}),
    "double": frozenset({"integer", "long", "float"}),
}
"""Types of features that an input takes besides its own, because nothing is lost."""


def record_service(repository: FeatureRepository, name: str) -> FeatureServiceRecord | None:
    """All that a service reads; None where there is no such service, or it reads nothing."""
    service = repository.services.get(name)
    if service is None or not service.features:
        return None
    used: dict[str, dict[str, str]] = {}
    for feature in service.features:
        used.setdefault(feature.view, {})[feature.name] = feature.type
    inner = [view for name in used for view in _read_by(repository, name)]
    for view in inner:
        used.setdefault(view, dict(repository.views[view].features))
    views = tuple(
        FeatureViewRecord(
            name=view,
            features=dict(sorted(used[view].items())),
            join_keys=repository.views[view].join_keys,
            ttl_seconds=repository.views[view].ttl_seconds,
            source=repository.views[view].source,
        )
        for view in sorted(used)
        if view in repository.views
    )
    if not views:
        return None
    text = json.dumps([view.model_dump(mode="json") for view in views], sort_keys=True)
    digest = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    return FeatureServiceRecord(service=name, digest=digest, views=views)


def _read_by(repository: FeatureRepository, name: str) -> Iterator[str]:
    """The views that a view transforms."""
    view = repository.views.get(name)
    for inner in view.reads if view else ():
        if inner in repository.views:
            yield inner
            yield from _read_by(repository, inner)


def check_service(repository: FeatureRepository, name: str) -> Check:
    """Whether the service is defined."""
    service = repository.services.get(name)
    if service is None:
        unknown = describe_unknown("feature service", name, repository.services)
        return finding(SERVICE, None, Verdict.FAIL, "defined", "missing", unknown)
    lost = sorted({one.view for one in service.features} - {*repository.views})
    if lost:
        reason = f"the service {name} reads {', '.join(lost)}, which the repository does not define"
        return finding(SERVICE, None, Verdict.FAIL, "defined", "incomplete", reason)
    record = record_service(repository, name)
    digest = f", digest {record.digest[7:19]}" if record else ""
    reason = f"the service {name} has {len(service.features)} features{digest}"
    return finding(SERVICE, None, Verdict.PASS, "defined", "defined", reason)


def check_inputs(
    repository: FeatureRepository,
    service: FeatureService,
    inputs: Mapping[str, str],
    required: Sequence[str],
    request: Sequence[str],
) -> Iterator[Check]:
    """Whether the service has every input of a model, in its type.

    `inputs` are MLflow's types by column; `request` names inputs that come with the request.
    """
    types = {feature.name: feature.type for feature in service.features}
    keys = {key for one in service.features for key in repository.views[one.view].join_keys}
    brought = {*keys, *request, *service.request}
    lost = [name for name in inputs if name not in types and name not in brought]
    for name in lost:
        reason = (
            f"the model reads it, but the service has no such feature;"
            f" {describe_unknown('feature', name, types)}"
        )
        verdict = Verdict.FAIL if name in required else Verdict.WARN
        yield finding(COLUMNS, name, verdict, "a feature", "missing", reason)
    if not lost:
        reason = f"the service has all {len(inputs)} inputs of the model"
        yield finding(COLUMNS, None, Verdict.PASS, "features", "features", reason)
    wrong = {
        name: (wanted, types[name])
        for name, wanted in inputs.items()
        if name in types and not accepts(wanted, types[name])
    }
    for name, (wanted, given) in wrong.items():
        reason = f"the model takes {wanted}, but the store serves {given}"
        yield finding(TYPES, name, Verdict.FAIL, wanted, given, reason)
    if not wrong:
        reason = "the store serves the types of the model's inputs"
        yield finding(
            TYPES, None, Verdict.PASS, "as in the signature", "as in the signature", reason
        )


def accepts(wanted: str, given: str) -> bool:
    """Whether an input of one type takes a feature of another without loss."""
    if wanted.startswith("array(") and given.startswith("array("):
        return accepts(wanted[6:-1], given[6:-1])
    wanted = _NUMPY.get(wanted, wanted)
    return wanted == given or given in _ACCEPTED.get(wanted, frozenset())


def check_changes(repository: FeatureRepository, champion: FeatureServiceRecord) -> Iterator[Check]:
    """What the repository changes of what the champion reads: it serves on with other values."""
    changes = [
        (view.name, change)
        for view in champion.views
        for change in _changes(repository, view, champion.service)
    ]
    for view, change in changes:
        reason = (
            f"the champion reads {view}, and {change}; leave the view as it is, and define a new"
            " one for the next model"
        )
        yield finding(CHANGE, view, Verdict.FAIL, "as the champion reads it", change, reason)
    if not changes:
        reason = f"the views that the champion reads are unchanged ({len(champion.views)})"
        yield finding(CHANGE, None, Verdict.PASS, "unchanged", "unchanged", reason)


def _changes(
    repository: FeatureRepository, record: FeatureViewRecord, service: str
) -> Iterator[str]:
    view = repository.views.get(record.name)
    if view is None:
        yield "it is removed"
        return
    for name, type_name in record.features.items():
        if name not in view.features:
            yield f"its feature {name} is removed"
        elif view.features[name] != type_name:
            yield f"its feature {name} changes from {type_name} to {view.features[name]}"
    if view.ttl_seconds != record.ttl_seconds:
        before, after = _duration(record.ttl_seconds), _duration(view.ttl_seconds)
        yield f"its TTL changes from {before} to {after}"
    if view.join_keys != record.join_keys:
        before, after = (", ".join(keys) or "none" for keys in (record.join_keys, view.join_keys))
        yield f"its join keys change from {before} to {after}"
    if view.source != record.source:
        yield f"its source changes from {record.source[:300]} to {view.source[:300]}"
    served = repository.services.get(service)
    transformed = any(record.name in other.reads for other in repository.views.values())
    if served is not None and not transformed:
        names = {one.name for one in served.features if one.view == record.name}
        if lost := sorted({*record.features} & {*view.features} - names):
            yield f"the service {service} does not read {', '.join(lost)} any more"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "unlimited"
    return f"{seconds / 3600:g} h"


def finding(
    name: str, column: str | None, verdict: Verdict, expected: str, observed: str, reason: str
) -> Check:
    """A check of the features."""
    return Check(
        name=name, column=column, verdict=verdict,
        severity="warning" if verdict is Verdict.WARN else "error",
        expected=expected, observed=observed, reason=reason,
    )  # fmt: skip
