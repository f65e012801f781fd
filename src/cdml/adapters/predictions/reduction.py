"""What is read of predictions, wherever they lie: columns that must be there, classes, figures."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cdml.adapters.predictions.class_check import refuse_unknown
from cdml.adapters.predictions.pairing import Pair, Predictions, require_columns
from cdml.adapters.predictions.row_sql import (
    PREDICTION,
    SCORE,
    Row,
    as_class,
    as_number,
    binary_value,
    is_positive,
)
from cdml.adapters.predictions.slicing import slicing
from cdml.adapters.predictions.statistics_query import StatisticsQuery
from cdml.adapters.tables.duckdb_engine import SqlRunner
from cdml.adapters.tables.sql_engine import quote
from cdml.config.class_labels import list_classes
from cdml.errors import InputError
from cdml.evaluation.prediction_store import Layout
from cdml.statistics.metrics import Loss, Metric, Statistic, Summary, Task
from cdml.tables.query import LogicalType

if TYPE_CHECKING:
    from cdml.results.scales import Spread

MOST_CLASSES = 1_000
_FIRST = 2048
_ENOUGH = 10
"""Rows of each class that do not have their scores in reverse order by chance."""


def check_columns(
    engine: SqlRunner, files: Sequence[Predictions], layout: Layout, metrics: tuple[Metric, ...]
) -> tuple[str, ...]:
    """The columns of scores that these metrics read.

    Raises:
        InputError: a file lacks a column that is needed, or holds no numbers in it.
    """
    scores = _scores(files, layout, metrics)
    columns = ((m.column or layout.cost) if m.loss is Loss.COLUMN else None for m in metrics)
    figures = tuple(dict.fromkeys(filter(None, columns)))
    for file in files:
        slices = (*layout.extra_columns, *_grouping(layout, metrics)) if file is files[0] else ()
        needed = figures
        _require_scores(file, scores, metrics)
        if _outcomes(layout, metrics):
            needed = (layout.required_label, PREDICTION, *needed)
        require_columns(file, (*layout.key, *slices, *needed))
        _require_numbers(file, (*figures, *_labels(engine, file, metrics)))
    if scores == (SCORE,):
        for file in files:
            _refuse_turned_round(engine, file, layout)
    _require_numbers(files[0], (layout.weight,) if layout.weight else ())
    for column in figures:
        _require_one_type(engine, files, column)
    if not layout.partial:  # a gate; a mere report shows what there is
        _require_one_scale(engine, files, metrics)
    return scores


def reduction(
    engine: SqlRunner,
    pair: Pair,
    layout: Layout,
    metrics: tuple[Metric, ...],
    scores: tuple[str, ...],
    *,
    collects: bool = True,
) -> StatisticsQuery:
    """What is counted and added up of paired rows; without `collects`, no row is read."""
    sensitive = _grouping(layout, metrics)
    groups = slicing(engine, pair.challenger, sensitive, layout.max_slices)
    return StatisticsQuery(
        engine=engine,
        row=Row(
            pair=pair,
            layout=layout,
            classes=find_classes(engine, pair, layout),
            outcomes=_outcomes(layout, metrics),
        ),
        slices=slicing(engine, pair.challenger, layout.slices, layout.max_slices),
        metrics=metrics,
        scores=scores,
        sensitive=next(iter(groups), None),
        collects=collects,
    )


def find_classes(engine: SqlRunner, pair: Pair, layout: Layout) -> tuple[str, ...]:
    """The classes of a multiclass task; else none.

    Raises:
        InputError: labels and predictions do not fit the task.
    """
    if layout.task is Task.BINARY:
        for file in filter(None, (pair.challenger, pair.champion)):
            _refuse_more_than_two(engine, file, layout)
    if layout.task is not Task.MULTICLASS:
        return ()
    names: set[str] = set()
    for file in filter(None, (pair.challenger, pair.champion)):
        labels, predictions = (
            _distinct(
                engine, as_class(quote(column), file.fields[column]), column, file, MOST_CLASSES + 1
            )
            for column in (layout.required_label, PREDICTION)
        )
        refuse_unknown(file, layout, labels, predictions)
        names |= labels | predictions
    if len(names) > MOST_CLASSES:
        raise InputError(
            f"{pair.challenger.path} has more than {MOST_CLASSES:,} classes.",
            "Set data.task to regression if the label is a number.",
        )
    return tuple(sorted(names))


def _labels(engine: SqlRunner, file: Predictions, metrics: Sequence[Metric]) -> tuple[str, ...]:
    """The columns of human labels in which a file holds any; an empty one has no type."""
    names = dict.fromkeys(name for metric in metrics for name in metric.labels or ())
    held = [name for name in names if name is not None and name in file.fields]
    if not held:
        return ()
    counts = ", ".join(f"count({quote(name)})" for name in held)
    [labels] = engine.fetch(f"SELECT {counts} FROM {file.relation}", file.path)
    return tuple(name for name, number in zip(held, labels, strict=True) if number)


def _distinct(engine: SqlRunner, text: str, column: str, file: Predictions, most: int) -> set[str]:
    """The values of a column as text; each value is written but once."""
    values = (
        f"SELECT DISTINCT {quote(column)} FROM {file.relation}"
        f" WHERE {quote(column)} IS NOT NULL LIMIT {most}"
    )
    rows = engine.fetch(f"SELECT DISTINCT {text} FROM ({values})", file.path)
    return {name for (name,) in rows}


def _refuse_more_than_two(engine: SqlRunner, file: Predictions, layout: Layout) -> None:
    """Refuse a label of three values, and predictions that are none of the label's two.

    Also refused is a class that is the positive one in one column alone: compared with another
    model of that kind, its answers would be equal whatever they are.
    """
    scored: dict[str, bool] = {}
    columns = (layout.required_label, PREDICTION)
    if all(file.fields[column].type is LogicalType.BOOLEAN for column in columns):
        return
    for column in columns:
        classes = _binary_classes(engine, file, column, layout.positive)
        if len(classes | scored) > 2:  # noqa: PLR2004 - binary
            unscored = sorted(classes.keys() - scored.keys())
            subject = "label" if column == layout.required_label else "prediction"
            raise InputError(
                f"{file.path}: the {subject} of a binary task has {len(classes)} values"
                f" ({list_classes(unscored)}"
                + (f" besides the labels {list_classes(sorted(scored))})." if scored else ")."),
                "Predictions must be values of the label. For a multiclass task, remove"
                " data.positive.",
            )
        if any(scored.get(name, positive) is not positive for name, positive in classes.items()):
            raise InputError(
                f"{file.path}: the positive class, {layout.positive!r}, is written differently in"
                f" the label and in the column {PREDICTION!r}.",
                "Write both columns and data.positive in the same way.",
            )
        scored |= classes


def _binary_classes(
    engine: SqlRunner, file: Predictions, column: str, positive: bool | int | str | None
) -> dict[str, bool]:
    """The values of a binary label or prediction, and whether each is the positive class."""
    name, field = quote(column), file.fields[column]
    values = (
        f"SELECT DISTINCT {name} FROM {file.relation} WHERE {name} IS NOT NULL LIMIT {MOST_CLASSES}"
    )
    found = f"{binary_value(name, field)}, {is_positive(name, field, positive)}"
    rows = engine.fetch(f"SELECT DISTINCT {found} FROM ({values})", file.path)
    return {text: bool(is_it) for text, is_it in rows}


def _scores(
    files: Sequence[Predictions], layout: Layout, metrics: Sequence[Metric]
) -> tuple[str, ...]:
    if not any(metric.needs_score for metric in metrics):
        return ()
    if layout.task is Task.BINARY:
        return (SCORE,)
    return tuple(
        sorted({name for file in files for name in file.fields if name.startswith(f"{SCORE}_")})
    ) or (f"{SCORE}_<class>",)


def _grouping(layout: Layout, metrics: Sequence[Metric]) -> tuple[str, ...]:
    fair = any(metric.family.reads is Statistic.GROUPS for metric in metrics)
    return (layout.sensitive,) if fair and layout.sensitive else ()


def _outcomes(layout: Layout, metrics: Sequence[Metric]) -> bool:
    """Whether labels and predictions are read: figures of generated text may be all there is."""
    return layout.task is not Task.GENERATION or any(metric.of_outcomes for metric in metrics)


def _require_numbers(file: Predictions, columns: Sequence[str]) -> None:
    for name in columns:
        kind = file.fields[name].type
        if not (kind.numeric or kind is LogicalType.BOOLEAN):
            raise InputError(
                f"{file.path}: the column {name!r} contains {kind.words}, not numbers.",
                "Write numbers.",
            )


def _require_one_type(engine: SqlRunner, files: Sequence[Predictions], column: str) -> None:
    """Refuse truth values in one file and numbers outside 0 to 1 in the other."""
    flags = [one for one in files if one.fields[column].type is LogicalType.BOOLEAN]
    numbers = [one for one in files if one not in flags]
    if not (flags and numbers):
        return
    text = f"CAST({quote(column)} AS DOUBLE)"
    for file in numbers:
        [(low, high)] = engine.fetch(
            f"SELECT min({text}), max({text}) FROM {file.relation}", file.path
        )
        if low is not None and not 0 <= low <= high <= 1:
            raise InputError(
                f"{column} is true or false in {flags[0].path}, and {low:g} to {high:g} in"
                f" {file.path}.",
                "Write it in the same way in both.",
            )


def _require_one_scale(
    engine: SqlRunner, files: Sequence[Predictions], metrics: Sequence[Metric]
) -> None:
    """Refuse figures that seem to be on two scales, unless the gate declares their range."""
    if len(files) == 1:
        return
    from cdml.results.scales import describe_two_scales  # few metrics are of columns

    for metric in metrics:
        declares = metric.summary in {Summary.MEAN, Summary.MEDIAN}
        if metric.column is None or (declares and metric.range is not None):
            continue
        spreads = [_spread(engine, file, metric.column) for file in files]
        one, other = spreads
        better = metric.greater_is_better
        if (
            one
            and other
            and (told := describe_two_scales(metric.column, one, other, greater_is_better=better))
        ):
            way_out = f" If it is, declare the `range` of {metric.name} at its gate."
            raise InputError(
                f"{told}: {files[0].path} and {files[1].path} cannot be compared.",
                f"Write the column in the same way in both.{way_out if declares else ''}",
            )


def _spread(engine: SqlRunner, file: Predictions, column: str) -> "Spread | None":
    """How a file's figures are spread; None where there are none."""
    from cdml.results.scales import Spread

    number = as_number(quote(column), file.fields[column])
    log = "CASE WHEN x > 0 THEN ln(x) END"
    [(low, high, mean, logs, squares, fractions)] = engine.fetch(
        f"SELECT min(x), max(x), avg(x), avg({log}), avg(({log}) * ({log})),"
        f" max(CASE WHEN x <> floor(x) THEN 1 ELSE 0 END) FROM (SELECT {number} AS x"
        f" FROM {file.relation})",
        file.path,
    )
    if low is None:
        return None
    log_mean, square = (math.nan if one is None else float(one) for one in (logs, squares))
    return Spread(
        low=float(low),
        high=float(high),
        mean=float(mean),
        log_mean=log_mean,
        log_deviation=math.sqrt(max(0.0, square - log_mean * log_mean)),
        fractions=bool(fractions),
    )


