"""Judges' scores that human labels correct: what was used and checked, for the evidence."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cdml.config import LoadedConfig
from cdml.config.schema import AnchorSettings, JudgeSettings
from cdml.evaluation.ports import EvaluationPorts
from cdml.evaluation.prediction_store import Layout
from cdml.evaluation.scored_model import read_predictions
from cdml.evidence.interval import Difference
from cdml.evidence.judges import (
    AgreementRecord,
    AnchorRecord,
    JudgedModel,
    JudgeRecord,
    LabelTest,
    StyleRecord,
)
from cdml.gates.judges import unfit_judge
from cdml.gates.rules import metric_of_gate
from cdml.results import selection
from cdml.statistics.cases.case_scores import compare_judged, judged_cases, measure_judged
from cdml.statistics.difference import Level, Paired, Side
from cdml.statistics.interval import ConfidenceInterval, Unmeasured, finite
from cdml.statistics.judges.agreement import Measure, measure_agreement
from cdml.statistics.judges.judge_drift import JudgeDrift, judge_drift
from cdml.statistics.judges.label_sample import check_label_sample
from cdml.statistics.judges.prediction_powered import JudgedCases
from cdml.statistics.judges.style_bias import style_bias
from cdml.statistics.metrics import Metric, Task
from cdml.statistics.samples import CaseScores, Floats, Sample

_MODELS: tuple[JudgedModel, ...] = ("challenger", "champion")
_MEASURES = {
    "kappa": Measure.KAPPA,
    "quadratic": Measure.QUADRATIC,
    "alpha": Measure.ALPHA,
    None: None,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judges:
    """The judges of a configuration, by the name of their metric."""

    settings: Mapping[str, JudgeSettings]
    anchors: Mapping[str, AnchorRecord]
    styles: Mapping[str, str]
    confidence: float

    def record(self, metric: Metric, sample: Sample, *, overall: bool) -> JudgeRecord | None:
        """What labels did to one part of the data; None for a metric without labels."""
        if metric.corrected_by is None or not isinstance(sample, CaseScores) or not sample.labels:
            return None
        compared = sample.champion is not None
        corrected = (
            compare_judged(metric, sample)
            if compared
            else measure_judged(metric, sample, self.confidence)
        )
        labelled = sample.labelled or 0
        record = JudgeRecord(
            corrected_by=metric.corrected_by,
            labelled=labelled,
            unlabelled=sample.rows - labelled,
            labels=sample.labels,
        )
        if isinstance(corrected, Unmeasured):
            return record
        update: dict[str, object] = {
            "weight": corrected.weight,
            "width": _width(corrected.value, self.confidence),
            "width_of_labels": _width(corrected.labels_alone, self.confidence),
        }
        cases = judged_cases(metric, sample)
        if overall and isinstance(cases, JudgedCases):
            update |= {
                "sample": tuple(_sample(cases, sample)),
                "agreement": tuple(self._agreement(metric, cases)),
                "styles": tuple(self._styles(cases, sample)) if compared else (),
                "anchors": self.anchors.get(metric.name),
            }
        record = record.model_copy(update=update)
        if not overall:
            return record
        unfit = unfit_judge(record, self.settings.get(metric.name)) or None
        return record.model_copy(update={"unfit": unfit})

    def _agreement(self, metric: Metric, cases: JudgedCases) -> Iterator[AgreementRecord]:
        settings = self.settings.get(metric.name) or JudgeSettings()
        for model, people, judge in zip(_MODELS, cases.human.T, cases.judge.T, strict=False):
            scored = np.isfinite(people)
            measure, level = measure_agreement(
                people[scored],
                judge[scored],
                _MEASURES[settings.agreement],
                2 * self.confidence - 1,
            )
            measured = None if isinstance(level, Unmeasured) else level
            interval = measured.interval if measured else level
            bounded = interval if isinstance(interval, ConfidenceInterval) else None
            yield AgreementRecord(
                model=model,
                measure=measure,
                value=measured.value if measured else None,
                lower=finite(bounded.low) if bounded else None,
                confidence=self.confidence,
                reason=interval.reason if isinstance(interval, Unmeasured) else None,
            )

    def _styles(self, cases: JudgedCases, sample: CaseScores) -> Iterator[StyleRecord]:
        case = np.tile(np.arange(len(cases.judge)), 2)
        challenger = np.repeat([True, False], len(cases.judge))
        for name, columns in sample.styles.items():
            style: Floats = columns.T.ravel()
            held = np.isfinite(style)
            bias = style_bias(
                cases.judge.T.ravel()[held],
                challenger[held],
                style[held],
                case[held],
                self.confidence,
            )
            which = "length" if name == "length" else "position"
            if isinstance(bias, Unmeasured):
                yield StyleRecord(
                    style=which, column=self.styles[name], slope=None, reason=bias.reason
                )
                continue
            yield StyleRecord(
                style=which,
                column=self.styles[name],
                slope=_difference(bias.slope),
                p_value=bias.p_value,
                as_scored=_difference(bias.difference),
                adjusted=_difference(bias.adjusted),
                could_explain=bias.could_explain,
            )


def find_judges(loaded: LoadedConfig, ports: EvaluationPorts, layout: Layout) -> Judges:
    """The judges that gates name, each checked on its anchors.

    Raises:
        InputError: anchors cannot be read, or the two files hold different ones.
    """
    config = loaded.config
    settings = {metric_of_gate(one).name: one.judge for one in config.gates if one.judge}
    anchors = {
        name: _read_anchors(name, one.anchors, loaded, ports)
        for name, one in settings.items()
        if one.anchors is not None
    }
    return Judges(
        settings=settings,
        anchors=anchors,
        styles=layout.styles,
        confidence=config.policy.confidence,
    )


def _read_anchors(
    name: str, settings: AnchorSettings, loaded: LoadedConfig, ports: EvaluationPorts
) -> AnchorRecord:
    config = loaded.config
    now, before = (
        read_predictions(Path(loaded.locate(file)), loaded, ports, side)
        for file, side in (
            (settings.now, selection.Side.NEW),
            (settings.before, selection.Side.OLD),
        )
    )
    gate = next(gate for gate in config.gates if metric_of_gate(gate).name == name)
    plain = metric_of_gate(gate.model_copy(update={"corrected_by": None, "judge": None}))
    layout = Layout(
        key=config.data.key,
        label=None,
        slices=(),
        task=Task.GENERATION,
        positive=None,
        max_slices=1,
        by_case=True,
    )
    [overall] = ports.samples.reduce(now, before, layout, (plain,))
    scores = overall.sample(plain)
    confidence = config.policy.confidence
    if not isinstance(scores, CaseScores) or scores.champion is None:
        raise AssertionError("anchors are read case by case")
    drift = judge_drift(
        scores.champion, scores.challenger, settings.tolerance, confidence, plain.range
    )
    if isinstance(drift, Unmeasured):
        return AnchorRecord(
            anchors=overall.rows, before=None, now=None, low=None, high=None,
            confidence=confidence, reason=drift.reason,
        )  # fmt: skip
    return _anchors(drift, overall.rows, confidence)


def _anchors(drift: JudgeDrift, anchors: int, confidence: float) -> AnchorRecord:
    low, high = (drift.paired.difference.bound(side, confidence) for side in Side)
    return AnchorRecord(
        anchors=anchors,
        before=drift.paired.champion,
        now=drift.paired.challenger,
        low=finite(low),
        high=finite(high),
        confidence=confidence,
        changed=drift.changed,
    )


def _sample(cases: JudgedCases, sample: CaseScores) -> Iterator[LabelTest]:
    tested = check_label_sample(cases.labelled, cases.judge, sample.categories)
    for name, p_value in tested.p_values.items():
        subject = f"the judge's {name}" if name not in sample.categories else name
        yield LabelTest(compared=subject, p_value=p_value)


def _difference(level: Level) -> Difference | None:
    if not isinstance(level.interval, ConfidenceInterval):
        return None
    return Difference.from_interval(level.interval, estimate=level.value)


def _width(value: Paired | Level, confidence: float) -> float | None:
    interval = (
        value.difference.interval(confidence) if isinstance(value, Paired) else value.interval
    )
    if not isinstance(interval, ConfidenceInterval):
        return None
    return finite(interval.high - interval.low)
