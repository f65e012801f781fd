"""Checks of the data that installed packages bring; `data.checks` enables them by name."""

from cdml.config.kinds import Kind, Kinds


def data_check_types() -> Kinds[Kind]:
    """All of them: from its settings, an `adapter` makes a `DataCheck` (`data/check.py`)."""
    return Kinds("data check", "cdml.data_checks", {}, Kind)
