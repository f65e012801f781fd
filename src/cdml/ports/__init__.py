"""What the flows ask of the world. Each port has its adapters, a fake and one contract suite."""

from cdml.ci.code_host import (
    Behaviour,
    Commit,
    GateSigns,
    PullRequest,
    PushedCommit,
    Thread,
    Warned,
)
from cdml.ci.run import Annotation, Platform
from cdml.common.clock import Clock
from cdml.common.progress import Progress, Step
from cdml.delivery.hooks import Execute
from cdml.delivery.target import Answer, Serving, Share, SplittingTarget, Target
from cdml.delivery.traffic import Slots, Traffic
from cdml.delivery.webhook import Webhook
from cdml.evaluation.metric_runner import Measurer, MetricJob
from cdml.evaluation.prediction_store import Layout, PairedRows, Part, Samples
from cdml.evaluation.scorer import Scored, Scorer, ScoringJob
from cdml.journal.port import Journal, Moved, Snapshot
from cdml.models.registry import ModelVersion, Registry, Training
from cdml.ports.ports import Host, Ports
from cdml.tables.table import Table, Tables

__all__ = [
    "Annotation",
    "Answer",
    "Behaviour",
    "Clock",
    "Commit",
    "Execute",
    "GateSigns",
    "Host",
    "Journal",
    "Layout",
    "Measurer",
    "MetricJob",
    "ModelVersion",
    "Moved",
    "PairedRows",
    "Part",
    "Platform",
    "Ports",
    "Progress",
    "PullRequest",
    "PushedCommit",
    "Registry",
    "Samples",
    "Scored",
    "Scorer",
    "ScoringJob",
    "Serving",
    "Share",
    "Slots",
    "Snapshot",
    "SplittingTarget",
    "Step",
    "Table",
    "Tables",
    "Target",
    "Thread",
    "Traffic",
    "Training",
    "Warned",
    "Webhook",
]
