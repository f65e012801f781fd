"""compare-to-champion: two models on the same rows, every gate with its interval."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from cdml.ci.provenance import producer
from cdml.common.counts import count
from cdml.common.scratch_folders import prefix as scratch_prefix
from cdml.common.verdict import Verdict, worst
from cdml.config import LoadedConfig
from cdml.config.class_labels import closed_values
from cdml.data.odcs.load import load_contract
from cdml.errors import ConfigurationError
from cdml.evaluation.arrange import arrange_models
from cdml.evaluation.case_results import describe_cases
from cdml.evaluation.cases import describe_unmatched
from cdml.evaluation.champion import ModelResolver
from cdml.evaluation.charts import draw_model
from cdml.evaluation.judges import Judges, find_judges
from cdml.evaluation.measure import (
    NO_OPERATION,
    add_user_metrics,
    describe_grouping,
    describe_memory,
    describe_proof,
    measure,
    operation,
    reduce_models,
    require_operations,
    sampled_metrics,
)
from cdml.evaluation.measurement_errors import judge_errors
from cdml.evaluation.model_changes import describe_changes
from cdml.evaluation.ports import EvaluationPorts
from cdml.evaluation.prediction_store import Layout, PredictionSlice
from cdml.evaluation.registry_log import log_if_possible, past_versions
from cdml.evaluation.scored_model import ScoredModel, columns
from cdml.evaluation.task import layout
from cdml.evidence import store
from cdml.evidence.charts import Picture
from cdml.evidence.criterion import Criterion
from cdml.evidence.schema import Change, Comparison, ComparisonGate, DataRef, Deployment, ModelRef
from cdml.gates.bounds import judge_bounds
from cdml.gates.comparisons import MeasuredRule, judge_comparisons, not_compared
from cdml.gates.proof import unproven
from cdml.gates.rules import GateSpec, bound_rules, comparison_rules, policy_ref
from cdml.gates.score import exact_difference
from cdml.statistics import engine, sample_size
from cdml.statistics.cases.case_scores import split_scores
from cdml.statistics.difference import Paired
from cdml.statistics.interval import Unmeasured
from cdml.statistics.metrics import Metric
from cdml.statistics.samples import CaseScores, Timings

_FIRST = "There is no champion to compare with"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What a contest came to."""

    verdict: Verdict
    reason: str
    rows: int
    gates: tuple[ComparisonGate, ...] = ()
    notes: tuple[str, ...] = ()
    champion: Picture | None = None


def compare_to_champion(
    loaded: LoadedConfig,
    ports: EvaluationPorts,
    *,
    output: Path,
    challenger: str,
    champion: str | None = None,
    data: str | None = None,
    contenders: ModelResolver | None = None,
) -> Comparison:
    """Compare, judge, and write comparison.json.

    Two predictions files need none of registry, journal, scorer and tables. An evaluation of this
    challenger on these rows is used, where `output` has one. `champion` is an address, alias,
    predictions file or `none`; the registry's alias by default.

    Raises:
        CdmlError: the models cannot be had, or their rows do not match.
    """
    store.remove_evidence(output, Comparison, Deployment)
    data_settings = loaded.config.data
    closed = load_contract(loaded, data_settings.contract).classified
    with (
        closed_values(closed, label=data_settings.label, sensitive=data_settings.sensitive),
        tempfile.TemporaryDirectory(prefix=scratch_prefix("cdml-compare")) as work,
    ):
        contenders = contenders or ModelResolver(
            loaded=loaded, ports=ports, output=output, work=Path(work), data=data
        )
        opponent = contenders.opponent(champion)
        model = contenders.challenger(challenger)
        other: ModelRef | None = None
        differences: tuple[Change, ...] = ()
        cases = None
        same = None if opponent is None else contenders.is_same(model, opponent)
        rival = None
        if opponent is not None and same is None:
            _require_one_kind(model, champion_in_table=contenders.in_table(opponent))
            rival = contenders.champion(opponent, columns(model, ports))
        if rival is not None:
            rules = [one.metric for one in comparison_rules(loaded.config)]
            require_operations(rules, model, rival)
        arranged = arrange_models(
            model, rival, loaded, ports, into=Path(work), rows=lambda: contenders.table.parquet
        )
        contest = _Contest(
            loaded=loaded,
            ports=ports,
            challenger=arranged.challenger,
            errors=judge_errors(arranged.cases, loaded.config.policy),
        )
        if rival is None or arranged.champion is None or opponent is None:
            other, outcome = same, contest.unchanged() if same else contest.first()
        else:
            other, outcome = rival.model, contest.against(arranged.champion)
            if model.table is None:
                cases = describe_cases(loaded, ports.samples, (model, rival), arranged)
            differences = describe_changes(
                ports,
                (contenders.identities.get(opponent), rival),
                (contenders.identities.get(challenger), model),
                output,
            )
        outcome = contest.with_errors(outcome, describe_unmatched(arranged.cases))
        rows = model.data or _by_file(model, outcome.rows)
        comparison = Comparison(
            verdict=outcome.verdict,
            reason=outcome.reason,
            produced=producer(ports.ci_run, ports.clock),
            challenger=model.model,
            champion=other,
            data=rows,
            gates=outcome.gates,
            notes=(*outcome.notes, *describe_proof(model, ports)),
            cases=cases,
            changes=differences,
            champion_picture=outcome.champion,
            history=past_versions(loaded.config, rows.digest, (model.model, other), ports),
            policy=policy_ref(loaded.config),
        )
    store.write_evidence(output, comparison)
    log_if_possible(model.model, output, ports)
    return comparison


