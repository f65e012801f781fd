"""How much is accepted, in the operators of the Open Data Contract Standard."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

_ACCEPTS: Mapping[str, Callable[[float, Any], bool]] = {
    "mustBe": lambda x, value: x == value,
    "mustNotBe": lambda x, value: x < value or x > value,
    "mustBeGreaterThan": lambda x, value: x > value,
    "mustBeGreaterOrEqualTo": lambda x, value: x >= value,
    "mustBeLessThan": lambda x, value: x < value,
    "mustBeLessOrEqualTo": lambda x, value: x <= value,
    "mustBeBetween": lambda x, ends: ends[0] <= x <= ends[1],
    "mustNotBeBetween": lambda x, ends: x < ends[0] or x > ends[1],
}
_BOUND_WORDS = {
    "mustBe": "{}",
    "mustNotBe": "not {}",
    "mustBeGreaterThan": "more than {}",
    "mustBeGreaterOrEqualTo": "at least {}",
    "mustBeLessThan": "less than {}",
    "mustBeLessOrEqualTo": "at most {}",
    "mustBeBetween": "{} to {}",
    "mustNotBeBetween": "outside {} to {}",
}
OPERATORS = tuple(_ACCEPTS)
PERCENT = ("percent", "%")
SECONDS: Mapping[str, int] = {"s": 1, "m": 60, "h": 3600, "d": 86400}
"""The units an age is written in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """How much is accepted.

    Attributes:
        operator: `mustBe`, `mustBeLessThan`, …
        value: a number, or two for the between operators (both ends belong to it).
        percent: whether `value` is a share of all rows, 0 to 100.
        seconds: whether `value` is an age in seconds.
    """

    operator: str
    value: Any
    percent: bool = False
    seconds: bool = False

    def accepts(self, count: int, rows: int) -> bool:
        """Whether so many of these rows are accepted; said so that NaN is not."""
        return self.holds(100 * count / rows if self.percent else count)

    def holds(self, x: float) -> bool:
        """Whether a figure is accepted; said so that NaN is not."""
        return bool(_ACCEPTS[self.operator](x, self.value))

    def __str__(self) -> str:
        """`at most 5 %`."""
        values = self.value if isinstance(self.value, list | tuple) else (self.value,)
        figures = [age(value) if self.seconds else f"{value:,}" for value in values]
        told = _BOUND_WORDS[self.operator].format(*figures)
        return f"{told} %" if self.percent else told


def age(seconds: float) -> str:
    """`3.5 d`, in the largest unit of which it is one or more."""
    fitting = [unit for unit, size in SECONDS.items() if abs(seconds) >= size]
    unit = fitting[-1] if fitting else "s"
    return f"{seconds / SECONDS[unit]:.3g} {unit}"


NONE = Bound(operator="mustBe", value=0)


def read_bound(written: Mapping[str, Any], *, percent: bool = False) -> Bound | None:
    """The bound among the keys of a rule; None where it has none."""
    given = ((name, written.get(name)) for name in OPERATORS)
    operator, value = next(((name, v) for name, v in given if v is not None), (None, None))
    return None if operator is None else Bound(operator=operator, value=value, percent=percent)


def wrong_bound(bound: Bound) -> Iterator[str]:
    """Why no figure can be held against a bound."""
    many = bound.operator.endswith("Between")
    values = bound.value if many and isinstance(bound.value, list) else [bound.value]
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    if len(values) != 1 + many or not numbers or not all(map(isfinite, values)):
        yield f"{bound.operator} needs {'two numbers' if many else 'a number'}, not {bound.value!r}"
    elif many and not values[0] <= values[1]:
        yield f"{bound.operator}: {values[0]} lies above {values[1]}"