def _refuse_turned_round(engine: SqlRunner, file: Predictions, layout: Layout) -> None:
    """Refuse scores that are higher in every row of the other class: they are of that class."""
    positive = is_positive(quote(PREDICTION), file.fields[PREDICTION], layout.positive)
    score = f"CAST({quote(SCORE)} AS DOUBLE)"
    usable = f"{score} BETWEEN 0 AND 1"  # what is none is refused with the other rows
    columns = f"SELECT {quote(PREDICTION)}, {quote(SCORE)} FROM {file.relation}"
    both, fewest = False, 0
    # The first rows of most files show that it is not so.
    for rows in (f"({columns} LIMIT {_FIRST}) AS first_rows", file.relation):
        [(positives, highest, others, lowest)] = engine.fetch(
            f"SELECT sum(CASE WHEN {positive} THEN 1 ELSE 0 END),"
            f" max(CASE WHEN {positive} AND {usable} THEN {score} END),"
            f" sum(CASE WHEN {positive} THEN 0 ELSE 1 END),"
            f" min(CASE WHEN NOT {positive} AND {usable} THEN {score} END) FROM {rows}",
            file.path,
        )
        both, fewest = None not in (highest, lowest), min(positives or 0, others or 0)
        if both and highest >= lowest:
            return
    if both and fewest >= _ENOUGH:
        raise InputError(
            f"{file.path}: every row predicted as {layout.positive!r} has a lower score than all"
            " the others.",
            "score is the probability of the positive class (data.positive), not of the other.",
        )


def _require_scores(file: Predictions, scores: Sequence[str], metrics: Sequence[Metric]) -> None:
    """Refuse a file without probabilities; it may lack those of some class, but not all."""
    if not scores or any(score in file.fields for score in scores):
        return
    asking = ", ".join(metric.name for metric in metrics if metric.needs_score)
    raise InputError(
        f"{file.path} has no column {scores[0]!r}: {asking} needs probabilities.",
        "A predictions file needs `score`, the probability of the positive class, or"
        " `score_<class>` for each class. A model must return them (docs/answers.md).",
    )
