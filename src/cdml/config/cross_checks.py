"""What one key of cdml.yaml alone cannot tell: asked of the document, whatever else is wrong."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from cdml.common.addresses import Address, mask, reveal
from cdml.common.suggest import describe_unknown
from cdml.common.yaml_lines import KeyPath
from cdml.config.gate_problems import Complaint, at, gate_complaints, threshold_complaints
from cdml.config.schema import DEFAULT_REGISTRY
from cdml.config.targets import target_problems, target_types
from cdml.config.unsupported_registries import registry_problem
from cdml.config.variables import in_ci

REGISTRY_PLACE: KeyPath = ("registry", "uri")
NO_REGISTRY = (
    "is empty or left to its default, which in CI is a registry that has no champion: every model"
    " would be the first; set it (an unset secret is empty)"
)


def has_no_registry(uri: str, variables: Mapping[str, str]) -> bool:
    """Whether a CI run would ask a registry that is made for it and thrown away."""
    return reveal(uri) == DEFAULT_REGISTRY and in_ci(variables)


def find_contradictions(
    document: Mapping[str, Any],
    *,
    targets: Collection[str],
    registries: Collection[str],
    variables: Mapping[str, str],
    needs_registry: bool,
) -> Iterator[Complaint]:
    """Every such problem, with its place, in cdml.yaml as it was written, variables put in."""
    yield from _about_target(at(document, "deploy", "target"), targets)
    if at(document, "deploy", "canary") is not None:
        target = str(at(document, "deploy", "target", "type") or "registry")
        kind = target_types().get(target)
        if kind is not None and kind.splits_traffic is False:
            told = f"the target {target} cannot split traffic: its switch is one write"
            yield ("deploy", "canary"), f"{told}; leave canary out, or choose another target"
    uri = at(document, *REGISTRY_PLACE)
    address = uri if isinstance(uri, Address) else Address(str(uri or DEFAULT_REGISTRY))
    if needs_registry and has_no_registry(address, variables):
        yield REGISTRY_PLACE, NO_REGISTRY
    try:
        urlsplit(reveal(address))
    except ValueError as error:
        yield REGISTRY_PLACE, mask(f"is no address: {error}", address)
    unread = registry_problem(reveal(address), registries)
    if unread is not None:
        yield REGISTRY_PLACE, mask(unread, address)
    yield from gate_complaints(document)
    yield from threshold_complaints(document)
    yield from _about_features(document)


def _about_features(document: Mapping[str, Any]) -> Iterator[Complaint]:
    """Inputs that a model could not be given before the outcome, or that only identify a row."""
    features, key = at(document, "data", "features"), at(document, "data", "key")
    label = at(document, "data", "label")
    for number, name in enumerate(features if isinstance(features, list) else ()):
        place: KeyPath = ("data", "features", number)
        if str(name) == str(label):
            yield place, f"{name} is the label, which a model cannot be given"
        elif isinstance(key, list) and str(name) in map(str, key):
            yield place, f"{name} is of the key, which identifies rows and is no input"


def _about_target(target: object, targets: Collection[str]) -> Iterator[Complaint]:
    place: KeyPath = ("deploy", "target")
    written = target if isinstance(target, dict) else {}
    name = str(written.get("type", "registry"))
    if name not in targets:
        yield (*place, "type"), describe_unknown("target", name, targets)
    settings = {key: value for key, value in written.items() if key != "type"}
    for inner, message in target_problems(name, settings):
        yield (*place, *inner), message
