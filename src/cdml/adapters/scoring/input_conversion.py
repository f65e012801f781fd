"""Columns in the types that a signature requires, where nothing is lost by it.

What MLflow would refuse, and what would change a value, is refused here, before the model is
started, with the column and the reason.
"""

from collections.abc import Callable, Container, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cdml.data.rules.signature import FIRST, FLOATING, INTEGER_RANGES, LAST, ROUNDED, TRUTH
from cdml.tables.query import LogicalType

_TARGETS = {
    "boolean": pa.bool_(), "integer": pa.int32(), "long": pa.int64(), "float": pa.float32(),
    "double": pa.float64(), "string": pa.string(), "datetime": pa.timestamp("ns"),
    "bool": pa.bool_(), "float32": pa.float32(), "float64": pa.float64(),
    **{f"{sign}int{bits}": getattr(pa, f"{sign}int{bits}")()
       for sign in ("", "u") for bits in (8, 16, 32, 64)},
}  # fmt: skip


_SCALARS = frozenset(
    {"boolean", "integer", "long", "float", "double", "string", "datetime", "binary"}
)
"""What MLflow calls the types of columns that hold no lists; a tensor's have numpy's names."""


_NESTED = ("object", "map")


class Unfit(ValueError):
    """A column cannot be given as the signature requires; the text says why."""


def convert(column: Any, type_name: str, *, required: bool) -> Any:
    """A chunked array as the signature requires, or `Unfit`; None where an empty one is left out.

    `wanted` is MLflow's name of the type, or of a tensor numpy's; others are left as they are.
    """
    column = decode(column)
    missing = int(pc.sum(pc.is_null(column, nan_is_null=True)).as_py() or 0)
    if missing == len(column):
        return _nothing(column, type_name, required=required)
    if type_name in INTEGER_RANGES and missing:
        raise Unfit(
            f"{missing:,} of {len(column):,} values are missing, but the signature's type"
            f" {type_name} has no missing values (double has)"
        )
    if _is_list(column.type):
        return _lists(column, type_name)
    for types, of_type in _OF_TYPE:
        if type_name in types:
            return of_type(column, type_name)
    if type_name.startswith("array(") or (
        type_name in _NESTED and not pa.types.is_nested(column.type)
    ):
        raise _other(column.type, type_name)
    if pa.types.is_decimal(column.type):  # pandas would hand it on as objects
        return column.cast(pa.float64())
    return column


def decode(column: Any) -> Any:
    """A category as its values; a duration as the number that the file holds of it."""
    if pa.types.is_duration(column.type):
        return column.cast(pa.int64())
    while pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column


def _nothing(column: Any, type_name: str, *, required: bool) -> Any:
    """A column without any value has no type."""
    if type_name in INTEGER_RANGES or type_name.startswith("array("):
        if required:
            message = (
                f"all values are missing, but the signature's type {type_name} has no missing"
                " values"
            )
            raise Unfit(message)
        return None
    return pa.chunked_array([pa.nulls(len(column), _TARGETS.get(type_name, pa.null()))])


def _integer(column: Any, type_name: str) -> Any:
    kind, target = column.type, _TARGETS[type_name]
    if pa.types.is_boolean(kind):
        return column.cast(target)
    if pa.types.is_decimal(kind):
        try:
            return column.cast(target)
        except pa.ArrowInvalid:
            raise Unfit(f"its decimals do not fit into {type_name}") from None
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        raise _other(kind, type_name)
    low, high = INTEGER_RANGES[type_name]
    values = column.to_numpy()
    if pa.types.is_floating(kind):
        values = values.astype(np.float64)
        low, high = max(low, -(2**53)), min(high, 2**53)
    fits = (values >= low) & (values <= high) & (np.floor(values) == values)
    _require(fits, f"do not fit into the signature's type {type_name} (a whole number)")
    return pa.chunked_array([pa.array(values.astype(target.to_pandas_dtype()), target)])


def _floating(column: Any, type_name: str) -> Any:
    kind, target = column.type, _TARGETS[type_name]
    if pa.types.is_boolean(kind):
        return column.cast(pa.int8()).cast(target)
    if pa.types.is_integer(kind):
        most = 2 ** FLOATING[type_name]
        values = column.drop_null().to_numpy()
        if type_name not in ROUNDED:
            fits = (values >= -most) & (values <= most)
            _require(fits, f"are beyond {most}, where {type_name} loses digits")
        return column.cast(target, safe=False)
    if pa.types.is_decimal(kind):
        column = column.cast(pa.float64())
    elif not pa.types.is_floating(kind):
        raise _other(kind, type_name)
    converted = column.cast(target, safe=False)
    before = column.cast(pa.float64()).drop_null().to_numpy()
    after = converted.cast(pa.float64()).drop_null().to_numpy()
    if type_name in ROUNDED:
        _require(np.isfinite(after) | ~np.isfinite(before), f"are beyond the range of {type_name}")
    else:
        fits = (after == before) | np.isnan(before)
        _require(fits, f"would lose digits as {type_name}, the signature's type")
    return converted


