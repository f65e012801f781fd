"""A data contract, as far as it says something about rows and columns, with its bounds.

Bounds are the operators of the Open Data Contract Standard.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as field_
from math import isfinite
from typing import Any, Literal

from cdml.config.base import SECONDS
from cdml.tables.query import CompareColumns, LogicalType, Query

_BOUNDS: Mapping[str, tuple[str, Callable[[float, Any], bool]]] = {
    "mustBe": ("{}", lambda x, value: x == value),
    "mustNotBe": ("not {}", lambda x, value: x < value or x > value),
    "mustBeGreaterThan": ("more than {}", lambda x, value: x > value),
    "mustBeGreaterOrEqualTo": ("at least {}", lambda x, value: x >= value),
    "mustBeLessThan": ("less than {}", lambda x, value: x < value),
    "mustBeLessOrEqualTo": ("at most {}", lambda x, value: x <= value),
    "mustBeBetween": ("{} to {}", lambda x, ends: ends[0] <= x <= ends[1]),
    "mustNotBeBetween": ("outside {} to {}", lambda x, ends: x < ends[0] or x > ends[1]),
}
OPERATORS = tuple(_BOUNDS)
PERCENT = ("percent", "%")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractBound:
    """How much is accepted: rows, percent of all rows (0 to 100), or an age in seconds."""

    operator: str
    value: Any
    percent: bool = False
    seconds: bool = False

    def accepts(self, count: int, rows: int) -> bool:
        """Whether so many of these rows are accepted; said so that NaN is not."""
        return self.holds(100 * count / rows if self.percent else count)

    def holds(self, x: float) -> bool:
        """Whether a figure is accepted; said so that NaN is not."""
        _, accepts = _BOUNDS[self.operator]
        return bool(accepts(x, self.value))

    def __str__(self) -> str:
        """`at most 5 %`."""
        values = self.value if isinstance(self.value, list | tuple) else (self.value,)
        figures = [age(value) if self.seconds else f"{value:,}" for value in values]
        text = _BOUNDS[self.operator][0].format(*figures)
        return f"{text} %" if self.percent else text


def age(seconds: float) -> str:
    """`3.5 d`, in the largest unit of which it is one or more."""
    fitting = [unit for unit, size in SECONDS.items() if abs(seconds) >= size]
    unit = fitting[-1] if fitting else "s"
    return f"{seconds / SECONDS[unit]:.3g} {unit}"


NONE = ContractBound(operator="mustBe", value=0)


def read_bound(written: Mapping[str, Any], *, percent: bool = False) -> ContractBound | None:
    """The bound among the keys of a rule; None where it has none."""
    for name in OPERATORS:
        if written.get(name) is not None:
            return ContractBound(operator=name, value=written[name], percent=percent)
    return None


def wrong_bound(bound: ContractBound) -> Iterator[str]:
    """Why no figure can be held against a bound."""
    many = bound.operator.endswith("Between")
    values = bound.value if many and isinstance(bound.value, list) else [bound.value]
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    if len(values) != 1 + many or not numbers or not all(map(isfinite, values)):
        yield f"{bound.operator} needs {'two numbers' if many else 'a number'}, not {bound.value!r}"
    elif many and not values[0] <= values[1]:
        yield f"{bound.operator}: {values[0]} lies above {values[1]}"


Severity = Literal["error", "warning", "info"]

AFTER_OUTCOME = "known_after_outcome"
"""Tag of columns whose value exists only once the outcome does."""
AVAILABILITY = ("availability", "after_outcome")
"""The same said as a custom property: its name and its value."""

# Values are shown only of columns whose class is one of these, or that have none.
_OPEN_CLASSES = frozenset({"public", "open", "none", "unclassified", "non-sensitive"})
_PERSONAL_TAGS = frozenset(
    {"pii", "phi", "personal", "personal_data", "personal-data", "sensitive", "confidential",
     "restricted", "secret", "private", "gdpr"}
)  # fmt: skip
_PERSONAL_NAMES = frozenset(
    {"email", "mail", "phone", "mobile", "telephone", "fax", "name", "firstname", "lastname",
     "surname", "forename", "fullname", "username", "login", "user", "address", "street", "zip",
     "zipcode", "postcode", "postal", "birth", "birthday", "birthdate", "dob", "ssn", "passport",
     "licence", "license", "iban", "bic", "account", "card", "pan", "cvv", "password", "passwd",
     "secret", "token", "ip", "latitude", "longitude", "lat", "lon", "lng", "gps", "gender", "sex",
     "race", "ethnicity", "religion", "nationality", "salary", "income", "diagnosis", "patient",
     "customer", "person", "employee", "comment", "message", "note", "notes"}
)  # fmt: skip
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def looks_personal(name: str) -> bool:
    """Whether a word of a column's name is one that personal data goes by."""
    words = {word.lower() for word in _WORDS.findall(name)}
    return bool(words & _PERSONAL_NAMES) or name.lower() in _PERSONAL_NAMES


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """A quality rule as it was written; `kind` is library, text, sql, custom, or cdml for our own.

    `metric` is of a library rule, or the check of one of ours; `column` stands where the rule names
    one itself; `warns` is accepted, and warns. An sql rule without `query` may not be run.
    """

    kind: str
    name: str
    metric: str | None = None
    bound: ContractBound | None = None
    warns: ContractBound | None = None
    severity: Severity = "error"
    arguments: Mapping[str, Any] = field_(default_factory=dict)
    column: str | None = None
    comparison: CompareColumns | None = None
    query: Query | None = None
    engine: str | None = None
    line: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """A column as the contract promises it, by the name that it has in the file.

    `primary_key` is its position there; `options` are the `logicalTypeOptions`, `accepted` the
    values of `enum`; `nested` promises something about parts of its values. `lines` has the line of
    each key (those of `logicalTypeOptions` among them).
    """

    name: str
    logical: LogicalType | None = None
    physical: str | None = None
    required: bool = False
    unique: bool = False
    primary_key: int | None = None
    personal: bool = False
    after_outcome: bool = False
    options: Mapping[str, Any] = field_(default_factory=dict)
    accepted: tuple[Any, ...] | None = None
    quality: tuple[Quality, ...] = ()
    nested: bool = False
    line: int = 1
    lines: Mapping[str, int] = field_(default_factory=dict)

    def line_of(self, key: str) -> int:
        """The line of what stands under a key, or of the column."""
        return self.lines.get(key, self.line)


