"""The old address of the protocols that targets, registries and platforms implement.

They moved to the stages that need them. Importing one from here works for one release.
"""

import warnings
from importlib import import_module
from typing import Any

_MOVED = {
    "Annotation": "cdml.ci.run:Annotation",
    "Answer": "cdml.delivery.target:ServerAnswer",
    "Behaviour": "cdml.ci.code_host:Behaviour",
    "Clock": "cdml.common.clock:Clock",
    "Commit": "cdml.ci.code_host:Commit",
    "GateSigns": "cdml.ci.code_host:GateSigns",
    "Journal": "cdml.journal.port:Journal",
    "Layout": "cdml.evaluation.prediction_store:Layout",
    "Measurer": "cdml.evaluation.metric_runner:Measurer",
    "MetricJob": "cdml.evaluation.metric_runner:MetricJob",
    "ModelVersion": "cdml.models.registry:ModelVersion",
    "Moved": "cdml.journal.port:Moved",
    "PairedRows": "cdml.evaluation.prediction_store:PairedRows",
    "Part": "cdml.evaluation.prediction_store:PredictionSlice",
    "Platform": "cdml.ci.run:CiRun",
    "Progress": "cdml.common.progress:Progress",
    "PullRequest": "cdml.ci.code_host:PullRequest",
    "PushedCommit": "cdml.ci.code_host:PushedCommit",
    "Registry": "cdml.models.registry:Registry",
    "Samples": "cdml.evaluation.prediction_store:Samples",
    "Scored": "cdml.evaluation.scorer:Scored",
    "Scorer": "cdml.evaluation.scorer:Scorer",
    "ScoringJob": "cdml.evaluation.scorer:ScoringJob",
    "Serving": "cdml.delivery.target:Serving",
    "Share": "cdml.delivery.target:TrafficShare",
    "Slots": "cdml.delivery.traffic:ServerLabels",
    "Snapshot": "cdml.journal.port:Snapshot",
    "SplittingTarget": "cdml.delivery.target:SplittingTarget",
    "Step": "cdml.common.progress:ProgressStep",
    "Table": "cdml.tables.table:Table",
    "Tables": "cdml.tables.table:Tables",
    "Target": "cdml.delivery.target:Target",
    "Thread": "cdml.ci.code_host:Thread",
    "Traffic": "cdml.delivery.traffic:Traffic",
    "Training": "cdml.models.registry:Training",
    "Warned": "cdml.ci.code_host:Warned",
    "Webhook": "cdml.delivery.ports:Webhook",
}
"""Where each name is now."""


def __getattr__(name: str) -> Any:
    """The protocol of that name, with a warning that says where it is.

    Raises:
        AttributeError: there has never been one.
    """
    if name not in _MOVED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, new = _MOVED[name].partition(":")
    warnings.warn(
        f"cdml.ports.{name} has moved to {module}.{new}; cdml.ports will be removed in the"
        " next release.",
        DeprecationWarning,
        stacklevel=2,
    )
    return getattr(import_module(module), new)