def _truth(column: Any, type_name: str) -> Any:
    kind = column.type
    if pa.types.is_boolean(kind):
        return column
    if pa.types.is_decimal(kind):
        column = column.cast(pa.float64())
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        raise _other(kind, type_name)
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    values = column.drop_null().to_numpy()
    _require(
        (values == 0) | (values == 1), "are neither 0 nor 1, but the signature's type is boolean"
    )
    return pc.not_equal(column, pa.scalar(0, column.type))


def _moment(column: Any, type_name: str) -> Any:
    kind = column.type
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        raise Unfit("its times have a time zone, and MLflow's datetime has none")
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        try:
            return column.cast(pa.timestamp("ns"))
        except pa.ArrowInvalid:
            message = (
                "it has text that is not an ISO date or time, but the signature's type is datetime"
            )
            raise Unfit(message) from None
    if pa.types.is_date(kind):
        column = column.cast(pa.timestamp("ms"))
    elif not pa.types.is_timestamp(kind):
        raise _other(kind, type_name)
    if column.type.unit != "ns":
        there = column.drop_null()
        least, most = (pa.scalar(end, pa.timestamp("us")) for end in (FIRST, LAST))
        fits = pc.and_(pc.greater_equal(there, least), pc.less_equal(there, most))
        outside = f"are outside {FIRST.year} to {LAST.year}, the range of MLflow's datetime"
        _require(fits.to_numpy(), outside)
    return column.cast(pa.timestamp("ns"))


def _text(column: Any, type_name: str) -> Any:
    kind = column.type
    if pa.types.is_date(kind):
        return column.cast(pa.date32()).cast(pa.string())
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or _is_view(kind)):
        raise _other(kind, type_name)
    return column


def _bytes(column: Any, type_name: str) -> Any:
    kind = column.type
    texts = pa.types.is_string(kind) or pa.types.is_large_string(kind) or _is_view(kind)
    if not (texts or pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
        raise _other(kind, type_name)
    return column


def _lists(column: Any, type_name: str) -> Any:
    """Lists by the type of their values; what MLflow makes of other lists it says itself."""
    inner = type_name.removeprefix("array(")[:-1] if type_name.startswith("array(") else type_name
    tensor = type_name == inner
    if tensor and type_name in _SCALARS:
        raise _other(column.type, type_name)
    target, item_type = _TARGETS.get(inner), column.type.value_type
    if target is None or item_type == target or _is_list(item_type):
        return column
    rounded = tensor and inner in ROUNDED and not pa.types.is_string(item_type)
    if not rounded and pa.types.is_floating(item_type) and target == pa.float32():
        return column  # which values fit MLflow does not ask: it refuses them all
    size = column.type.list_size if pa.types.is_fixed_size_list(column.type) else -1
    try:
        return column.cast(pa.list_(target, size), safe=not rounded)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise _other(column.type, type_name) from None


def _is_list(kind: Any) -> bool:
    return bool(
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def _is_view(kind: Any) -> bool:
    return bool(pa.types.is_string_view(kind))


def _require(fits: Any, problem: str) -> None:
    bad = len(fits) - int(np.count_nonzero(fits))
    if bad:
        raise Unfit(f"{bad:,} of {len(fits):,} values {problem}")


def describe_arrow_type(kind: Any) -> str:
    """What a column of this type holds, in words: no library's name of a type."""
    types = pa.types
    for is_kind, logical in (
        (types.is_boolean, LogicalType.BOOLEAN), (types.is_integer, LogicalType.INTEGER),
        (types.is_floating, LogicalType.NUMBER), (types.is_decimal, LogicalType.NUMBER),
        (types.is_string, LogicalType.STRING), (types.is_large_string, LogicalType.STRING),
        (types.is_date, LogicalType.DATE), (types.is_timestamp, LogicalType.TIMESTAMP),
        (types.is_time, LogicalType.TIME), (_is_list, LogicalType.ARRAY),
        (types.is_nested, LogicalType.OBJECT),
    ):  # fmt: skip
        if is_kind(kind):
            return logical.words
    return LogicalType.OTHER.words


def _other(kind: Any, type_name: str) -> Unfit:
    return Unfit(
        f"it contains {describe_arrow_type(kind)}, but the signature's type is {type_name}"
    )


_OF_TYPE: Sequence[tuple[Container[str], Callable[[Any, str], Any]]] = (
    (INTEGER_RANGES, _integer),
    (FLOATING, _floating),
    (TRUTH, _truth),
    (("datetime",), _moment),
    (("string",), _text),
    (("binary",), _bytes),
)
