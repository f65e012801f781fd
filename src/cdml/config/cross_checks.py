"""Problems that concern several keys of cdml.yaml, checked whatever else is wrong."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from cdml.common.addresses import Address, mask, reveal
from cdml.common.suggest import describe_unknown
from cdml.common.yaml_lines import KeyPath
from cdml.config.data_checks import data_check_types
from cdml.config.features import FeaturesSettings, feature_store_types
from cdml.config.gate_problems import (
    Complaint,
    at,
    gate_complaints,
    rule_complaints,
    threshold_complaints,
)
from cdml.config.kinds import Kinds
from cdml.config.registries import DEFAULT_REGISTRY, registry_problem
from cdml.config.targets import target_types
from cdml.config.traffic import traffic_types
from cdml.config.traffic_steps import ALL
from cdml.config.variables import in_ci

REGISTRY_PLACE: KeyPath = ("registry", "uri")
TARGET: KeyPath = ("deploy", "target")
TRAFFIC: KeyPath = ("deploy", "canary", "traffic")
FEATURES: KeyPath = ("features",)
_DEFAULT_TYPES = {TARGET: "registry", FEATURES: "feast"}
NO_REGISTRY = (
    "is empty or not set; in CI the default registry has no champion, so every model would be the"
    " first. Set it (an unset secret is empty)"
)


def has_no_registry(uri: str, variables: Mapping[str, str]) -> bool:
    """Whether a CI run would ask a registry that is made for it and thrown away."""
    return reveal(uri) == DEFAULT_REGISTRY and in_ci(variables)


def find_contradictions(
    document: Mapping[str, Any],
    *,
    targets: Collection[str],
    variables: Mapping[str, str],
    needs_registry: bool,
) -> Iterator[Complaint]:
    """Every such problem, with its place, in cdml.yaml as it was written, variables put in."""
    yield from _about_kind(document, TARGET, target_types(), targets)
    if at(document, *TRAFFIC) is not None:
        yield from _about_kind(document, TRAFFIC, traffic_types(), traffic_types())
    if at(document, *FEATURES) is not None:
        yield from _about_kind(
            document, FEATURES, feature_store_types(), feature_store_types(),
            shared=FeaturesSettings.model_fields,
        )  # fmt: skip
    if at(document, "deploy", "canary") is not None:
        yield from _about_splitting(document)
    yield from _about_data_checks(document)
    uri = at(document, *REGISTRY_PLACE)
    address = uri if isinstance(uri, Address) else Address(str(uri or DEFAULT_REGISTRY))
    if needs_registry and has_no_registry(address, variables):
        yield REGISTRY_PLACE, NO_REGISTRY
    try:
        urlsplit(reveal(address))
    except ValueError as error:
        yield REGISTRY_PLACE, mask(f"is not a valid address: {error}", address)
    unread = registry_problem(reveal(address))
    if unread is not None:
        yield REGISTRY_PLACE, mask(unread, address)
    yield from gate_complaints(document)
    yield from rule_complaints(document)
    yield from threshold_complaints(document)
    yield from _about_features(document)


def _about_features(document: Mapping[str, Any]) -> Iterator[Complaint]:
    """Inputs that a model could not be given before the outcome, or that only identify a row."""
    features, key = at(document, "data", "features"), at(document, "data", "key")
    label = at(document, "data", "label")
    for number, name in enumerate(features if isinstance(features, list) else ()):
        place: KeyPath = ("data", "features", number)
        if str(name) == str(label):
            yield place, f"{name} is the label and cannot be an input"
        elif isinstance(key, list) and str(name) in map(str, key):
            yield place, f"{name} is part of the key, which identifies rows, and cannot be an input"


def _about_kind(
    document: Mapping[str, Any], place: KeyPath, kinds: Kinds[Any], names: Collection[str],
    shared: Collection[str] = (),
) -> Iterator[Complaint]:  # fmt: skip
    """The type at a place, and the settings next to it that are not `shared` by all types."""
    written = at(document, *place)
    settings = dict(written) if isinstance(written, dict) else {}
    name = str(settings.pop("type", _DEFAULT_TYPES.get(place, "")))
    settings = {key: value for key, value in settings.items() if key not in shared}
    if name and name not in names:
        yield (*place, "type"), describe_unknown(kinds.word, name, names)
    for inner, message in kinds.problems(name, settings):
        yield (*place, *inner), message


def _about_data_checks(document: Mapping[str, Any]) -> Iterator[Complaint]:
    kinds, checks = data_check_types(), at(document, "data", "checks")
    for name, settings in checks.items() if isinstance(checks, dict) else ():
        place: KeyPath = ("data", "checks", name)
        if name not in kinds:
            yield place, describe_unknown(kinds.word, str(name), kinds)
        for inner, message in kinds.problems(name, settings if isinstance(settings, dict) else {}):
            yield (*place, *inner), message


def _about_splitting(document: Mapping[str, Any]) -> Iterator[Complaint]:
    """A canary needs a target that splits traffic, and a source that shows what becomes of it."""
    name = str(at(document, *TARGET, "type") or "registry")
    source = str(at(document, *TRAFFIC, "type") or "")
    kind = target_types().get(name)
    if kind is not None and kind.splits_traffic is False:
        problem = f"the target {name} switches all traffic at once and cannot split it"
        yield ("deploy", "canary"), f"{problem}; leave canary out, or choose another target"
    elif kind is not None and kind.splits_with and not at(document, *TARGET, kind.splits_with):
        steps = at(document, "deploy", "canary", "steps")
        if steps != [ALL]:
            problem = f"the target {name} splits traffic only with deploy.target.{kind.splits_with}"
            yield ("deploy", "canary", "steps"), f"{problem}; set it, or write steps: [100]"
    elif kind is not None and kind.traffic is not None and source not in ("", *kind.traffic):
        problem = f"{source} has no requests of the target {name}"
        yield (*TRAFFIC, "type"), f"{problem}; choose one of: {', '.join(kind.traffic)}"
