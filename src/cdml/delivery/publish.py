"""The registry's alias, where it only tells what serves: it follows the journal."""

from dataclasses import dataclass

from cdml.config import Loaded
from cdml.delivery.alias import PREVIOUS, champion_alias
from cdml.errors import ServiceError
from cdml.journal import lease
from cdml.journal.records import Release
from cdml.models.registry import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """The alias of one model in one environment.

    Attributes:
        registry: where it is.
        model: the registered model.
        name: the alias.
    """

    registry: Registry
    model: str
    name: str

    @classmethod
    def of(cls, loaded: Loaded, registry: Registry, environment: str) -> "Alias":
        """The alias that the configuration asks for.

        Raises:
            ConfigurationError: the environment cannot be part of an alias.
        """
        config = loaded.config
        name = champion_alias(
            config.registry.champion, environment=environment, configured=config.deploy.environment
        )
        return cls(registry=registry, model=config.model, name=name)

    def names(self) -> str | None:
        """The version it names, or None.

        Raises:
            ServiceError: the registry does not answer.
        """
        found = self.registry.champion(self.model, self.name)
        return found.version if found else None

    def publish(self, release: Release) -> None:
        """Make it name a release, keep the one before it, and read it back.

        Raises:
            InputError: the registry has no such version (any more).
            ServiceError: the registry does not answer, or names another version afterwards.
        """
        before = self.names()
        if before == release.version:
            return
        if before is not None:
            lease.confirm()
            self.registry.set_alias(self.model, PREVIOUS.format(self.name), before)
        lease.confirm()
        self.registry.set_alias(self.model, self.name, release.version)
        after = self.names()
        if after != release.version:
            raise ServiceError(
                f"the alias {self.name} was set to v{release.version} and names"
                f" {f'v{after}' if after else 'nothing'}."
            )
