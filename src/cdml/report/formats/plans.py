"""What a margin needs, as text for a terminal, as Markdown and as JSON."""

import json
from collections.abc import Iterator
from dataclasses import asdict

from cdml.common.markdown import markdown as escape
from cdml.common.markdown import terminal
from cdml.results.plan import PlanOption, ResultPlan


def text(plan: ResultPlan) -> str:
    """For a terminal."""
    return "".join(f"{indent}{terminal(line)}\n" for indent, line in _lines(plan))


def markdown(plan: ResultPlan) -> str:
    """For a comment."""
    lines = ((f"- {escape(line)}" if indent else escape(line)) for indent, line in _lines(plan))
    return "".join(f"{line}\n" for line in lines)


def document(plan: ResultPlan) -> str:
    """For scripts."""
    return json.dumps({"schema": "cdml.plan/1", **asdict(plan)}, indent=2) + "\n"


def _lines(plan: ResultPlan) -> Iterator[tuple[str, str]]:
    """Each line after its indent."""
    best = plan.cheapest
    yield (
        "",
        (
            f"To prove that a new version's {plan.metric} is at most {plan.margin:.3g} worse, bring"
            f" {_amount(plan, best)}."
        ),
    )
    yield "", f"That has 80 % power if both are equal, with {plan.confidence * 100:g} % confidence."
    yield "", ""
    yield from (("  ", _amount(plan, option)) for option in plan.options)
    yield "", ""
    trials = plan.within / plan.trials
    share = trials / (plan.between + trials) if plan.between + trials > 0 else 0.0
    yield (
        "",
        (
            f"The pilot has {plan.cases:,} cases with {plan.trials:.3g} trials each;"
            f" {share * 100:.0f} % of the variance comes from trials."
        ),
    )
    if plan.present_trials is not None:
        yield "", f"With {plan.present_trials:,} trials each, its own cases are enough."
    elif best.cases > plan.cases:
        yield "", "More trials of these cases are not enough."
    if plan.labelled is not None:
        yield (
            "",
            (
                f"If people's scores correct the judge (correlation {plan.correlation:.2f}), bring"
                f" {_amount(plan, plan.labelled)}."
            ),
        )
    else:
        yield "", "--corrected-by names a column of people's scores, and plans labels as well."
    yield "", ""
    yield from (("", f"- {note}") for note in plan.notes)


def _amount(plan: ResultPlan, option: PlanOption) -> str:
    trials = "1 trial" if option.trials == 1 else f"{option.trials:,} trials"
    labels = f", {option.labels:,} of them scored by people" if option.labels else ""
    cost = f"cost {option.cost:,.4g}" if plan.priced else f"{option.cost:,.0f} answers"
    return f"{option.cases:,} cases{labels}, {trials} each: {cost}"
