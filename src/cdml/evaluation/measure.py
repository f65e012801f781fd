"""One model's figures, slice by slice: built-in metrics and the user's own."""

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cdml.common.counts import count
from cdml.common.progress import Progress
from cdml.common.scratch_folders import prefix as scratch_prefix
from cdml.config import LoadedConfig
from cdml.errors import ConfigurationError
from cdml.evaluation.judges import Judges
from cdml.evaluation.metric_runner import MetricJob
from cdml.evaluation.ports import EvaluationPorts
from cdml.evaluation.prediction_store import OTHER, Layout, PredictionSlice, PredictionValue
from cdml.evaluation.scored_model import ScoredModel, named_by_address
from cdml.evidence.interval import Interval
from cdml.evidence.schema import MetricValue
from cdml.statistics import engine
from cdml.statistics.curves import MOST_SCORES
from cdml.statistics.difference import Level
from cdml.statistics.interval import ConfidenceInterval, Unmeasured
from cdml.statistics.metrics import METRICS, Metric, Statistic
from cdml.statistics.samples import Timings

if TYPE_CHECKING:  # numpy is not there where nothing is measured
    from cdml.statistics.samples import Replicates, Sample


NO_OPERATION = "it can only be measured by scoring the model, and only predictions were given"


def sampled_metrics(metrics: Sequence[Metric]) -> tuple[Metric, ...]:
    """Those whose statistics the predictions are reduced to, each once."""
    return tuple(
        metric for metric in row_metrics(metrics) if metric.family.reads is not Statistic.REPLICATES
    )


def row_metrics(metrics: Sequence[Metric]) -> tuple[Metric, ...]:
    """Those that are measured of rows, each once."""
    by_name = {metric.name: metric for metric in metrics if metric.of_rows}
    return tuple(by_name.values())


def reduce_models(
    challenger: ScoredModel,
    champion: ScoredModel | None,
    layout: Layout,
    metrics: Sequence[Metric],
    ports: EvaluationPorts,
) -> tuple[PredictionSlice, ...]:
    """The statistics of one model's predictions or of two models', where these are.

    Raises as `PredictionStore.reduce` and `TableSamples.reduce`.
    """
    with named_by_address(challenger, champion):
        if challenger.table is not None:
            second = champion.table if champion else None
            return ports.table_samples.reduce(
                challenger.table, second, layout, row_metrics(metrics)
            )
        return ports.samples.reduce(
            challenger.predictions,
            champion.predictions if champion else None,
            layout,
            sampled_metrics(metrics),
        )


def describe_memory(
    contender: ScoredModel, metrics: Sequence[Metric], rows: int, *, weighted: bool
) -> str:
    """What holds rows in memory, for whoever waits; empty where nothing does."""
    if contender.table is not None:
        return ""
    if weighted:
        return f"; weights and clusters hold {rows:,} rows in memory"
    ordered = sorted({m.name for m in metrics if m.family.reads is Statistic.SCORES})
    if not ordered:
        return ""
    if rows > MOST_SCORES and ordered != ["roc_auc_ovr"]:
        return f"; the scores of {rows:,} rows are sorted on the disk"
    verb = "holds" if len(ordered) == 1 else "hold"
    return f"; {', '.join(ordered)} {verb} the scores of {rows:,} rows in memory"


def describe_proof(model: ScoredModel, ports: EvaluationPorts) -> tuple[str, ...]:
    """What the database of a table of predictions has proven, in a sentence; none of a file."""
    return ports.table_samples.describe_proof(model.table) if model.table else ()


def describe_grouping(parts: Sequence[PredictionSlice], most: int) -> tuple[str, ...]:
    """Which slice columns have more values than stand alone, in sentences.

    Of a column, `most` values stand alone.
    """
    named = [
        column
        for part in parts
        for column, value in (part.slice or {}).items()
        if value is not None
    ]
    return tuple(
        f"{column} has more than {most:,} values: the {most:,} most frequent are judged one by"
        f" one, the others together as {OTHER!r} (data.max_slices)."
        for column, values in Counter(named).items()
        if values > most
    )


def measure(
    parts: Sequence[PredictionSlice],
    metrics: Sequence[Metric],
    contender: ScoredModel,
    confidence: float,
    progress: Progress,
    *,
    weighted: bool = False,
    judges: Judges | None = None,
) -> tuple[MetricValue, ...]:
    """Every metric on every part; what has no value says why.

    Size and latencies of the contender are figures of all rows, which are the first part.
    """
    values: list[MetricValue] = []
    of_rows = row_metrics(metrics)
    label = f"measuring {count(len(of_rows), 'metric')} on {count(len(parts), 'part')} of the data"
    label += describe_memory(contender, of_rows, parts[0].rows, weighted=weighted)
    with progress.step(label, len(parts)) as step:
        for part in parts:
            for metric in of_rows:
                sample = part.sample(metric)
                value = _value(
                    metric, engine.measure(metric, sample, confidence), part.rows, part.slice
                )
                judge = judges and judges.record(metric, sample, overall=part.slice is None)
                values.append(value.model_copy(update={"judge": judge}) if judge else value)
            step.advance()
    return (*values, *_operations(metrics, contender, parts[0].rows, confidence))


