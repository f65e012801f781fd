"""The sums of a figure over the rows of a window: their SQL, and what they come to."""

from collections.abc import Mapping, Sequence
from typing import Any

from cdml.adapters.predictions.logs.bin_counts import Group
from cdml.adapters.predictions.row_sql import as_class, binary_value
from cdml.adapters.tables.sql_engine import literal
from cdml.statistics.metrics import Loss, Metric, Task
from cdml.statistics.sequential.degradation import WindowSums
from cdml.statistics.sequential.figures import Figure, Form
from cdml.tables.query import Field, LogicalType


def scaled(figure: Figure, value: str) -> str:
    """A value between 0 and 1; the largest loss that counts is 0."""
    if figure.metric.loss is Loss.BRIER:
        return f"1.0 - {value}"
    share = f"({value} - {figure.worst!r}) / {figure.best - figure.worst!r}"
    return f"least(greatest({share}, 0.0), 1.0)"


def sums_of(figure: Figure, name: str) -> tuple[str, ...]:
    """How many figures there are, their sum and that of their squares; or the cells 0, 1 and 3."""
    if figure.form is Form.WINDOW:
        return f"count({name})", *(f"count_if({name} = {cell})" for cell in (0, 1, 3))
    squares = f"sum({name})" if figure.metric.loss is None else f"sum({name} * {name})"
    return f"count({name})", f"sum({name})", squares, "0"


def add_up(
    rows: str, group: Mapping[str, str], parts: Sequence[str], sums: Sequence[str]
) -> tuple[str, str]:
    """The sums of rows that are alike in all of this, for FROM; and the totals of those sums.

    Equal sums are added up once, and what is the same in all rows of the group is no key.
    """
    fixed = {name: text for name, text in group.items() if "(" not in text}
    keys = [name for name in (*group, *parts) if name not in fixed]
    names = {one: f"cdml_sum_{place}" for place, one in enumerate(dict.fromkeys(sums))}
    columns = [f"{text} AS {name}" for name, text in (fixed | {n: n for n in keys}).items()]
    columns += [f"{one} AS {name}" for one, name in names.items()]
    by = f"GROUP BY {', '.join(keys)}" if keys else "HAVING count(*) > 0"
    totals = ", ".join(f"sum({names[one]})" for one in sums)
    return f"(SELECT {', '.join(columns)} FROM {rows} {by})", totals


def one_value(figure: Figure, value: float) -> WindowSums:
    """The sums of a metric that has one value in a window."""
    one = figure.scale(value)
    return WindowSums(count=1, sum=one, sum_of_squares=one**2)


def window_sums(figure: Figure, parts: Sequence[float]) -> WindowSums | None:
    """The sums of a window; None where nothing informs the metric."""
    count, first, second, third = parts
    if not count:
        return None
    if figure.form is Form.MEAN:
        return WindowSums(count=int(count), sum=float(first), sum_of_squares=float(second))
    tp, fp, fn = third, second, count - first - second - third
    if figure.metric.name == "f1" or figure.metric.beta is not None:
        return _f_measure(figure.metric, tp, fp, fn)
    value = _of_confusion(figure.metric, tp, fp, fn, first)
    return None if value is None else one_value(figure, value)


def _f_measure(metric: Metric, tp: float, fp: float, fn: float) -> WindowSums | None:
    """F as what it is, a weighted share: true positives among themselves and both errors.

    The mean of the windows' own values would be too low where windows have few positives.
    """
    square = (metric.beta or 1.0) ** 2
    unit = max(1.0, 1 / square)  # the smallest weight is 1
    right = unit * (1 + square) * tp
    every = right + unit * (square * fn + fp)
    if not every:
        return None
    count, value = max(1, round(every)), right / every
    return WindowSums(count=count, sum=count * value, sum_of_squares=count * value**2)


def _of_confusion(metric: Metric, tp: float, fp: float, fn: float, tn: float) -> float | None:
    """A metric of confusion counts, as scikit-learn defines it; None where it is not defined."""
    if metric.name == "balanced_accuracy":
        return (tp / (tp + fn) + tn / (tn + fp)) / 2 if tp + fn and tn + fp else None
    product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return (tp * tn - fp * fn) / product**0.5 if product else None


def watched_value(column: str, values: Sequence[str]) -> str:
    """The value of a slice column as text, NULL for those that are not watched."""
    text = f"CAST({column} AS VARCHAR)"
    return f"CASE WHEN {text} IN ({', '.join(map(literal, values))}) THEN {text} END"


def class_of_label(column: str, field: Field, task: Task) -> str:
    """The class of a label as text; a profile has a decimal as the number that it is."""
    if field.type is LogicalType.NUMBER:
        column = f"CAST({column} AS DOUBLE)"
    return binary_value(column, field) if task is Task.BINARY else as_class(column, field)


def count_classes(rows: Sequence[Sequence[Any]]) -> Mapping[Group, Mapping[str, int]]:
    """The labels of each class, by window, serving period and version."""
    by_group: dict[Group, dict[str, int]] = {}
    for window, at, version, values, _, many, *_ in rows:
        if (name := values[-1]) is not None:
            counts = by_group.setdefault((window, at, version), {})
            counts[name] = counts.get(name, 0) + many
    return by_group
