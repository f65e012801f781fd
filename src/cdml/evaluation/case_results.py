"""What two files of results say besides the gates: cases that changed, cost and latency, errors."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cdml.config import LoadedConfig
from cdml.data.odcs.load import load_contract
from cdml.evaluation.arrange import ArrangedModels
from cdml.evaluation.cases import ChangeQuery, case_plan
from cdml.evaluation.prediction_store import Layout, Samples
from cdml.evaluation.scored_model import ScoredModel
from cdml.evidence.cases import CaseResults, InstrumentErrors, UngatedFigure
from cdml.evidence.interval import Difference
from cdml.gates.rules import bound_rules, comparison_rules
from cdml.results import column_names as names
from cdml.statistics import engine
from cdml.statistics.interval import Unmeasured
from cdml.statistics.metrics import Metric, Task, find_metric
from cdml.tables.query import Field, LogicalType

MOST_TEXTS = 4
"""Columns of texts that are shown with a case."""
_LONGEST = 200
_MOST_SENTENCES = 20
_KINDS = {"cost": names.is_cost, "latency": names.is_latency, "tokens": names.is_tokens}


def describe_cases(
    loaded: LoadedConfig,
    samples: Samples,
    results: tuple[ScoredModel, ScoredModel],
    arranged: ArrangedModels,
) -> CaseResults | None:
    """From the results of challenger and champion, a row a trial; None where a model answered."""
    if arranged.champion is None or results[0].model.digest is not None:
        return None
    return _Description(loaded, samples, results, arranged, arranged.champion).described()


@dataclass(frozen=True, slots=True)
class _Description:
    loaded: LoadedConfig
    samples: Samples
    results: tuple[ScoredModel, ScoredModel]
    arranged: ArrangedModels
    champion: ScoredModel

    def described(self) -> CaseResults:
        metric = next((one for one in self._gated if one.column is not None), None)
        mine, theirs = (
            {field.name: field for field in self.samples.columns(model.predictions)}
            for model in self.results
        )
        data = self.loaded.config.data
        labels = {name for metric in self._gated for name in metric.labels or ()}
        purposes = {*data.row_key, *data.carried, data.label, *data.error, *labels}
        sides = [{n: f for n, f in one.items() if n not in purposes} for one in (mine, theirs)]
        expenses = {kind: _columns_of(kind, *sides) for kind in _KINDS}
        changed = None
        if metric is not None and metric.column is not None:
            query = self._query(metric, metric.column, mine)
            changed = self.samples.list_changes(
                self.arranged.challenger.predictions, self.champion.predictions, query
            )
        return CaseResults(
            changed=changed,
            figures=tuple(self._figures(expenses)),
            errors=self._errors() if data.error else (),
            not_measured=_shortened(
                [*_missing(expenses, *sides, anywhere=metric is not None), *self._ungated(*sides)]
            ),
        )

    @property
    def _gated(self) -> list[Metric]:
        config = self.loaded.config
        compared = [rule.metric for rule in comparison_rules(config)]
        return [*compared, *(rule.metric for rule in bound_rules(config))]

    def _query(self, metric: Metric, column: str, fields: dict[str, Field]) -> ChangeQuery:
        contract = load_contract(self.loaded, self.loaded.config.data.contract)
        listed = {one.name for one in contract.properties}
        show_keys = not contract.classified.intersection(self._key)
        plan = case_plan(self.loaded.config, show_keys=show_keys, compared=True)
        texts = [
            name
            for name, field in fields.items()
            if field.type is LogicalType.STRING and name not in plan.key
        ]
        links = (n for n in texts if names.is_link(n) and contract.may_disclose(n))
        return ChangeQuery(
            plan=plan,
            metric=metric.name,
            column=column,
            greater_is_better=metric.greater_is_better,
            results=(self.results[0].predictions, self.results[1].predictions),
            link=next(links, None),
            texts=tuple(
                name
                for name in texts
                if names.is_text(name) and name in listed and contract.may_disclose(name)
            )[:MOST_TEXTS],
        )

    @property
    def _key(self) -> tuple[str, ...]:
        return self.loaded.config.data.key

    def _figures(self, expenses: dict[str, Sequence[str]]) -> Iterator[UngatedFigure]:
        gated = {metric.column for metric in self._gated}
        totals = [columns[0] for columns in expenses.values() if columns]
        metrics = [find_metric(f"mean({name})") for name in totals if name not in gated]
        measured = tuple(metric for metric in metrics if metric is not None)
        if not measured:
            return
        [overall] = self.samples.reduce(
            self.arranged.challenger.predictions,
            self.champion.predictions,
            Layout(
                key=self._key, label=None, slices=(), task=Task.GENERATION, positive=None,
                max_slices=1, by_case=True, partial=True,
            ),
            measured,
        )  # fmt: skip
        for metric in measured:
            paired = engine.compare(metric, overall.sample(metric))
            if isinstance(paired, Unmeasured):
                yield UngatedFigure(
                    metric=metric.name, champion=None, challenger=None, difference=None,
                    reason=paired.reason,
                )  # fmt: skip
            else:
                interval = paired.difference.interval(self.loaded.config.policy.confidence)
                yield UngatedFigure(
                    metric=metric.name,
                    champion=paired.champion,
                    challenger=paired.challenger,
                    difference=Difference.from_interval(
                        interval, estimate=paired.difference.estimate
                    ),
                )

    def _errors(self) -> tuple[InstrumentErrors, ...]:
        return tuple(
            InstrumentErrors(
                results=arm.rows,
                failed=arm.errors,
                cases=tuple(name[:_LONGEST] for name in arm.failed),
            )
            for arm in self.arranged.cases.arms
        )

    def _ungated(self, mine: dict[str, Field], theirs: dict[str, Field]) -> Iterator[str]:
        """Columns that seem to be metrics, and are in one file only or in no gate."""
        gated = {metric.column for metric in self._gated}
        answered = any(metric.needs_score for metric in self._gated)
        for name in dict.fromkeys((*mine, *theirs)):
            fields = [side[name] for side in (mine, theirs) if name in side]
            if name in gated or not names.is_measure(name) or not all(map(_is_figure, fields)):
                continue
            if answered and re.fullmatch("score(_.*)?", name, re.DOTALL):
                continue  # the probabilities that a gate reads
            why = "no gate reads it" if len(fields) > 1 else _only(name, mine)
            yield f"{name[:_LONGEST]} ({why})"


def _columns_of(kind: str, mine: dict[str, Field], theirs: dict[str, Field]) -> Sequence[str]:
    """The columns of both files that hold costs, latencies or tokens, totals first."""
    columns = [
        name
        for name in mine
        if _KINDS[kind](name)
        and name in theirs
        and all(_is_figure(side[name]) for side in (mine, theirs))
    ]
    return sorted(columns, key=lambda name: (*names.total_rank(name), name))


def _missing(
    expenses: dict[str, Sequence[str]],
    mine: dict[str, Field],
    theirs: dict[str, Field],
    *,
    anywhere: bool,
) -> Iterator[str]:
    """Which of cost, latency and tokens cannot be compared.

    Those in neither file are named only if `anywhere`: nobody expects them of a classifier.
    """
    nowhere = []
    for kind, columns in expenses.items():
        if columns:
            continue
        alone = next((n for n in (*mine, *theirs) if _KINDS[kind](n)), None)
        if alone is None:
            nowhere.append(kind)
        elif alone in mine and alone in theirs:
            yield f"{alone[:_LONGEST]} (no numbers)"
        else:
            yield f"{alone[:_LONGEST]} ({_only(alone, mine)})"
    if nowhere and anywhere:
        yield f"{', '.join(nowhere)} (in neither file)"


def _only(name: str, mine: dict[str, Field]) -> str:
    return f"only the {'challenger' if name in mine else 'champion'}'s file has it"


def _is_figure(field: Field) -> bool:
    return field.type.numeric or field.type is LogicalType.BOOLEAN


def _shortened(sentences: Sequence[str]) -> tuple[str, ...]:
    more = len(sentences) - _MOST_SENTENCES
    if more <= 0:
        return tuple(sentences)
    return (*sentences[: _MOST_SENTENCES - 1], f"{more + 1:,} more columns")
