"""Verdicts as sentences for whoever owns the product.

Figures are printed with as many digits as it takes to see what decided: two that differ never
read the same.
"""

import math
from collections.abc import Mapping, Sequence

from cdml.core.decide import Edge, Figures, Kind, Rule
from cdml.core.verdict import Verdict

_UPPER = {"roc": "ROC", "auc": "AUC", "ovr": "one-vs-rest", "f1": "F1", "r2": "R²", "ms": "(ms)"}
_MOST_DECIMALS = 9
_LARGE = 1000
"""Figures from here on need no decimals to begin with."""


def title(metric: str) -> str:
    """A metric's name at the start of a sentence."""
    if ":" in metric:  # the user's own, as it stands in cdml.yaml
        return metric
    words = " ".join(_UPPER.get(word, word) for word in metric.split("_"))
    return words[:1].upper() + words[1:]


def subject(metric: str, part: Mapping[str, object] | None) -> str:
    """`Recall for carrier FL`."""
    if not part:
        return title(metric)
    names = (f"{column} {'(missing)' if v is None else v}" for column, v in part.items())
    return f"{title(metric)} for {', '.join(names)}"


def number(value: float, decimals: int) -> str:
    """A figure with a true minus sign."""
    text = f"{value:,.{decimals}f}"
    return text.removeprefix("-") if not text.strip("-0.,") else text.replace("-", "−")


def signed(value: float, decimals: int) -> str:
    """A figure that shows its sign."""
    text = number(value, decimals)
    return text if text.startswith("−") or not text.strip("0.,") else f"+{text}"


def decimals(values: Sequence[float], apart: Sequence[tuple[float, float]]) -> int:
    """Digits after the point that show all values and keep these pairs apart."""
    sizes = [abs(value) for value in values if value]
    start = 0 if max(sizes, default=0.0) >= _LARGE else 2
    for digits in range(start, _MOST_DECIMALS):
        shown = all(round(size * 10**digits) >= 1 for size in sizes)
        if shown and all(number(a, digits) != number(b, digits) for a, b in apart):
            return digits
    return _MOST_DECIMALS


def percent(share: float) -> str:
    """`95 %`."""
    return f"{share * 100:g} %"


def comparison(
    rule: Rule,
    part: Mapping[str, object] | None,
    figures: Figures,
    verdict: Verdict,
    confidence: float,
) -> str:
    """How the metric moved, what is proven of it, and what was asked."""
    bound = deciding(rule, figures, verdict)
    slack = figures.slack
    apart = [
        pair
        for pair in ((bound, figures.threshold), (figures.challenger, figures.champion))
        if abs(pair[0] - pair[1]) > slack
    ]
    digits = decimals((figures.estimate, figures.threshold), apart)
    sign = rule.sign
    asked = signed(sign * figures.threshold, digits) if figures.threshold else "0"
    wanted = f"allowed: {asked}" if rule.kind is Kind.NON_INFERIORITY else f"asked: beyond {asked}"
    said = _bound(bound, worse=bound == figures.lower, rule=rule, digits=digits)
    return (
        f"{subject(rule.metric, part)} {_moved(figures, digits)}"
        f" ({signed(sign * figures.estimate, digits)};"
        f" {said} with {percent(confidence)} confidence); {wanted}"
    )


def deciding(rule: Rule, figures: Figures, verdict: Verdict) -> float:
    """The bound that decided, better is +: the lower one, unless it refuted or was to detect."""
    proven = decided_below(rule, figures, verdict)
    return figures.upper if proven else figures.lower


def decided_below(rule: Rule, figures: Figures, verdict: Verdict) -> bool:
    """Whether the upper bound decided."""
    if rule.detect:
        return not figures.lower > figures.threshold
    return verdict is Verdict.FAIL


def _moved(figures: Figures, digits: int) -> str:
    before, after = number(figures.champion, digits), number(figures.challenger, digits)
    if before == after:
        return f"stayed at {before}"
    verb = "rose" if figures.challenger > figures.champion else "fell"
    return f"{verb} from {before} to {after}"


def _bound(bound: float, *, worse: bool, rule: Rule, digits: int) -> str:
    figure = signed(rule.sign * bound, digits)
    if worse:
        return f"no {'lower' if rule.greater_is_better else 'higher'} than {figure}"
    if bound < 0:
        return f"at least {figure}"
    return f"no {'higher' if rule.greater_is_better else 'lower'} than {figure}"


def settle(rows: int, needed: int | None, detectable: float, *, assumed: bool) -> str:
    """What would settle an open question.

    Args:
        rows: how many there are.
        needed: rows in all for 80 % power, or None where no number helps.
        detectable: the smallest distance from the margin that these rows show.
        assumed: whether `needed` takes the models for equally good, or the difference as seen.
    """
    can = f"{rows:,} rows cannot tell"
    if math.isfinite(detectable):
        shown = number(detectable, decimals((detectable,), ()))
        can += f"; they show a distance of {shown} from the margin"
    if needed is None:
        return f"{can}."
    premise = "if the models are equally good" if assumed else "if the difference is as seen"
    return f"{can}; about {needed:,} rows would tell ({premise}; 80 % power)."


def bound(
    metric: str,
    edge: Edge,
    limit: float,
    value: float,
    *,
    ends: tuple[float, float] | None,
    verdict: Verdict,
) -> str:
    """Whether a value keeps a bound.

    Args:
        metric: its name.
        edge: at_least or at_most.
        limit: the bound.
        value: what was measured.
        ends: of the interval that was judged; None where the point was.
        verdict: the answer.
    """
    apart = [(value, limit)] if abs(value - limit) > 1e-12 * max(abs(value), abs(limit)) else []
    digits = decimals((value, limit), apart)
    between = f" (between {number(ends[0], digits)} and {number(ends[1], digits)})" if ends else ""
    asked = f"{'at least' if edge is Edge.AT_LEAST else 'at most'} {number(limit, digits)}"
    text = f"{title(metric)} is {number(value, digits)}{between}; asked: {asked}"
    return f"{text}; the interval holds both answers." if _open(verdict) else f"{text}."


def _open(verdict: Verdict) -> bool:
    return verdict is Verdict.INCONCLUSIVE
