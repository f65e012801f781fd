"""How traffic is shifted, as the configuration asks and the target can."""

from cdml.config import LoadedConfig
from cdml.config.traffic_steps import ALL, Ramp
from cdml.delivery.target import Target
from cdml.errors import ConfigurationError

AT_ONCE = Ramp(steps=(ALL,))
"""A rollback's: what served before is checked, not judged."""


def plan_ramp(loaded: LoadedConfig, target: Target, *, first: bool) -> Ramp | None:
    """The ramp of a deploy; None where the switch is one write.

    The `first` one finds nothing that a canary could be compared with.

    Raises:
        ConfigurationError: a canary is asked of a target that cannot split traffic.
    """
    canary = loaded.config.deploy.canary
    if not target.splits_traffic:
        if canary is None:
            return None
        raise ConfigurationError(
            f"deploy.canary: the target {target.name} cannot split traffic.",
            "Leave deploy.canary out, or choose a target that splits traffic.",
        )
    if canary is None:
        return AT_ONCE
    return Ramp(
        steps=(ALL,) if first else canary.steps,
        every=canary.every,
        timeout=canary.timeout,
        bake=canary.bake or 0.0,
        park=canary.park or None,
    )