@dataclass(frozen=True, kw_only=True)
class _Contest:
    """The challenger's side of a comparison."""

    loaded: LoadedConfig
    ports: EvaluationPorts
    challenger: ScoredModel
    errors: ComparisonGate | None = None

    def with_errors(self, outcome: _Outcome, notes: tuple[str, ...]) -> _Outcome:
        """The outcome, held where too many results could not be measured, whatever decided it."""
        outcome = replace(outcome, notes=(*notes, *outcome.notes))
        if self.errors is None:
            return outcome
        verdict = worst((outcome.verdict, self.errors.verdict))
        decides = verdict is not outcome.verdict
        return replace(
            outcome,
            verdict=verdict,
            reason=self.errors.reason if decides else outcome.reason,
            gates=(*outcome.gates, self.errors),
        )

    def first(self) -> _Outcome:
        """No champion: the bounds decide, or the policy holds; comparisons are not applicable."""
        config = self.loaded.config
        if config.policy.first_model == "hold":
            outcome = self._held(f"{_FIRST}, and policy.first_model is hold.")
        elif not bound_rules(config):
            outcome = self._held(f"{_FIRST}, and no gate has a bound.")
        else:
            outcome = self._bounds(_FIRST)
        gates = self._not_compared(outcome.rows, "was not compared: there is no champion.")
        return replace(outcome, gates=gates)

    def unchanged(self) -> _Outcome:
        """The champion itself: there is nothing to compare."""
        rows = self._all_rows(()).rows
        return _Outcome(
            verdict=Verdict.PASS,
            reason="The challenger is identical to the champion, so there is nothing to compare.",
            rows=rows,
            gates=self._not_compared(
                rows, "is unchanged: the challenger is identical to the champion."
            ),
        )

    def against(self, champion: ScoredModel) -> _Outcome:
        """Every gate that compares; where none does, the bounds decide."""
        config = self.loaded.config
        rules = comparison_rules(config)
        if not config.gates:
            return self._held("cdml.yaml has no gates: nothing was judged.")
        if not rules:
            return self._bounds("No gate compares with the champion")
        with self.ports.progress.step("pairing the predictions of both models"):
            parts = self._parts(champion, [one.metric for one in rules])
        overall = parts[0]
        parts = self._with_custom(parts, champion, [one.metric for one in rules])
        gates = judge_comparisons(list(self._candidates(champion, rules, parts)), config.policy)
        return _Outcome(
            verdict=worst(gate.verdict for gate in gates),
            reason=_worst_reason(gates),
            rows=parts[0].rows,
            gates=gates,
            notes=describe_grouping(parts, config.data.max_slices),
            champion=None
            if champion.table
            else draw_model(
                overall,
                sampled_metrics([one.metric for one in rules]),
                self._layout,
                champion.predictions,
                self.ports,
                champion=True,
                closed=config.data.label
                in load_contract(self.loaded, config.data.contract).classified,
            ),
        )

    def _not_compared(self, rows: int, why: str) -> tuple[ComparisonGate, ...]:
        return tuple(
            not_compared(spec.overall, rows, why) for spec in comparison_rules(self.loaded.config)
        )

    def _held(self, reason: str) -> _Outcome:
        rows = self._all_rows(()).rows
        return _Outcome(verdict=Verdict.INCONCLUSIVE, reason=reason, rows=rows)

    def _bounds(self, why: str) -> _Outcome:
        """The challenger's bounds, judged on these rows."""
        config = self.loaded.config
        metrics = [limit.metric for limit in bound_rules(config)]
        [part] = self._with_custom((self._all_rows(metrics),), None, metrics)
        values = measure(
            (part,),
            metrics,
            self.challenger,
            config.policy.confidence,
            self.ports.progress,
            weighted=config.data.weighted,
            judges=self._judges,
        )
        gates = judge_bounds(config, values)
        message = " ".join(gate.reason for gate in gates)
        return _Outcome(
            verdict=worst(gate.verdict for gate in gates),
            reason=f"{why}, so the bounds decide: {message}",
            rows=part.rows,
        )

    def _all_rows(self, metrics: Sequence[Metric]) -> PredictionSlice:
        return self._parts(None, metrics)[0]

    @cached_property
    def _layout(self) -> Layout:
        return layout(self.loaded.config, columns(self.challenger, self.ports))

    @cached_property
    def _judges(self) -> Judges:
        return find_judges(self.loaded, self.ports, self._layout)

    def _parts(
        self, champion: ScoredModel | None, metrics: Sequence[Metric]
    ) -> tuple[PredictionSlice, ...]:
        return reduce_models(self.challenger, champion, self._layout, metrics, self.ports)

    def _with_custom(
        self,
        parts: tuple[PredictionSlice, ...],
        champion: ScoredModel | None,
        metrics: Sequence[Metric],
    ) -> tuple[PredictionSlice, ...]:
        return add_user_metrics(
            parts,
            metrics,
            self._layout,
            challenger=self.challenger.predictions,
            champion=champion.predictions if champion else None,
            loaded=self.loaded,
            ports=self.ports,
        )

    def _candidates(
        self, champion: ScoredModel, rules: tuple[GateSpec, ...], parts: tuple[PredictionSlice, ...]
    ) -> Iterator[MeasuredRule]:
        total = sum(len(parts) if one.slices else 1 for one in rules)
        label = f"comparing on {count(len(parts), 'part')} of the data"
        label += describe_memory(
            self.challenger,
            [one.metric for one in rules],
            parts[0].rows,
            weighted=self.loaded.config.data.weighted,
        )
        with self.ports.progress.step(label, total) as step:
            for one in rules:
                unfit: str | None = None
                for part in parts:
                    rule = one.overall if part.slice is None else one.slices
                    if rule is None:
                        continue
                    if part.slice is not None:
                        rule = rule.model_copy(update={"slice": dict(part.slice)})
                    candidate = self._candidate(one.metric, rule, champion, part)
                    if part.slice is None and candidate.judge is not None:
                        unfit = candidate.judge.unfit
                    yield replace(candidate, unfit=unfit)
                    step.advance()

    def _candidate(
        self, metric: Metric, rule: Criterion, champion: ScoredModel, part: PredictionSlice
    ) -> MeasuredRule:
        if not metric.of_rows:
            rows, difference = _of_process(metric, self.challenger, champion, part.rows)
            return MeasuredRule(
                metric=metric, rule=rule, rows=rows, counted=rows, measured=difference
            )
        sample = part.sample(metric)
        return MeasuredRule(
            metric=metric,
            rule=rule,
            rows=part.rows,
            counted=sample_size.counted(metric, sample),
            clusters=sample_size.clusters(sample),
            by_case=isinstance(sample, CaseScores),
            split=split_scores(metric, sample),
            judge=self._judges.record(metric, sample, overall=part.slice is None),
            measured=engine.compare(metric, sample),
        )


