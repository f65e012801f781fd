"""The registry's alias as the switch, for services that load `models:/<name>@<alias>`."""

from cdml.config import LoadedConfig
from cdml.delivery.alias import Alias
from cdml.journal.records import Release, Serving
from cdml.models.registry import Registry


class RegistryTarget:
    """Serves whatever the champion's alias names; there is no traffic to split.

    A registry knows no precondition for an alias, so the fence cannot travel with the write. So the
    journal is read before each write: the lock must still be ours. Whoever switches observes
    afterwards.

    Raises:
        ConfigurationError: the environment cannot be part of an alias.
    """

    name = "registry"
    splits_traffic = False

    def __init__(
        self, *, loaded: LoadedConfig, registry: Registry, environment: str | None = None
    ) -> None:
        where = environment or loaded.config.deploy.environment
        self._alias = Alias.configured(loaded, registry, where)

    def observe(self) -> Serving:
        """Who the alias names; it knows a version, not its bytes."""
        return Serving(version=self._alias.names(), digest=None)

    def switch(self, to: Release, *, fence: int) -> None:
        """Set the alias, and let another one name the version before."""
        del fence
        self._alias.point(to)
