"""Other libraries that a test compares with, imported by the first call: most take a second."""

from importlib import import_module


class Library:
    """A module whose functions import it when they are called."""

    def __init__(self, module):
        self._module = module

    def __getattr__(self, name):
        def call(*values, **options):
            return getattr(import_module(self._module), name)(*values, **options)

        return call


sklearn_metrics = Library("sklearn.metrics")
sklearn_datasets = Library("sklearn.datasets")
