"""Which columns of the data a model is given: decided here, for scoring and for every check."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

ANY = -1
"""A dimension of a tensor that may have any size: that of the rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purposes:
    """What cdml.yaml names columns of the data for.

    Key and label (`identity`) are no inputs unless a signature names them, `others` such as slices
    and weights none unless a signature or `features` does. `features` are the inputs of a model
    that names none itself.
    """

    identity: frozenset[str] = frozenset()
    features: tuple[str, ...] = ()
    others: frozenset[str] = frozenset()


NO_PURPOSES = Purposes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unnamed:
    """Inputs that a signature counts and does not name: types in order, or a tensor's one."""

    types: tuple[str, ...]
    shape: tuple[int, ...] | None = None

    def types_of(self, columns: int, *, lists: bool) -> tuple[str, ...] | None:
        """The type of each column, the first perhaps of lists; None if they cannot be given."""
        if self.shape is None:
            return self.types if columns == len(self.types) else None
        rows, *rest = self.shape or (0,)
        if rows != ANY or ANY in rest:
            return None
        alone = columns == 1 and (lists or rest == [])
        return self.types * columns if alone or rest == [columns] else None

    def __str__(self) -> str:
        """`2 columns without names`."""
        if self.shape is None:
            return f"{len(self.types)} column{'s' * (len(self.types) != 1)} without names"
        if len(self.shape) == 2 and self.shape[0] == ANY != self.shape[1]:  # noqa: PLR2004 - rows, columns
            return f"{self.shape[1]} columns without names"
        return f"a tensor of shape {self.shape}"


def input_columns(
    named: Sequence[str] | None, purposes: Purposes, columns: Collection[str]
) -> tuple[str, ...]:
    """The columns that a model is given, in their order; `named` by its signature, or None."""
    chosen = named if named is not None else purposes.features or None
    if chosen is not None:
        return tuple(name for name in chosen if name in columns)
    left_out = purposes.identity | purposes.others
    return tuple(name for name in columns if name not in left_out)


def contradiction(
    features: Sequence[str], types: Mapping[str, str] | None, required: Collection[str]
) -> str:
    """Why `data.features` and a signature that names its inputs (if it does) contradict."""
    if not features or types is None:
        return ""
    strange = [name for name in features if name not in types]
    lost = [name for name in required if name not in features]
    problems = [f"names {', '.join(strange)}, which the signature does not have"] if strange else []
    problems += [f"leaves out {', '.join(lost)}, which the signature requires"] if lost else []
    return ", and ".join(problems)