@dataclass(frozen=True, slots=True, kw_only=True)
class Relationship:
    """Columns whose values must occur in another table."""

    columns: tuple[str, ...]
    table: str
    their_columns: tuple[str, ...]
    line: int = 1

    def __str__(self) -> str:
        """`a, b in customers (id, land)`."""
        return f"{', '.join(self.columns)} in {self.table} ({', '.join(self.their_columns)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What one table promises; `listed` has lines and words of what nobody here can run."""

    table: str
    properties: tuple[Property, ...]
    quality: tuple[Quality, ...] = ()
    references: tuple[Relationship, ...] = ()
    listed: tuple[tuple[int, str], ...] = ()

    @property
    def primary_key(self) -> tuple[str, ...]:
        """The columns of the primary key, in their order."""
        keyed = [(p.primary_key, p.name) for p in self.properties if p.primary_key is not None]
        return tuple(name for _, name in sorted(keyed, key=lambda pair: pair[0]))

    @property
    def after_outcome(self) -> frozenset[str]:
        """The columns that are known only after the outcome."""
        return frozenset(p.name for p in self.properties if p.after_outcome)

    @property
    def classified(self) -> frozenset[str]:
        """The columns whose values a class or a tag keeps from being shown or stored."""
        return frozenset(p.name for p in self.properties if p.personal)

    def may_disclose(self, column: str) -> bool:
        """Whether values of a column may be shown: only if nothing speaks against it."""
        return column not in self.classified and not looks_personal(column)


NO_CONTRACT = Contract(table="", properties=())


def is_personal(classification: str | None, tags: tuple[str, ...]) -> bool:
    """Whether a class or a tag keeps values from being shown; unknown classes do."""
    closed = classification is not None and classification.strip().lower() not in _OPEN_CLASSES
    return closed or any(tag.strip().lower() in _PERSONAL_TAGS for tag in tags)
