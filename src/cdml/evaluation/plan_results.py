"""compare --plan: how many cases, trials and human labels a margin needs."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cdml.config import Margin
from cdml.config.schema import PolicySettings
from cdml.errors import InputError
from cdml.evaluation.compare_results import ANY_SHARE, ComparedFiles, measure_results
from cdml.evaluation.prediction_store import PredictionSlice, Samples
from cdml.results.plan import PlanOption, ResultPlan
from cdml.statistics.cases.planning import Plan, Prices, plan_labels, plan_trials
from cdml.statistics.cases.variance_split import VarianceSplit, split_variance
from cdml.statistics.interval import Unmeasured
from cdml.statistics.metrics import Metric
from cdml.statistics.samples import CaseScores, Floats

_TRIALS = (1, 2, 3, 5, 10)
_FEWEST_LABELS = 10
_SAME_COST = 1.01
"""New cases say more than trials of the same ones where they cost no more than this."""
_ALONE = (
    "One file shows no difference of two versions: their errors are taken to be unrelated, so fewer"
    " cases may do. Two files tell."
)
_SINGLE = (
    "No case has two trials, so what varies between trials counts as between cases, and more trials"
    " are not planned."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Of a trial of one version, and of an answer that a person scores; None: not known."""

    trial: float | None = None
    label: float = 0.0


def plan_results(
    files: ComparedFiles,
    samples: Samples,
    *,
    into: Path,
    policy: PolicySettings,
    margin: Margin,
    costs: Costs,
    human: str | None = None,
) -> ResultPlan:
    """Plan by the first metric of a pilot: two files, or one that is given as both.

    `human` is a column with people's scores of some of its answers.

    Raises:
        InputError: the files cannot be compared, or the metric does not vary.
    """
    alone = files.old.path == files.new.path
    labels = () if human is None else (human,)
    measured = measure_results(files, samples, into, unmatched=ANY_SHARE, labels=labels)
    metric, part = measured.metrics[0], measured.parts[0]
    sample = part.sample(metric)
    if not isinstance(sample, CaseScores) or sample.champion is None:
        raise InputError(
            f"{metric.name} cannot be planned.",
            "Name a column of numbers or truth values: --metric.",
        )
    split, notes = _split(sample, alone=alone)
    old = float(np.nanmean(sample.champion.mean))
    distance = margin.value * (abs(old) if margin.relative else 1.0)
    measured_cost = None if costs.trial is not None else _cost_of_both(measured.operations, part)
    priced = measured_cost is not None or costs.trial is not None or costs.label > 0
    both = 2.0 if costs.trial is None else 2 * costs.trial
    prices = Prices(case=0.0, trial=measured_cost or both, label=costs.label)
    plan = plan_trials(split.between, split.within, distance, policy.confidence, prices)
    if isinstance(plan, Unmeasured):
        raise InputError(f"{metric.name} cannot be planned: {plan.reason}.")
    options = tuple(_options(split, distance, policy.confidence, prices))
    cheapest = _option(plan)
    if options and options[0].cost <= _SAME_COST * plan.cost:
        cheapest = options[0]
    labelled, correlation = None, None
    if sample.human is not None:
        judge = np.stack([sample.challenger.mean, sample.champion.mean], axis=1)
        variance, correlation = _agreement(judge, sample.human, alone=alone)
        found = plan_labels(
            variance, correlation, cheapest.trials, distance, policy.confidence, prices
        )
        labelled = None if isinstance(found, Unmeasured) else _option(found)
    return ResultPlan(
        metric=metric.name,
        margin=distance,
        confidence=policy.confidence,
        cases=split.cases,
        trials=split.trials,
        between=split.between,
        within=split.within,
        priced=priced,
        cheapest=cheapest,
        options=options,
        present_trials=split.needed(distance, policy.confidence).trials,
        labelled=labelled,
        correlation=correlation,
        notes=(*notes, *files.roles.notes),
    )


def _split(sample: CaseScores, *, alone: bool) -> tuple[VarianceSplit, tuple[str, ...]]:
    """Where the variance of a difference comes from; of one file that of two unrelated versions."""
    champion = None if alone else sample.champion
    split = split_variance(sample.challenger, champion)
    notes = (_ALONE,) if alone else ()
    if isinstance(split, Unmeasured):
        mine = sample.challenger.mean
        values = mine if champion is None else mine - champion.mean
        between = float(np.nanvar(values, ddof=1)) if len(values) > 1 else 0.0
        split = VarianceSplit(cases=len(values), between=between, within=0.0, trials=1.0)
        notes = (*notes, _SINGLE)
    if alone:
        split = VarianceSplit(
            cases=split.cases, between=2 * split.between, within=2 * split.within,
            trials=split.trials,
        )  # fmt: skip
    return split, notes


def _agreement(judge: Floats, human: Floats, *, alone: bool) -> tuple[float, float]:
    """Variance of a difference as people score it, and how it correlates with the judge's."""
    if alone:
        mine, theirs, times = judge[:, 0], human[:, 0], 2.0
    else:
        mine, theirs, times = judge[:, 0] - judge[:, 1], human[:, 0] - human[:, 1], 1.0
    both = ~(np.isnan(mine) | np.isnan(theirs))
    if both.sum() < _FEWEST_LABELS or not theirs[both].var() > 0:
        raise InputError(
            f"people scored {both.sum():,} answers of the pilot: too few to plan by, or all alike.",
            f"Score at least {_FEWEST_LABELS}, of the same cases in both files.",
        )
    varies = mine[both].var() > 0
    correlation = float(np.corrcoef(mine[both], theirs[both])[0, 1]) if varies else 0.0
    return times * float(theirs[both].var(ddof=1)), correlation


def _cost_of_both(operations: tuple[Metric, ...], part: PredictionSlice) -> float | None:
    """What a trial of both versions costs by the cost column; None without one."""
    cost = next((one for one in operations if one.column and "cost" in one.column.casefold()), None)
    sample = part.sample(cost) if cost else None
    if not isinstance(sample, CaseScores) or sample.champion is None:
        return None
    means = [float(np.nanmean(one.mean)) for one in (sample.challenger, sample.champion)]
    return sum(means) if sum(means) > 0 else None


def _options(
    split: VarianceSplit, distance: float, confidence: float, prices: Prices
) -> Iterator[PlanOption]:
    for trials in _TRIALS if split.within > 0 else _TRIALS[:1]:
        present = VarianceSplit(
            cases=split.cases, between=split.between, within=split.within, trials=trials
        )
        cases = present.needed(distance, confidence).cases
        if cases is not None:
            yield PlanOption(
                cases=cases, trials=trials, labels=0, cost=cases * trials * prices.trial
            )


def _option(plan: Plan) -> PlanOption:
    return PlanOption(cases=plan.cases, trials=plan.trials, labels=plan.labels, cost=plan.cost)
