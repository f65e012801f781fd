"""What cdml.yaml itself needs of the rows: a key that identifies, a label that is there."""

from collections.abc import Iterable, Iterator, Mapping

from cdml.common.suggest import describe_unknown
from cdml.data.contract import ContractBound
from cdml.data.rules.contract import not_null, unique
from cdml.data.rules.rule import DataRule, RuleOrCheck
from cdml.tables.query import CellValue, Compare, Field
from cdml.tables.types import coerce


def missing_columns(named: Mapping[str, Iterable[str]], fields: Iterable[str]) -> list[str]:
    """A sentence for each column that a key of cdml.yaml names and the data does not have."""
    columns = list(fields)
    return [
        f"data.{place}: {describe_unknown('column', name, columns)}"
        for place, names in named.items()
        for name in names
        if name not in columns
    ]


def identity_rules(
    key: tuple[str, ...], label: Field, positive: CellValue | None
) -> Iterator[RuleOrCheck]:
    """The rules that hold with and without a contract."""
    for name in key:
        yield not_null(name, "key_not_null")
    yield unique("key_unique", key)
    yield not_null(label.name, "label_not_null")
    if positive is not None:
        yield DataRule(
            name="positive_occurs", column=label.name, what=f"rows are of the class {positive!r}",
            breaking=Compare(label.name, "==", positive),
            bound=ContractBound(operator="mustBeGreaterThan", value=0),
        )  # fmt: skip


def positive_class(written: bool | int | str | None, label: Field) -> CellValue | None:
    """The positive class in the label's type (true may be 1); None where no row can have it."""
    if isinstance(written, bool) and label.type.numeric:
        return written if label.type == "boolean" else int(written)
    return coerce(written, label.type)
