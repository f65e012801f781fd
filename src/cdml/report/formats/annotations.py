"""The verdict, and the line of cdml.yaml of each gate that did not pass."""

from collections.abc import Iterator
from typing import Literal

from cdml.ci.run import Annotation
from cdml.common import markdown
from cdml.common.verdict import Verdict
from cdml.config import Config, LoadedConfig
from cdml.report.formats.combined import worst_first
from cdml.report.report_formats import ReportContent
from cdml.report.rows import GateRow, not_passed, severity
from cdml.report.view import View
from cdml.statistics import metrics

MAX_ANNOTATIONS = 10

_LEVELS: dict[Verdict, Literal["error", "warning", "notice"]] = {
    Verdict.PASS: "notice",
    Verdict.WARN: "warning",
    Verdict.INCONCLUSIVE: "warning",
    Verdict.FAIL: "error",
}


def report_annotations(content: ReportContent) -> list[Annotation]:
    """Those of one model; of several the first of each, worst first."""
    if content.only is not None:
        return list(annotations(content.only, content.loaded))
    return [annotations(one.view, content.loaded)[0] for one in worst_first(content.entries)]


def annotations(view: View, loaded: LoadedConfig | None) -> tuple[Annotation, ...]:
    """What to show next to the code, at most as many as GitHub shows of one step."""
    title, _, meaning = view.headline.partition(": ")
    first = Annotation(
        level=_LEVELS[view.verdict],
        title=markdown.clean(f"cdml: {title}", markdown.SHORT),
        message=markdown.clean(" ".join((f"{meaning}.", *view.points, *_unfinished(view)))),
    )
    gates = () if loaded is None else tuple(_of_gates(view, loaded))
    return (first, *gates)[:MAX_ANNOTATIONS]


def _unfinished(view: View) -> Iterator[str]:
    yield from (line for one in view.failures for line in one.lines)
    yield from (f"{command} left no evidence." for command in view.missing)


def _of_gates(view: View, loaded: LoadedConfig) -> Iterator[Annotation]:
    """One for each gate of cdml.yaml that did not pass everywhere, worst first."""
    bad = [row for row in (*view.gates, *view.slices) if not_passed(row)]
    reported: set[int] = set()
    for row in sorted(bad, key=severity, reverse=True):
        index = _gate(row, loaded.config)
        if row.verdict is None or index is None or index in reported:
            continue
        reported.add(index)
        yield Annotation(
            level=_LEVELS[row.verdict],
            title=markdown.clean(f"{row.metric}: {row.rule}", markdown.SHORT),
            message=markdown.clean(row.reason),
            file=str(loaded.path),
            line=loaded.lines.get(("gates", index)),
        )


def _gate(row: GateRow, config: Config) -> int | None:
    """Which gate of the configuration a row belongs to; None where it is not from there."""
    candidates = []
    for index, gate in enumerate(config.gates):
        metric = metrics.find_metric(gate.metric)
        if (metric.name if metric else gate.metric) == row.metric:
            is_reported = getattr(gate, row.kind.value) is not None
            candidates.append((not is_reported, index))
    return min(candidates)[1] if candidates else None
