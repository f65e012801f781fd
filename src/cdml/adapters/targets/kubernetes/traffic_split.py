"""Who gets the traffic: the weights of an HTTPRoute's rule, or the selector of one Service.

Pure: objects as the API server gives them in, shares and JSON patches out. Each patch tests what
it was computed from, so that the API server refuses it (422) where somebody else was first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cdml.adapters.targets.kubernetes.names import (
    FENCE,
    PORT,
    RELEASE,
    Object,
    Owner,
    annotate,
    annotation,
    fence_of,
    metadata,
)
from cdml.config.traffic_steps import ALL
from cdml.errors import ConfigurationError, ServiceError

Patch = Sequence[Mapping[str, Any]]
"""A JSON patch (RFC 6902)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """How traffic is directed now.

    `shares` are percentages by the name of a release's objects, what was there before first.
    `others` names the Services that are no release's and may get traffic.
    """

    shares: Mapping[str, int] = field(default_factory=dict)
    others: Sequence[str] = ()


def check_owner(director: Object, owner: Owner) -> None:
    """Refuse the object of another environment or model.

    Raises:
        ConfigurationError: its annotations name another owner.
    """
    for name, value in owner.annotations.items():
        written = annotation(director, name)
        if written not in (None, value):
            raise ConfigurationError(
                f"the {describe(director)} belongs to another model or environment:"
                f" its annotation {name} is {written!r}, not {value!r}.",
                "Give each model and environment a separate route and Service.",
            )


def describe(thing: Object) -> str:
    """What an object is, for people."""
    return f"{thing.get('kind', 'object')} {metadata(thing).get('name')}"


def rule_index(route: Object, owner: Owner, service: str) -> int:
    """The one rule of a route that gives traffic to the stable Service, or to our releases.

    Raises:
        ConfigurationError: there is none, or more than one.
    """
    rules = route.get("spec", {}).get("rules") or []
    ours = [
        number
        for number, rule in enumerate(rules)
        if any(one["name"] == service or owner.owns_name(one["name"]) for one in _backends(rule))
    ]
    if len(ours) != 1:
        which = f"{len(ours)} rules" if ours else "no rule"
        raise ConfigurationError(
            f"deploy.target.route: the {describe(route)} has {which} with the Service {service} as"
            " a backend, and cdml takes over exactly one.",
            f"Write `backendRefs: [{{name: {service}, port: {PORT}}}]` in the rule of this model.",
        )
    return ours[0]


def read_route(route: Object, owner: Owner, service: str) -> Split:
    """The shares that a route gives our releases.

    Raises:
        ConfigurationError: it has no rule for us, or its rule has other backends too.
    """
    rule = route["spec"]["rules"][rule_index(route, owner, service)]
    weights: dict[str, int] = {}
    others = []
    for backend in _backends(rule):
        name = backend["name"]
        if name == service:
            others.append(name)
        elif owner.owns_name(name):
            weights[name] = weights.get(name, 0) + int(backend.get("weight", 1))
        else:
            raise ConfigurationError(
                f"deploy.target.route: the rule of the {describe(route)} that cdml takes over also"
                f" has the backend {name!r}, which is no release of {owner}.",
                "Give that backend a separate rule.",
            )
    return Split(shares=_percentages(weights), others=others)


def read_selector(service: Object | None, owner: Owner) -> Split:
    """Which release a Service selects; one that was never ours is among the others."""
    if service is None:
        return Split()
    selector = service.get("spec", {}).get("selector") or {}
    release = selector.get(RELEASE)
    if release is None:
        return Split(others=[metadata(service)["name"]])
    if release == owner.no_pods()[RELEASE]:
        return Split()
    return Split(shares={owner.name_of_digits(release): ALL})


def weights_for(split: Split, name: str, percent: int) -> Mapping[str, int]:
    """The shares of a release and of the one that has most of the rest, which comes first."""
    rest = [one for one in split.shares if one != name]
    other = max(rest, key=lambda one: split.shares[one], default=None)
    return {**({other: ALL - percent} if other else {}), name: percent}


