"""Ports in one value."""


class FakePorts:
    """The ports a test gives; any other must not be asked for."""

    def __init__(self, **ports):
        vars(self).update(ports)

    def __getattr__(self, name):
        raise AssertionError(f"{name} was asked for")
