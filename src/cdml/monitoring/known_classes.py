"""The class of a binary task that is not the positive one, in all its spellings."""

from collections.abc import Iterable

from cdml.config import Config
from cdml.data.drift.bins import Categories
from cdml.data.drift.classes import class_text
from cdml.data.drift.profile import ColumnProfile, complete
from cdml.statistics.metrics import Task

_OPPOSITES = {"1": ("0",), "0": ("1",)}
"""true and 1 are one class, and so are false and 0."""
_MOST = 10
"""Classes of a label that is either positive or not; the state remembers them."""


def stored_classes(profile: ColumnProfile | None) -> tuple[str, ...]:
    """The label's classes at the version's gate; none if they are too many, or may not be shown."""
    if profile is None or not isinstance(profile.bins, Categories):
        return ()
    names = profile.bins.names
    return names if len(names) <= _MOST and complete(profile.bins, profile.counts) else ()


def positive_class(config: Config, task: Task) -> str | None:
    """The positive class as text; None for another task."""
    positive = config.data.positive
    if task is not Task.BINARY or positive is None:
        return None
    return class_text(positive, binary=True)


def negative_classes(config: Config, task: Task, stored: Iterable[str]) -> tuple[str, ...] | None:
    """Every class but the positive one; None for other tasks, or if it is unknown which there are.

    `stored` are those of the evaluation rows of the versions that are watched.
    """
    chosen = positive_class(config, task)
    if chosen is None:
        return None
    listed = {class_text(one, binary=True) for one in config.data.classes}
    others = sorted({*stored, *listed} - {chosen})
    return tuple(others) or _OPPOSITES.get(chosen)
