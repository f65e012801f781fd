"""Verdicts as sentences for whoever owns the product.

Figures have three significant digits, and as many more as it takes to see what decided: two that
differ never read the same.
"""

import math
from collections.abc import Mapping, Sequence

from cdml.common.rule_kinds import BoundEdge, RuleKind
from cdml.common.verdict import Verdict
from cdml.evidence.criterion import Criterion
from cdml.gates.decide import TOLERANCE, ObservedDifference

_UPPER = {"roc": "ROC", "auc": "AUC", "ovr": "one-vs-rest", "f1": "F1", "r2": "R²", "ms": "(ms)"}
_FIXED_DECIMALS = 9
"""Figures that need more digits after the point are written with a power of ten."""
_MOST_DECIMALS = 300
_SIGNIFICANT = 3
"""Digits of a figure, unless more are needed to tell it from another."""


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


def inside(sentence: str) -> str:
    """The beginning of a sentence as it stands inside one: `ROC AUC` stays as it is."""
    return sentence[:1].lower() + sentence[1:] if sentence[1:2].islower() else sentence


def number(value: float, decimals: int) -> str:
    """A figure with a true minus sign."""
    if decimals > _FIXED_DECIMALS and value and math.isfinite(value):
        significant = max(decimals + math.floor(math.log10(abs(value))) + 1, 1)
        return f"{value:.{significant}g}".replace("-", "−")
    text = f"{value:,.{min(decimals, _FIXED_DECIMALS)}f}"
    return text.removeprefix("-") if not text.strip("-0.,") else text.replace("-", "−")


def signed(value: float, decimals: int) -> str:
    """A figure that shows its sign."""
    text = number(value, decimals)
    return text if text.startswith("−") or not text.strip("0.,") else f"+{text}"


def decimals(
    values: Sequence[float],
    distances: Sequence[tuple[float, float]] = (),
    scale: Sequence[float] = (),
) -> int:
    """Digits after the point: three significant ones of the largest figure, or more.

    Each of `values` shows a digit that is not 0, unless it is 0, and pairs of `distances` do not
    read the same; figures of `scale` are written with as many.
    """
    sizes = [abs(value) for value in values if value and math.isfinite(value)]
    start = _start(max((*sizes, *(abs(x) for x in scale if math.isfinite(x))), default=0.0))
    for digits in range(start, _MOST_DECIMALS):
        is_visible = all(size > 0.5 * 10.0**-digits for size in sizes)
        if is_visible and all(number(a, digits) != number(b, digits) for a, b in distances):
            return digits
    return _MOST_DECIMALS


def _start(largest: float) -> int:
    if not largest:
        return _SIGNIFICANT - 1
    exponent = int(f"{largest:.{_SIGNIFICANT - 1}e}".partition("e")[2])
    return min(max(_SIGNIFICANT - 1 - exponent, 0), _MOST_DECIMALS)


def figure(value: float, like: Sequence[float] = ()) -> str:
    """A figure with three significant digits, or as many as distinguish it from its neighbours."""
    pairs = [(value, other) for other in like if other != value and math.isfinite(other)]
    digits = decimals((value,))
    if any(number(a, digits) == number(b, digits) for a, b in pairs):
        digits = max(digits, decimals((), pairs))
    return number(value, digits)


def _limit(value: float, digits: int) -> str:
    """A margin or bound as somebody writes it, without zeros at its end."""
    text = number(value, max(digits, decimals((value,))))
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def percent(share: float) -> str:
    """`95 %`."""
    return f"{share * 100:g} %"


