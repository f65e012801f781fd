"""The judge of a canary: it may look at any time, and as often as it likes.

    PROMOTE    the challenger is shown to be no worse than tolerated, in all that is required
    ROLLBACK   it is shown to do harm, or the time is over
    HOLD       neither yet

Evidence is a martingale under the hypothesis it speaks against (`mixture`), so that the chance of
a false alarm, over all looks and all that is tested, is at most `harm_alpha`: harm in errors, harm
in latencies and a wrong split share it (Bonferroni). Promotion needs every part to be shown, which
needs no correction (intersection-union; Berger 1982, Technometrics 24:295): the chance that a
challenger beyond what is tolerated is ever promoted is at most `promote_alpha`.
"""

import math
from dataclasses import dataclass

from cdml.delivery.canary import rules as split
from cdml.delivery.canary.state import CanaryState
from cdml.delivery.rollout.state_machine import Decision

FEWEST_WINDOWS = 4
"""Windows with answers of the challenger before anything is decided: from fewer nobody can tell
whether errors come in bursts."""
UNREADABLE = 0.01
"""The share of records that may be unreadable; beyond it they could hide the errors."""
ERRORS, LATENCY, SPLIT = "errors", "latency", "split"
_MOST = 1_000_000
"""Odds beyond this are not given to the digit."""
_FEW = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryFinding:
    """One thing that was judged, in logarithms of evidence; the split has none of safety."""

    part: str  # `errors`, `latency` or `split`
    champion: tuple[int, int]  # events and requests; of the split, requests given and all
    challenger: tuple[int, int]  # likewise
    harm: float
    harm_needed: float
    safe: float | None = None
    safe_needed: float | None = None
    dispersion: float = 1.0  # how many events come together

    @property
    def harmful(self) -> bool:
        """Whether harm is shown."""
        return self.harm >= self.harm_needed

    @property
    def is_safe(self) -> bool:
        """Whether non-inferiority is shown; NaN shows nothing."""
        if self.safe is None or self.safe_needed is None:
            return self.harm < self.harm_needed
        return self.safe >= self.safe_needed


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What to do, and why: one sentence with the figures that decided, without its full stop."""

    outcome: Decision
    reason: str
    findings: tuple[CanaryFinding, ...]


def judge_canary(canary: CanaryState, *, elapsed_seconds: float) -> Judgement:
    """What to do with the challenger now.

    `elapsed_seconds` counts from its first request on, by the clock, so that a canary without
    traffic ends too; NaN is an end.
    """
    findings = canary_findings(canary)

    def decided(outcome: Decision, reason: str) -> Judgement:
        return Judgement(outcome=outcome, reason=reason, findings=findings)

    enough = canary.errors.challenger.windows >= FEWEST_WINDOWS
    harm = [one for one in findings if one.part != SPLIT and one.harmful]
    if enough and harm:
        return decided(Decision.ROLLBACK, "; ".join(_harm(one, canary) for one in harm))
    open_ = _open(canary, findings)
    if enough and not open_ and all(one.is_safe for one in findings):
        safe = "; ".join(_describe_finding(one, canary) for one in findings if one.part != SPLIT)
        return decided(Decision.PROMOTE, f"no worse than tolerated: {safe}")
    why = "; ".join(open_) or "too few windows to see whether errors come in bursts"
    limit = canary.rules.timeout_seconds
    if not elapsed_seconds < limit:
        return decided(Decision.ROLLBACK, f"not proven safe within {limit / 60:,.0f} min: {why}")
    return decided(Decision.HOLD, f"not decided yet: {why}")


def canary_findings(canary: CanaryState) -> tuple[CanaryFinding, ...]:
    """Everything that is judged, with its evidence so far."""
    rules = canary.rules
    kinds = [(ERRORS, canary.errors, rules.tolerated_error_rate)]
    if rules.latency_limit_ms is not None:
        kinds.append((LATENCY, canary.slow, rules.tolerated_slow_rate))
    given = [step.given for step in canary.steps]
    both, challenger = sum(one.requests for one in given), sum(one.events for one in given)
    return (
        *(
            CanaryFinding(
                part=label,
                champion=(events.champion.events, events.champion.requests),
                challenger=(events.challenger.events, events.challenger.requests),
                harm=events.harm(rate),
                harm_needed=rules.harm_threshold,
                safe=events.safe(rate),
                safe_needed=rules.promote_threshold,
                dispersion=events.dispersion,
            )
            for label, events, rate in kinds
        ),
        CanaryFinding(
            part=SPLIT,
            champion=(both - challenger, both),
            challenger=(challenger, both),
            harm=split.mismatch(canary.steps, rules.split_tolerance),
            harm_needed=rules.harm_threshold,
            dispersion=max((one.dispersion for one in given), default=1.0),
        ),
    )


def _open(canary: CanaryState, findings: tuple[CanaryFinding, ...]) -> list[str]:
    """All that keeps the challenger from being promoted."""
    problems = []
    if not canary.unreadable <= UNREADABLE * (canary.requests + canary.unreadable):
        problems.append(
            f"{canary.unreadable:,} records are unreadable, out of"
            f" {canary.requests + canary.unreadable:,}"
        )
    for one in findings:
        if one.is_safe:
            continue
        if one.part == SPLIT:
            got, requests = one.challenger
            problems.append(
                f"the traffic split differs from the configured one: the challenger got {got:,}"
                f" of {requests:,} requests; evidence against chance {_odds(one.harm)}"
            )
        elif not one.challenger[1]:
            problems.append(f"no data on the challenger's {one.part} yet")
        else:
            problems.append(_describe_finding(one, canary))
    return problems


def _harm(one: CanaryFinding, canary: CanaryState) -> str:
    return (
        f"{_rates(one, canary)}; evidence of harm {_odds(one.harm)}, needed"
        f" {_odds(one.harm_needed)}{_bursts(one)}"
    )


def _describe_finding(one: CanaryFinding, canary: CanaryState) -> str:
    if one.safe is None or one.safe_needed is None:
        return _rates(one, canary)
    return (
        f"{_rates(one, canary)}; evidence that it is tolerable {_odds(one.safe)}, needed"
        f" {_odds(one.safe_needed)}{_bursts(one)}"
    )


def _rates(one: CanaryFinding, canary: CanaryState) -> str:
    slow = f" over {canary.rules.latency_limit_ms:g} ms" if one.part == LATENCY else ""
    return f"{one.part}{slow}: challenger {_share(one.challenger)}, champion {_share(one.champion)}"


def _bursts(one: CanaryFinding) -> str:
    return f" (in bursts of {one.dispersion:.1f})" if one.dispersion > 1 else ""


def _share(counts: tuple[int, int]) -> str:
    events, requests = counts
    share = f" ({100 * events / requests:.2f} %)" if requests else ""
    return f"{events:,} of {requests:,}{share}"


def _odds(log: float) -> str:
    if not log < math.log(_MOST):
        return f"more than {_MOST:,} to 1"
    odds = math.exp(log)
    return f"{odds:,.0f} to 1" if odds >= _FEW else f"{odds:.2g} to 1"
