"""Values that several parts of cdml.yaml are made of: columns, metrics, bounds and shares."""

import re
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic.functional_validators import AfterValidator

from cdml.statistics import metrics
from cdml.statistics.metric_names import unknown_metric

PERCENT = re.compile(r"(?P<number>\d+(\.\d*)?|\.\d+)\s*%")


def _number(written: object) -> object:
    """A bound is in the metric's own unit: no percentage, and not yes or no."""
    if isinstance(written, bool):
        raise ValueError(f"write a number, not {written!r}")
    if isinstance(written, str) and (match := PERCENT.fullmatch(written.strip())):
        raise ValueError(f"write {float(match['number']) / 100:g}: a bound cannot be a percentage")
    return written


def _validate_metric(name: str) -> str:
    metric = metrics.find_metric(name)
    if metric is None:
        raise ValueError(unknown_metric(name))
    return metric.name


BoundValue = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
MetricName = Annotated[str, AfterValidator(_validate_metric)]


def _column(written: object) -> object:
    """Columns may be called by numbers, as those of an array are."""
    counted = isinstance(written, int) and not isinstance(written, bool)
    return str(written) if counted else written


ColumnName = Annotated[str, BeforeValidator(_column, json_schema_input_type=str | int)]


def _columns(written: object) -> object:
    if written is None:
        return ()
    return written if isinstance(written, list | tuple) else (written,)


ColumnNames = Annotated[
    tuple[ColumnName, ...], BeforeValidator(_columns, json_schema_input_type=str | list[str])
]


def _share(written: object) -> object:
    """Read `1%` as 0.01."""
    if isinstance(written, str) and (match := PERCENT.fullmatch(written.strip())):
        return float(match["number"]) / 100
    return _number(written)


Share = Annotated[
    float, BeforeValidator(_share, json_schema_input_type=float | str), Field(ge=0, lt=1)
]