def _require_one_kind(model: ScoredModel, *, champion_in_table: bool) -> None:
    """Refuse a table of predictions on one side only, before the champion is scored."""
    if (model.table is not None) != champion_in_table:
        table, other = ("challenger", "champion") if model.table else ("champion", "challenger")
        raise ConfigurationError(
            f"the {table} is a table of predictions, and the {other} is not.",
            "Name a table of the same database for both models, or a file for both.",
        )


def _of_process(
    metric: Metric, challenger: ScoredModel, champion: ScoredModel, rows: int
) -> tuple[int, Paired | Unmeasured]:
    """Size and latency, which belong to the model and not to rows."""
    mine, theirs = operation(metric, challenger), operation(metric, champion)
    if isinstance(mine, Timings) and isinstance(theirs, Timings):
        if (
            len({contender.data.digest for contender in (challenger, champion) if contender.data})
            > 1
        ):
            return rows, Unmeasured(reason="the models' latencies were measured on different rows")
        both = Timings.pair(challenger.latency_ms, champion.latency_ms)
        return both.rows, engine.compare(metric, both)
    if isinstance(mine, float) and isinstance(theirs, float):
        return rows, exact_difference(mine, theirs)
    return rows, Unmeasured(reason=NO_OPERATION)


def _by_file(model: ScoredModel, rows: int) -> DataRef:
    """The rows, where nothing but the predictions is known: by the challenger's file."""
    digest = model.digest or store.file_digest(model.predictions)
    return DataRef(uri=model.model.uri, digest=digest, rows=rows)


def _worst_reason(gates: tuple[ComparisonGate, ...]) -> str:
    """The worst gate's reason, and how many there are."""
    judged = [gate for gate in gates if gate.judged]
    overall = worst(gate.verdict for gate in judged)
    if overall is Verdict.PASS:
        return _passed(judged)
    deciding = [gate for gate in judged if gate.verdict is overall]
    more = f" ({len(deciding):,} of {count(len(judged), 'comparison')})" if deciding[1:] else ""
    return f"{deciding[0].reason}{more}" if deciding else "Nothing could be judged."


def _passed(judged: Sequence[ComparisonGate]) -> str:
    """How many pass, those apart that do only because nothing is proven against them."""
    open_ = sum(map(unproven, judged))
    if not open_:
        return f"All {len(judged):,} comparisons pass." if judged[1:] else "The comparison passes."
    return (
        f"{len(judged) - open_:,} of {len(judged):,} comparisons pass; in {open_:,} a regression"
        " is neither proven nor ruled out."
    )
