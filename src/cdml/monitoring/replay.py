"""Whether another version does better than the serving one on the rows that it was judged by."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from cdml.common.rule_kinds import RuleKind
from cdml.common.scratch_folders import prefix as scratch_prefix
from cdml.common.suggest import describe_unknown
from cdml.common.verdict import Verdict
from cdml.config import LoadedConfig
from cdml.config.class_labels import closed_values
from cdml.config.monitoring import MonitoringSettings
from cdml.data.odcs.load import load_contract
from cdml.errors import InputError
from cdml.evaluation.score_model import Identity, identify, predict
from cdml.evaluation.task import layout
from cdml.evidence.criterion import Criterion
from cdml.gates.comparisons import MeasuredRule, judge_comparisons
from cdml.journal.records import Release
from cdml.monitoring.columns import columns_of
from cdml.monitoring.feeds import open_feeds
from cdml.monitoring.ports import MonitoringPorts
from cdml.monitoring.state import PeriodState, RuleState
from cdml.monitoring.windows import WINDOW_COLUMN, Grid, ServedRows, WindowQuery
from cdml.statistics import engine, sample_size
from cdml.statistics.metrics import FEWEST_CLUSTERS, Metric
from cdml.tables.table import Table

MOST_WINDOWS = 28
"""Closed windows that are replayed, the last ones."""
MOST_ROWS = 100_000
"""Rows that are replayed; of more, a fixed sample."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayResult:
    """Whether the other version is proven better in every metric that degraded, in words too."""

    better: bool
    reason: str