def comparison(
    rule: Criterion, figures: ObservedDifference, verdict: Verdict, confidence: float
) -> str:
    """How the metric moved, what is proven about it, and what the gate requires."""
    # A pass for lack of proof shows how bad the model may be.
    lower = verdict is Verdict.PASS or not decided_below(rule, figures, verdict)
    bound = figures.lower if lower else figures.upper
    distances = (
        [(bound, figures.threshold)] if abs(bound - figures.threshold) > figures.slack else []
    )
    digits = decimals((figures.estimate,), distances, scale=(bound,))
    sign = rule.sign
    limit = _limit(sign * figures.threshold, digits) if figures.threshold else "0"
    limit = f"+{limit}" if sign * figures.threshold > 0 else limit
    side = "more" if rule.greater_is_better else "less"
    requirement = (
        f"allowed: {limit}"
        if rule.kind is RuleKind.NON_INFERIORITY
        else f"required: {side} than {limit}"
    )
    bound_text = _bound(bound, worse=lower, rule=rule, digits=digits)
    return (
        f"{subject(rule.metric, rule.slice)} {_moved(figures)}"
        f" ({signed(sign * figures.estimate, digits)};"
        f" {bound_text} with {percent(confidence)} confidence); {requirement}"
    )


def decided_below(rule: Criterion, figures: ObservedDifference, verdict: Verdict) -> bool:
    """Whether the upper bound decided."""
    if rule.detect:
        return not figures.lower > figures.threshold
    return verdict is Verdict.FAIL


def _moved(figures: ObservedDifference) -> str:
    alike = abs(figures.challenger - figures.champion) <= figures.slack
    before = figure(figures.champion, () if alike else (figures.challenger,))
    after = before if alike else figure(figures.challenger, (figures.champion,))
    if before == after:
        return f"stayed at {before}"
    verb = "rose" if figures.challenger > figures.champion else "fell"
    return f"{verb} from {before} to {after}"


def _bound(bound: float, *, worse: bool, rule: Criterion, digits: int) -> str:
    figure = signed(rule.sign * bound, digits)
    if worse:
        return f"no {'lower' if rule.greater_is_better else 'higher'} than {figure}"
    if bound < 0:
        return f"at least {figure}"
    return f"no {'higher' if rule.greater_is_better else 'lower'} than {figure}"


def what_would_settle(
    rows: int,
    needed: int | None,
    detectable: float,
    *,
    assumed: bool,
    unit: str = "rows",
    trials: int | None = None,
) -> str:
    """What would settle an open question.

    `needed` rows (or clusters) in all give 80 % power, None where no number helps; they are for
    models that are equally good if `assumed`, else for the observed difference. `detectable` is the
    smallest distance from the margin that these rows detect. So many `trials` of each case would do
    as well; 0 if no number of them would, None for rows without trials.
    """
    can = f"{rows:,} {unit} are not enough to decide"
    if math.isfinite(detectable):
        can += f" (smallest detectable distance from the margin: {figure(detectable)})"
    if needed is None:
        return f"{can}."
    premise = (
        "the models are equally good" if assumed else "the true difference is the observed one"
    )
    trials_too = f", or {trials:,} trials of each" if trials else ""
    others = "; more trials of them would not be" if trials == 0 else ""
    return f"{can}; about {needed:,} would be{trials_too}, if {premise} (80 % power){others}."


def bound(
    metric: str,
    edge: BoundEdge,
    limit: float,
    value: float,
    *,
    ends: tuple[float, float] | None,
    verdict: Verdict,
) -> str:
    """Whether a value keeps a bound.

    `ends` are of the interval that was judged; None where the point was.
    """
    numbers = (value, *(end for end in ends or () if math.isfinite(end)))
    distances = [
        (x, limit) for x in numbers if abs(x - limit) > TOLERANCE * max(abs(x), abs(limit))
    ]
    digits = decimals((value,), distances)
    between = f" (between {number(ends[0], digits)} and {number(ends[1], digits)})" if ends else ""
    limit_text = (
        f"{'at least' if edge is BoundEdge.AT_LEAST else 'at most'} {_limit(limit, digits)}"
    )
    text = f"{title(metric)} is {number(value, digits)}{between}; required: {limit_text}"
    return (
        f"{text}; the interval contains the limit."
        if verdict is Verdict.INCONCLUSIVE
        else f"{text}."
    )
