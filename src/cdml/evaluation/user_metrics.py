"""Metrics that are functions of the user's."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cdml.common.scratch_folders import prefix as scratch_prefix
from cdml.config import Loaded
from cdml.evaluation.metric_runner import MetricJob
from cdml.evaluation.ports import EvaluationPorts
from cdml.evaluation.prediction_store import Layout, Part
from cdml.statistics.metrics import Family, Metric

if TYPE_CHECKING:  # numpy is not there where nothing is measured
    from cdml.statistics.samples import Replicates, Sample


def with_custom(
    parts: tuple[Part, ...],
    metrics: Sequence[Metric],
    layout: Layout,
    *,
    challenger: Path,
    champion: Path | None,
    loaded: Loaded,
    ports: EvaluationPorts,
) -> tuple[Part, ...]:
    """The same parts, that also answer for the user's own metrics among these.

    Args:
        parts: as the predictions were reduced to; of the first one alone, no slice is measured.
        metrics: what will be asked for.
        layout: what the predictions were reduced by.
        challenger, champion: the predictions; None for one model alone.
        loaded: the configuration.
        ports: the world.

    Raises:
        InputError: a function cannot be had, or fails on all rows.
        ConfigurationError: rows have weights, and a function takes none.
    """
    names = tuple(dict.fromkeys(one.name for one in metrics if one.family is Family.CUSTOM))
    if not names:
        return parts
    with tempfile.TemporaryDirectory(
        prefix=scratch_prefix("cdml-rows"), ignore_cleanup_errors=True
    ) as work:
        from cdml.evaluation.score_model import interpreter  # brings what scoring needs

        asked = layout if parts[1:] else replace(layout, slices=())
        rows = ports.samples.rows(challenger, champion, asked, Path(work) / "rows.parquet")
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
        found = ports.measurer.measure(job, ports.progress)
    return tuple(
        _added(part, {name: found[name][at] for name in names}) for at, part in enumerate(parts)
    )


def _added(part: Part, known: "dict[str, Replicates]") -> Part:
    def sample(metric: Metric) -> "Sample":
        return known[metric.name] if metric.name in known else part.sample(metric)

    return replace(part, sample=sample)