def _value(
    metric: Metric,
    level: Level | Unmeasured,
    rows: int,
    part: Mapping[str, PredictionValue] | None = None,
) -> MetricValue:
    name, column = metric.name, None if part is None else dict(part)
    if isinstance(level, Unmeasured):
        return MetricValue(metric=name, slice=column, rows=rows, value=None, reason=level.reason)
    interval, reason = None, None
    if isinstance(level.interval, ConfidenceInterval):
        interval = Interval.from_interval(level.interval)
    else:
        reason = level.interval.reason
    return MetricValue(
        metric=name, slice=column, rows=rows, value=level.value, interval=interval, reason=reason
    )


def operation(metric: Metric, contender: ScoredModel) -> float | Timings | None:
    """What is known of a model's process; None where only its predictions are given."""
    if metric.family.reads is Statistic.TIMINGS:
        return Timings.pair(contender.latency_ms) if contender.latency_ms else None
    return contender.operations.get(metric.name)


def require_operations(metrics: Sequence[Metric], *models: ScoredModel) -> None:
    """Refuse gates of a model's process where only a file of results is given.

    Raises:
        ConfigurationError: a metric among these can never be measured of one of the models.
    """
    for model in models:
        names = [one.name for one in metrics if not one.of_rows and operation(one, model) is None]
        if names:
            raise ConfigurationError(
                f"{', '.join(dict.fromkeys(names))}: measured only while cdml scores a model, and"
                f" {model.model.uri} is a file of results.",
                "Put the figure in a column of both files and gate its mean, such as"
                " mean(latency_ms), or give the models themselves.",
            )


def _operations(
    metrics: Sequence[Metric], contender: ScoredModel, rows: int, confidence: float
) -> Iterator[MetricValue]:
    by_name = {metric.name: metric for metric in metrics if not metric.of_rows}
    usual = _USUAL if contender.latency_ms else ()
    for name in (*usual, *contender.operations):
        by_name.setdefault(name, METRICS[name])
    for metric in by_name.values():
        measured = operation(metric, contender)
        if measured is None:
            yield MetricValue(metric=metric.name, rows=rows, value=None, reason=NO_OPERATION)
        elif isinstance(measured, Timings):
            yield _value(metric, engine.measure(metric, measured, confidence), measured.rows)
        else:
            yield MetricValue(metric=metric.name, rows=rows, value=measured)


_USUAL = ("latency_p50_ms", "latency_p95_ms")


def add_user_metrics(
    parts: tuple[PredictionSlice, ...],
    metrics: Sequence[Metric],
    layout: Layout,
    *,
    challenger: Path,
    champion: Path | None,
    loaded: LoadedConfig,
    ports: EvaluationPorts,
) -> tuple[PredictionSlice, ...]:
    """The same parts, that also answer for the user's own metrics among these.

    Of the first part alone, no slice is measured.

    Raises:
        InputError: a function cannot be had, or fails on all rows.
        ConfigurationError: rows have weights, and a function takes none.
    """
    names = tuple(
        dict.fromkeys(one.name for one in metrics if one.family.reads is Statistic.REPLICATES)
    )
    if not names:
        return parts
    with tempfile.TemporaryDirectory(
        prefix=scratch_prefix("cdml-rows"), ignore_cleanup_errors=True
    ) as work:
        from cdml.evaluation.score_model import interpreter  # brings what scoring needs

        layout_used = layout if parts[1:] else replace(layout, slices=())
        rows = ports.samples.rows(challenger, champion, layout_used, Path(work) / "rows.parquet")
        if rows.parts != tuple(part.slice for part in parts):
            raise AssertionError("the rows fall into other parts than their statistics")
        job = MetricJob(
            folder=loaded.folder,
            metrics=names,
            rows=rows,
            parts=len(parts),
            environment=interpreter(loaded),
            timeout=loaded.config.scoring.timeout,
        )
        replicates = ports.measurer.measure(job, ports.progress)
    return tuple(
        _added(part, {name: replicates[name][at] for name in names})
        for at, part in enumerate(parts)
    )


def _added(part: PredictionSlice, replicates: "dict[str, Replicates]") -> PredictionSlice:
    def sample(metric: Metric) -> "Sample":
        return replicates[metric.name] if metric.name in replicates else part.sample(metric)

    return replace(part, sample=sample)
