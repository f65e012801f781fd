"""Which alias of the registry stands for an environment."""

import re

from cdml.errors import ConfigurationError

PREVIOUS = "previous_{}"
"""The alias of what served before."""


def champion_alias(champion: str, *, environment: str, configured: str) -> str:
    """The alias of the version that serves an environment.

    Two environments never share one: `registry.champion` is that of `deploy.environment`, and
    any other has `<champion>-<environment>`.

    Args:
        champion: `registry.champion`.
        environment: where it serves.
        configured: `deploy.environment`.

    Raises:
        ConfigurationError: the environment cannot be part of an alias.
    """
    if environment == configured:
        return champion
    if not re.fullmatch(r"[\w-]+", environment, re.ASCII):
        raise ConfigurationError(
            f"the environment {environment!r} cannot be part of an alias, and another environment"
            f" than {configured} needs one of its own.",
            "Use letters, digits, - and _.",
        )
    return f"{champion}-{environment}"
