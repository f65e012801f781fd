"""What one key of cdml.yaml alone cannot tell: asked of the document, whatever else is wrong."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from cdml.config.model import DEFAULT_REGISTRY
from cdml.config.targets import problems
from cdml.core import metrics
from cdml.core.marked import Place
from cdml.core.metrics import Family, Loss, Metric, Task
from cdml.core.names import unknown

REGISTRY_PLACE: Place = ("registry", "uri")
NO_REGISTRY = (
    "is empty or left to its default, which in CI is a registry that has no champion: every model"
    " would be the first; set it (an unset secret is empty)"
)
_UNSPLIT = ("registry",)
"""Our own targets that cannot split traffic; others are asked when they are made."""
_NEEDS: Mapping[str, Callable[[Metric], bool]] = {
    "cost": lambda metric: metric.loss is Loss.COLUMN and metric.column is None,
    "sensitive": lambda metric: metric.family is Family.FAIRNESS,
}
"""Keys of `data` that some metrics cannot do without."""

Complaint = tuple[Place, str]


def has_no_registry(uri: str, variables: Mapping[str, str]) -> bool:
    """Whether a CI run would ask a registry that is made for it and thrown away."""
    return uri == DEFAULT_REGISTRY and variables.get("CI", "") not in ("", "false")


def complaints(
    document: Mapping[str, Any],
    *,
    targets: Collection[str],
    registries: Collection[str],
    variables: Mapping[str, str],
    needs_registry: bool,
) -> Iterator[Complaint]:
    """Every such problem, with its place.

    Args:
        document: cdml.yaml as it was written, variables put in.
        targets, registries: the names that stand for something.
        variables: the process's environment.
        needs_registry: whether the registry will be asked.
    """
    yield from _about_target(_at(document, "deploy", "target"), targets)
    if _at(document, "deploy", "canary") is not None:
        target = _at(document, "deploy", "target", "type") or "registry"
        if target in _UNSPLIT:
            told = f"the target {target} cannot split traffic: its switch is one write"
            yield ("deploy", "canary"), f"{told}; leave canary out, or choose another target"
    uri = _at(document, *REGISTRY_PLACE)
    if needs_registry and has_no_registry(DEFAULT_REGISTRY if uri is None else str(uri), variables):
        yield REGISTRY_PLACE, NO_REGISTRY
    try:
        urlsplit(str(uri))
    except ValueError as error:
        yield REGISTRY_PLACE, f"is no address: {error}"
    scheme = str(uri or DEFAULT_REGISTRY).partition(":")[0].partition("+")[0]
    if scheme not in registries:
        yield REGISTRY_PLACE, unknown("registry", scheme, registries)
    yield from _about_metrics(document)


def _about_target(target: object, targets: Collection[str]) -> Iterator[Complaint]:
    place: Place = ("deploy", "target")
    written = target if isinstance(target, dict) else {}
    name = str(written.get("type", "registry"))
    if name not in targets:
        yield (*place, "type"), unknown("target", name, targets)
    settings = {key: value for key, value in written.items() if key != "type"}
    for inner, message in problems(name, settings):
        yield (*place, *inner), message


def _about_metrics(document: Mapping[str, Any]) -> Iterator[Complaint]:
    """Gates on metrics of another task; where the data has to tell the task, it is asked later."""
    said = _at(document, "data", "task")
    positive = _at(document, "data", "positive")
    task = Task.BINARY if said is None and positive is not None else said
    gates = document.get("gates")
    for number, gate in enumerate(gates if isinstance(gates, list) else ()):
        name = gate.get("metric") if isinstance(gate, dict) else None
        metric = metrics.find(name) if isinstance(name, str) else None
        if metric is None:
            continue
        for key, needs in _NEEDS.items():
            if needs(metric) and _at(document, "data", key) is None:
                yield ("gates", number, "metric"), f"{metric.name} needs data.{key}"
        if metric.tasks and task in list(Task) and task not in metric.tasks:
            tasks = " and ".join(sorted(metric.tasks))
            yield (
                ("gates", number, "metric"),
                f"{metric.name} is a metric of {tasks} models, and this is a {task} one",
            )


def _at(document: object, *place: int | str) -> object:
    for key in place:
        document = document.get(key) if isinstance(document, dict) else None
    return document
