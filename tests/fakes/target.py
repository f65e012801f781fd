"""A target that serves what it is told, and some that only say so."""

from cdml.adapters.targets.registry import RegistryTarget
from cdml.core.journal import Serving
from cdml.errors import InputError, ServiceError


class FakeTarget:
    """Knows versions and digests; `lost` names versions it cannot serve.

    It refuses the orders of those who were replaced.
    """

    name = "fake"
    splits_traffic = False

    def __init__(self):
        self.release = None
        self.lost = set()
        self.fence = 0
        self.down = False

    def observe(self):
        self._answer()
        if self.release is None:
            return Serving(version=None, digest=None)
        return Serving(version=self.release.version, digest=self.release.digest)

    def switch(self, to, *, fence):
        self._answer()
        if to.version in self.lost:
            raise InputError(f"v{to.version} is gone.")
        if fence < self.fence:
            raise ServiceError(f"the fence is {self.fence}, not {fence}.")
        self.fence = fence
        self.release = to

    def _answer(self):
        if self.down:
            raise ServiceError("the target does not answer.")


class DeafTarget(RegistryTarget):
    """Takes every order, and serves what it did before."""

    def switch(self, to, *, fence):
        del to, fence


class RevertingTarget(RegistryTarget):
    """Obeys, then goes back by itself and says nothing of it."""

    def switch(self, to, *, fence):
        before = self.observe().version
        super().switch(to, fence=fence)
        if before is not None:
            self._registry.set_alias(self._model, self._alias, before)


class OtherBytesTarget(RegistryTarget):
    """Serves the version it is given, made of bytes that nobody judged."""

    def observe(self):
        return Serving(version=super().observe().version, digest="sha256:" + "0" * 64)
