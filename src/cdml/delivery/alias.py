"""The registry's alias of an environment: its name, and how it follows the journal."""

import re
from dataclasses import dataclass

from cdml.config import LoadedConfig
from cdml.errors import ConfigurationError, ServiceError
from cdml.journal import lease
from cdml.journal.records import Release
from cdml.models.registry import Registry

PREVIOUS = "previous_{}"
"""The alias of what served before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """The alias of one model in one environment."""

    registry: Registry
    model: str
    name: str

    @classmethod
    def configured(cls, loaded: LoadedConfig, registry: Registry, environment: str) -> "Alias":
        """The alias of the version that serves an environment.

        Two environments never share one: `registry.champion` is that of `deploy.environment`, and
        any other has `<champion>-<environment>`.

        Raises:
            ConfigurationError: the environment cannot be part of an alias.
        """
        config = loaded.config
        name, configured = config.registry.champion, config.deploy.environment
        if environment != configured:
            if not re.fullmatch(r"[\w-]+", environment, re.ASCII):
                raise ConfigurationError(
                    f"The environment {environment!r} needs its own alias, and its name cannot"
                    f" be part of one ({configured} uses the alias as it is).",
                    "Use only letters, digits, - and _ in the environment's name.",
                )
            name = f"{name}-{environment}"
        return cls(registry=registry, model=config.model, name=name)

    def names(self) -> str | None:
        """The version it names, or None.

        Raises:
            ServiceError: the registry does not answer.
        """
        champion = self.registry.champion(self.model, self.name)
        return champion.version if champion else None

    def point(self, release: Release) -> bool:
        """Make it name a release, and another alias the one before; False where it does already.

        Raises:
            InputError: the registry has no such version (any more).
            ServiceError: the registry does not answer.
        """
        before = self.names()
        if before == release.version:
            return False
        if before is not None:
            lease.confirm()
            self.registry.set_alias(self.model, PREVIOUS.format(self.name), before)
        lease.confirm()
        self.registry.set_alias(self.model, self.name, release.version)
        return True

    def publish(self, release: Release) -> None:
        """Make it name a release, and read it back.

        Raises:
            InputError: the registry has no such version (any more).
            ServiceError: the registry does not answer, or names another version afterwards.
        """
        if not self.point(release):
            return
        after = self.names()
        if after != release.version:
            raise ServiceError(
                f"The alias {self.name} was set to v{release.version}, but now points to"
                f" {f'v{after}' if after else 'nothing'}."
            )
