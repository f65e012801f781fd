"""A target that serves what it is told, and refuses the orders of those who were replaced."""

from cdml.core.journal import Serving
from cdml.errors import InputError, ServiceError


class FakeTarget:
    """Knows versions and digests; `lost` names versions it cannot serve."""

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