def share_of_error(confidence: float, number: int) -> float:
    """The k-th comparison's part of the chance of error: 1 / (k (k + 1)), in all at most 1."""
    return (1 - confidence) / (number * (number + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Scores two versions on logged rows, in the scorer's processes, and compares them."""

    loaded: LoadedConfig
    settings: MonitoringSettings
    ports: MonitoringPorts
    grid: Grid
    starts: tuple[datetime, ...]

    def compare(self, period: PeriodState, release: Release, *, number: int) -> ReplayResult:
        """Compare a release with the version of the period that serves.

        `number` counts the comparisons for this degradation, from 1. Its metrics share the chance
        of error.

        Raises:
            InputError: the log lacks what the models read, there are too few windows, or a model
                is not what it was.
            ServiceError: the registry does not answer.
        """
        rules = [one for one in period.rules if one.degraded and one.part is None]
        metrics = [_comparable(rule) for rule in rules]
        if not self.settings.independent_rows and period.judged_windows < FEWEST_CLUSTERS:
            raise InputError(
                f"A comparison with v{release.version} needs {FEWEST_CLUSTERS} judged windows;"
                f" there are {period.judged_windows}."
            )
        error = share_of_error(self.loaded.config.policy.confidence, number)
        confidence = 1 - error / len(rules)
        contract = load_contract(self.loaded, self.loaded.config.data.contract)
        with (
            closed_values(contract.classified, label=self.loaded.config.data.label),
            tempfile.TemporaryDirectory(prefix=scratch_prefix("cdml-replay")) as work,
        ):
            before = self._identify(release.version, release.digest)
            serving = self._identify(period.version, period.digest)
            loaded, table = self._rows(period, (before, serving), Path(work))
            return self._judge(loaded, table, (before, serving), metrics, confidence, Path(work))

    def _identify(self, version: str, digest: str) -> Identity:
        identity = identify(
            f"models:/{self.loaded.config.model}/{version}", self.loaded, self.ports
        )
        if identity.model.digest != digest:
            raise InputError(
                f"The files of v{version} are not those that the journal records, so it was not"
                " compared."
            )
        return identity

    def _rows(
        self, period: PeriodState, models: Sequence[Identity], work: Path
    ) -> tuple[LoadedConfig, Table]:
        """The labelled rows of the last windows, and the configuration by which they are read."""
        config, last = self.loaded.config, period.next_window - 1
        first = max(last - MOST_WINDOWS + 1, self.grid.number(period.since))
        tables, start = self.ports.tables, self.grid.start(first)
        feeds = open_feeds(self.loaded, self.settings, tables, since=start)
        predictions, labels = feeds.predictions.table, feeds.labels
        if predictions is None or labels is None or labels.table is None:
            raise InputError("Without predictions and labels, nothing can be compared.")
        layout_ = layout(config, labels.table.fields)
        query = WindowQuery(
            columns=columns_of(config, self.settings, predictions, layout_, (), period.classes),
            grid=self.grid,
            first=first,
            last=last,
            starts=self.starts,
            figures=(),
        )
        served = ServedRows(
            version=period.version,
            columns=self._inputs(predictions, models),
            min_labelled=self.settings.min_labelled,
            most=MOST_ROWS,
        )
        path = work / "rows.parquet"
        if not self.ports.prediction_log.export(predictions, labels.table, query, served, path):
            raise InputError(f"No labelled predictions of v{period.version} can be replayed.")
        cluster = None if self.settings.independent_rows else WINDOW_COLUMN
        data = config.data.model_copy(
            update={
                "evaluation": str(path), "reference": None, "key": self.settings.key,
                "trial": None, "error": (), "slices": (), "weight": None, "cluster": cluster,
                "sensitive": None, "cost": None, "time": None, "group": None,
            }
        )  # fmt: skip
        deploy = config.deploy.model_copy(update={"known_rows": 0})
        copied = config.model_copy(update={"data": data, "deploy": deploy})
        return replace(self.loaded, config=copied), self.ports.tables.open(str(path))

    def _inputs(self, predictions: Table, models: Sequence[Identity]) -> tuple[str, ...]:
        """The logged columns that the models read.

        Raises:
            InputError: the log lacks one, or a model does not name them.
        """
        config, there = self.loaded.config, [field.name for field in predictions.fields]
        names: dict[str, None] = {}
        for one in models:
            described, version = one.described, f"v{one.model.version}"
            inputs = described.inputs or config.data.features
            if inputs is None:
                raise InputError(
                    f"{version} does not name its inputs, so nobody can tell whether the log has"
                    " them. Log models with a signature, or set data.features."
                )
            required = inputs if described.inputs is None else described.required
            missing = [name for name in required if name not in there]
            if missing:
                raise InputError(
                    f"{predictions.ref.uri} lacks what {version} reads:"
                    f" {describe_unknown('column', missing[0], there)} Log the model's inputs with"
                    " its predictions."
                )
            names |= dict.fromkeys(name for name in inputs if name in there)
        return tuple(name for name in names if name != config.data.label)

    def _judge(
        self,
        loaded: LoadedConfig,
        table: Table,
        models: tuple[Identity, Identity],
        metrics: Sequence[Metric],
        confidence: float,
        work: Path,
    ) -> ReplayResult:
        logs = (self.settings.predictions, self.settings.labels or self.settings.predictions)
        before, serving = (
            predict(
                one,
                loaded,
                table,
                self.ports,
                into=work / f"{side}.parquet",
                role=f"v{one.model.version}",
                hidden=logs,
            ).predictions
            for side, one in zip(("before", "serving"), models, strict=True)
        )
        samples = self.ports.samples
        columns = layout(loaded.config, samples.columns(before))
        [part, *_] = samples.reduce(before, serving, columns, tuple(metrics))
        measured = []
        for metric in metrics:
            sample = part.sample(metric)
            rule = Criterion(
                metric=metric.name,
                kind=RuleKind.SUPERIORITY,
                margin=0.0,
                greater_is_better=metric.greater_is_better,
            )
            measured.append(
                MeasuredRule(
                    metric=metric,
                    rule=rule,
                    rows=part.rows,
                    counted=sample_size.counted(metric, sample),
                    clusters=sample_size.clusters(sample),
                    measured=engine.compare(metric, sample),
                )
            )
        policy = loaded.config.policy.model_copy(
            update={"confidence": confidence, "on_inconclusive": "hold"}
        )
        gates = judge_comparisons(measured, policy)
        better = all(gate.verdict is Verdict.PASS for gate in gates)
        versions = [f"v{one.model.version}" for one in models]
        proven = "is proven better than" if better else "is not proven better than"
        reasons = " ".join(gate.reason for gate in gates)
        return ReplayResult(
            better=better,
            reason=f"On the same {part.rows:,} rows, {versions[0]} {proven} {versions[1]}."
            f" {reasons}",
        )


def _comparable(rule: RuleState) -> Metric:
    metric = rule.figure.metric
    if metric.column is not None:
        raise InputError(
            f"{metric.name} is a figure of the log and not of the model, so no other version can be"
            " compared by it."
        )
    return metric
