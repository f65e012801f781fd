"""The registry's alias as the switch, for services that load `models:/<name>@<alias>`."""

from cdml.config import LoadedConfig
from cdml.delivery.alias import PREVIOUS, champion_alias
from cdml.journal import lease
from cdml.journal.records import Release, Serving
from cdml.models.registry import Registry


class RegistryTarget:
    """Serves whatever the champion's alias names; there is no traffic to split.

    A registry knows no precondition for an alias, so the fence cannot travel with the write. So the
    journal is asked before each write whether the lock is still ours, and whoever switches observes
    afterwards.

    Raises:
        ConfigurationError: the environment cannot be part of an alias.
    """

    name = "registry"
    splits_traffic = False

    def __init__(
        self, *, loaded: LoadedConfig, registry: Registry, environment: str | None = None
    ) -> None:
        self._model = loaded.config.model
        config = loaded.config
        self._alias = champion_alias(
            config.registry.champion,
            environment=environment or config.deploy.environment,
            configured=config.deploy.environment,
        )
        self._registry = registry

    def observe(self) -> Serving:
        """Who the alias names; it knows a version, not its bytes."""
        champion = self._registry.champion(self._model, self._alias)
        if champion is None:
            return Serving(version=None, digest=None)
        return Serving(version=champion.version, digest=None)

    def switch(self, to: Release, *, fence: int) -> None:
        """Set the alias, and keep the one before it."""
        del fence
        before = self.observe().version
        if before == to.version:
            return
        if before is not None:
            lease.confirm()
            self._registry.set_alias(self._model, PREVIOUS.format(self._alias), before)
        lease.confirm()
        self._registry.set_alias(self._model, self._alias, to.version)