def shift_route(
    route: Object,
    owner: Owner,
    service: str,
    weights: Mapping[str, int],
    fence: int,
    header: str | None = None,
) -> Patch:
    """Give the backends of our rule these weights; without any, the stable Service has it all.

    With a `header`, the Gateway adds it to each answer, with the name of the backend.

    Raises:
        ServiceError: a newer operation has been here.
    """
    number = rule_index(route, owner, service)
    place = f"/spec/rules/{number}/backendRefs"
    backends: list[dict[str, Any]] = [
        {"name": name, "port": PORT, "weight": weight, **_named_in(header, name)}
        for name, weight in weights.items()
    ]
    return [
        *_unchanged(route),
        {"op": "test", "path": place, "value": _backends(route["spec"]["rules"][number])},
        {"op": "replace", "path": place, "value": backends or [{"name": service, "port": PORT}]},
        *_signed(route, owner, fence),
    ]


def announce(
    route: Object, owner: Owner, service: str, name: str, fence: int, header: str | None = None
) -> Patch:
    """Add a release to our rule without a share; empty where it is there.

    A Gateway answers 503 while it has a share for a backend that it does not know yet.
    """
    number = rule_index(route, owner, service)
    present = _backends(route["spec"]["rules"][number])
    if any(one["name"] == name for one in present):
        return []
    place = f"/spec/rules/{number}/backendRefs"
    whole = [*present, {"name": name, "port": PORT, "weight": 0, **_named_in(header, name)}]
    added = {"op": "replace", "path": place, "value": whole}
    return [*_unchanged(route), added, *_signed(route, owner, fence)]


def shift_selector(service: Object, owner: Owner, selector: Mapping[str, str], fence: int) -> Patch:
    """Let a Service select these pods. The whole selector: a merge would keep old keys."""
    old = service.get("spec", {}).get("selector")
    test = [{"op": "test", "path": "/spec/selector", "value": old}] if old else []
    return [
        *_unchanged(service),
        *test,
        {"op": "add", "path": "/spec/selector", "value": dict(selector)},
        *_signed(service, owner, fence),
    ]


def claim(director: Object, owner: Owner, fence: int) -> Patch:
    """Write the fencing number and the owner to the object that directs the traffic.

    Empty where they are there already. Raises as `shift_route`.
    """
    signed = _signed(director, owner, fence)
    return [*_unchanged(director), *signed] if signed else []


def not_accepted(route: Object) -> str:
    """Why no Gateway gives traffic to a route; empty where one does."""
    parents = (route.get("status") or {}).get("parents") or []
    problems = []
    for parent in parents:
        for condition in parent.get("conditions") or []:
            if condition.get("type") == "Accepted":
                if condition.get("status") == "True":
                    return ""
                problems.append(f"{condition.get('reason')}: {condition.get('message')}")
    return "; ".join(problems) or "no Gateway has answered for it"


def awaits_gateway(route: Object) -> bool:
    """Whether a Gateway has yet to answer for the route's last change."""
    generation = metadata(route).get("generation", 0)
    return any(
        condition.get("observedGeneration", generation) < generation
        for parent in (route.get("status") or {}).get("parents") or []
        for condition in parent.get("conditions") or []
        if condition.get("type") == "Accepted"
    )


def _unchanged(thing: Object) -> Patch:
    """Tests that nobody wrote an object since it was read, nor another operation took it over."""
    tests = [
        {
            "op": "test",
            "path": "/metadata/resourceVersion",
            "value": metadata(thing)["resourceVersion"],
        }
    ]
    fence = annotation(thing, FENCE)
    if fence is not None:
        path = f"/metadata/annotations/{FENCE.replace('/', '~1')}"
        tests.append({"op": "test", "path": path, "value": fence})
    return tests


def _signed(director: Object, owner: Owner, fence: int) -> Patch:
    seen = fence_of(director)
    if seen > fence:
        raise ServiceError(
            f"the {describe(director)} has orders of generation {seen}, and takes none of"
            f" generation {fence} any more: another operation took over."
        )
    return annotate(director, {**owner.annotations, FENCE: str(fence)})


def _named_in(header: str | None, name: str) -> Mapping[str, Any]:
    if header is None:
        return {}
    modifier = {"set": [{"name": header, "value": name}]}
    return {"filters": [{"type": "ResponseHeaderModifier", "responseHeaderModifier": modifier}]}


def _backends(rule: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return rule.get("backendRefs") or []


def _percentages(weights: Mapping[str, int]) -> Mapping[str, int]:
    """Weights as whole percentages; who has any traffic has at least 1, and all add up to 100."""
    whole = sum(weights.values())
    if not whole:
        return dict.fromkeys(weights, 0)
    shares = {name: max(round(ALL * one / whole), min(one, 1)) for name, one in weights.items()}
    largest = max(shares, key=lambda name: shares[name])
    shares[largest] += ALL - sum(shares.values())
    return shares
