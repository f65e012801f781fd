"""Bad events at two servers - errors, or answers slower than a limit - and what they are worth.

The hypotheses are about rates per request, θ_c of the challenger and θ_p of the champion:

    harm             θ_c > h θ_p  and  θ_c > τ        h: 1 by default
    non-inferiority  θ_c ≤ r θ_p  or   θ_c ≤ τ        r: the tolerated ratio, τ: the tolerated rate

A ratio is tested conditional on the total of the events, which are the challenger's with chance
ρ n_c / (ρ n_c + n_p) where θ_c = ρ θ_p and a window has n_c and n_p requests. Whatever slows or
fails both servers alike is no evidence, and the traffic and its split may change from window to
window. The test holds for rates of any size: with E[m^X] ≤ exp(n θ (m - 1)) for a binomial X,
the mean of (1) in `mixture` is at most exp(0) at θ_c = ρ θ_p, and less beyond.
The tolerated rate is tested on the challenger's requests alone: n of them, of which k are events.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from cdml.delivery.canary.mixture import (
    FALLS,
    POINTS,
    RISES,
    log_costs,
    log_evidence,
    log_mean,
    log_ratios,
)

_NOTHING = (0.0,) * POINTS


class CanaryModel:
    """How state stands in JSON: no keys but its own."""

    __slots__ = ()
    __pydantic_config__: ClassVar[Mapping[str, str | Callable[[str], str]]] = {"extra": "forbid"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals(CanaryModel):
    """Events at one server, and how they were spread over windows."""

    windows: int = 0  # those that had requests
    requests: int = 0  # n, summed over windows
    events: int = 0  # k, likewise
    squares: float = 0.0  # k² / n, likewise

    def __post_init__(self) -> None:
        if not (self.windows >= 0 and 0 <= self.events <= self.requests):
            raise ValueError(f"{self.events} events in {self.requests} requests cannot be")
        if not 0 <= self.squares < math.inf:
            raise ValueError("sums over windows are finite and at least 0")

    @property
    def rate(self) -> float:
        """Events a request; NaN where there was no request."""
        return self.events / self.requests if self.requests else math.nan

    @property
    def dispersion(self) -> float:
        """How many events come together, at least 1.

        Pearson's X² of the windows against one rate, by its degrees of freedom (McCullagh &
        Nelder 1989, Generalized Linear Models, §4.5). Where events are independent it is a
        little above 1 half of the time, which costs that little time.
        """
        rate = self.rate
        if self.windows <= 1 or not 0 < rate < 1:
            return 1.0
        pearson = (self.squares - self.events * rate) / (rate * (1 - rate))
        return max(1.0, pearson / (self.windows - 1))

    def add(self, requests: int, events: int) -> "Totals":
        """With one window more."""
        if requests == 0:
            return self
        return Totals(
            windows=self.windows + 1,
            requests=self.requests + requests,
            events=self.events + events,
            squares=self.squares + events * events / requests,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Events(CanaryModel):
    """All that the tests of one kind of event need; costs are of (1), summed over windows."""

    champion: Totals = field(default_factory=Totals)
    challenger: Totals = field(default_factory=Totals)
    harm_costs: tuple[float, ...] = _NOTHING  # of each of `RISES`, by the ratio that is harm
    safe_costs: tuple[float, ...] = _NOTHING  # of each of `FALLS`, by the tolerated one

    def __post_init__(self) -> None:
        for costs in (self.harm_costs, self.safe_costs):
            if not (len(costs) == POINTS and all(map(math.isfinite, costs))):
                raise ValueError(f"costs are {POINTS} finite figures")

    @property
    def dispersion(self) -> float:
        """That of the server whose events come in the larger bursts."""
        return max(self.champion.dispersion, self.challenger.dispersion)

    def add(
        self,
        champion: tuple[int, int],
        challenger: tuple[int, int],
        *,
        harm_ratio: float,
        tolerated_ratio: float,
    ) -> "Events":
        """With one window more: requests and events of each, h, and r."""
        events = champion[1] + challenger[1]
        requests = champion[0], challenger[0]
        harmful = log_costs(RISES, events, chance(*requests, harm_ratio))
        tolerable = log_costs(FALLS, events, chance(*requests, tolerated_ratio))
        return Events(
            champion=self.champion.add(*champion),
            challenger=self.challenger.add(*challenger),
            harm_costs=tuple(map(sum, zip(self.harm_costs, harmful, strict=True))),
            safe_costs=tuple(map(sum, zip(self.safe_costs, tolerable, strict=True))),
        )

    def harm(self, tolerated_rate: float) -> float:
        """The logarithm of the evidence of harm."""
        hits, requests = self.challenger.events, self.challenger.requests
        return harm(hits, requests, self.harm_costs, tolerated_rate, self.dispersion)

    def safe(self, tolerated_rate: float) -> float:
        """The logarithm of the evidence of non-inferiority."""
        hits, requests = self.challenger.events, self.challenger.requests
        return safe(hits, requests, self.safe_costs, tolerated_rate, self.dispersion)


def harm(
    hits: float, requests: float, costs: Sequence[float], tolerated_rate: float, dispersion: float
) -> float:
    """The logarithm of the evidence that rates are above h θ_p and above τ: both must be shown.

    `hits` and `asked` are the challenger's events and requests, `costs` as in `Events.harm_costs`,
    `tolerated_rate` is τ; `dispersion` says how many events come together.
    """
    ratio = log_ratios(RISES, hits, costs)
    rate = log_ratios(RISES, hits, log_costs(RISES, requests, tolerated_rate))
    return min(log_evidence(ratio, dispersion), log_evidence(rate, dispersion))


def safe(
    hits: float, requests: float, costs: Sequence[float], tolerated_rate: float, dispersion: float
) -> float:
    """The logarithm of the evidence that rates are at most r θ_p, or at most τ.

    Where neither holds both halves are evidence against it, and so is their mean. Arguments are
    those of `harm`, with the costs of `Events.safe_costs`.
    """
    ratio = log_ratios(FALLS, hits, costs)
    rate = log_ratios(FALLS, hits, log_costs(FALLS, requests, tolerated_rate))
    return log_mean((log_evidence(ratio, dispersion), log_evidence(rate, dispersion)))


def chance(champion: float, challenger: float, ratio: float) -> float:
    """That an event is the challenger's where its rate is `ratio` times the champion's.

    `champion` and `challenger` are the requests of each.
    """
    weighed = ratio * challenger
    return weighed / (weighed + champion) if weighed > 0 else 0.0
