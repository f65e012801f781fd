"""Results that could not be measured: how many are too many."""

import numpy as np

from cdml.common.rule_kinds import RuleKind
from cdml.common.verdict import Verdict
from cdml.config.schema import PolicySettings
from cdml.evaluation.cases import Arm, Cases
from cdml.evidence.criterion import ERRORS, Criterion
from cdml.evidence.schema import ComparisonGate
from cdml.statistics.cases.case_means import CaseMeans
from cdml.statistics.cases.instrument_errors import ErrorRates, error_rates
from cdml.statistics.interval import Unmeasured

_ARMS = ("the challenger", "the champion")


def judge_errors(cases: Cases, policy: PolicySettings) -> ComparisonGate | None:
    """The gate that both arms were measured; None where no column says what was not."""
    if not cases.error_shares:
        return None
    challenger, champion, count = map(np.array, zip(*cases.error_shares, strict=True))
    shares = [CaseMeans.of_cases(np.repeat(one, count)) for one in (challenger, champion)]
    paired = shares[1] if len(cases.arms) > 1 else None
    rates = error_rates(shares[0], paired, policy.confidence, policy.max_errors)
    measured = None if isinstance(rates, Unmeasured) else rates
    return ComparisonGate.from_criterion(
        Criterion(
            metric=ERRORS,
            kind=RuleKind.NON_INFERIORITY,
            margin=policy.max_errors,
            greater_is_better=False,
        ),
        rows=shares[0].cases,
        judged=True,
        challenger=measured.challenger.value if measured else None,
        champion=measured.champion.value if measured and measured.champion else None,
        verdict=Verdict.PASS if measured and not measured.too_many else Verdict.INCONCLUSIVE,
        reason=_reason(cases.arms, rates, policy),
    )


def describe_errors(arms: tuple[Arm, ...]) -> str:
    """How many results were not measured."""
    return " and ".join(
        f"{arm.errors:,} of {arm.rows:,} results of {name}"
        for name, arm in zip(_ARMS, arms, strict=False)
    )


def _reason(arms: tuple[Arm, ...], rates: ErrorRates | Unmeasured, policy: PolicySettings) -> str:
    reason = f"{describe_errors(arms)} could not be measured"
    if isinstance(rates, Unmeasured):
        return f"{reason}, and their share has no value: {rates.reason}."
    if not rates.too_many:
        return f"{reason}."
    values = [rates.challenger.value, *([rates.champion.value] if rates.champion else [])]
    why = f"at most {policy.max_errors * 100:g} % is allowed (policy.max_errors)"
    if max(values) <= policy.max_errors:
        why = f"significantly more than for the champion (p = {rates.p_value:.2g})"
    first = dict.fromkeys(name for arm in arms for name in arm.failed)
    return f"{reason}; {why}" + (f"; first cases: {', '.join(first)}." if first else ".")
