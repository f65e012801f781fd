"""What a user says of two files of results: their format, and which rows to read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from cdml.errors import ConfigurationError


class Side(StrEnum):
    """Which of the two files."""

    OLD = "old"
    NEW = "new"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The reader's name, None where the format is recognised, and values by column and side."""

    reader: str | None = None
    values: Mapping[Side, Mapping[str, str]] = field(default_factory=dict)

    def conditions(self, side: Side) -> Mapping[str, str]:
        """What the rows of one file must have."""
        return self.values.get(side, {})


def read_selection(reader: str | None, select: Sequence[str]) -> Selection:
    """The options `--reader` and `--select`; `old:` or `new:` before a selection is its side.

    Raises:
        ConfigurationError: a selection has no name or no value.
    """
    chosen: dict[Side, dict[str, str]] = {side: {} for side in Side}
    for written in select:
        prefix, colon, rest = written.partition(":")
        one = colon and prefix in tuple(Side) and "=" in rest
        name, sign, value = (rest if one else written).partition("=")
        if not sign or not name:
            raise ConfigurationError(
                f"--select: {written!r} is not a condition.", "Write provider=… or prompt=…."
            )
        for side in (Side(prefix),) if one else Side:
            chosen[side][name] = value
    return Selection(reader=reader, values=chosen)
