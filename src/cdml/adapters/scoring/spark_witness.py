"""The few rows that decide what the answers of all rows mean, found by Spark.

What an answer means depends on its columns' values as a whole: whether all are classes, lie
between 0 and 1, or add up to 1. The rows found here hold each column's extremes, each class, each
class's extremes, and the row whose numbers are farthest from adding up to 1. So what is read from
them with any other rows is what is read from all.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import functions as F  # noqa: N812 - as everywhere
from pyspark.sql.types import StructField, StructType

from cdml.adapters.scoring.predictions import LabelColumn, Reading, Words, read_table
from cdml.adapters.scoring.spark_functions import ANSWER, Shape
from cdml.errors import InputError
from cdml.evaluation.scorer import ScoringJob

_MANY = 1000
"""Values of a column from which on they are not classes."""
_NEARLY = 1.1
"""Spark's estimate of a number of values may be so much above it."""
_PAIRED = 5
"""Columns of numbers up to which their extremes are found for each class."""


def find(rows: Any, shape: Shape, *, binary: bool) -> Any:
    """An Arrow table of answers; `rows` are a data frame with the struct of answers."""
    kinds = {one.name: one.type for one in shape.schema}
    numbers = [name for name, kind in kinds.items() if pa.types.is_floating(kind)]
    lists = [name for name, kind in kinds.items() if pa.types.is_list(kind)]
    answer = F.col(ANSWER)
    ranks = [_bad(name) for name in kinds]
    for name in numbers:
        ranks += [_column(name), -_column(name)]
    ranks += [F.size(_column(name)) for name in lists] + [-F.size(_column(name)) for name in lists]
    own = [name for name in numbers if name.startswith("a")]
    if own:
        ranks.append(F.abs(sum((_column(name) for name in own), F.lit(-1.0))))
    estimates = [F.approx_count_distinct(_column(name)) for name in numbers]
    [found] = rows.select(
        *(F.max_by(answer, rank) for rank in ranks), F.first(answer), *estimates
    ).collect()
    answers = list(found)[: len(ranks) + 1]
    few = {
        name
        for name, estimate in zip(numbers, list(found)[len(ranks) + 1 :], strict=True)
        if estimate <= _MANY * _NEARLY
    }
    paired = numbers if binary and len(numbers) <= _PAIRED else []
    for name in kinds:
        if name in lists or (name in numbers and name not in few):
            continue
        each = [F.first(answer)]
        for number in paired:
            each += [F.max_by(answer, _column(number)), F.min_by(answer, _column(number))]
        for row in rows.groupBy(_column(name)).agg(*each).limit(_MANY + 1).collect():
            answers += list(row)[1:]
    there = dict.fromkeys(tuple(one) for one in map(_hashable, answers) if one is not None)
    columns = list(zip(*there, strict=True))
    arrays = [
        pa.array([list(v) if isinstance(v, tuple) else v for v in column], one.type)
        for column, one in zip(columns, shape.schema, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=shape.schema)


def understand(
    job: ScoringJob, witness: Any, words: Words, label: LabelColumn, rows: Any
) -> Reading:
    """What the witness means, and so all answers; errors count all `rows`.

    Raises:
        InputError: the answers cannot be used, or what they mean is not certain.
    """
    try:
        return read_table(job, witness, words, label)
    except InputError as error:
        flags = [F.sum(_bad(name)) for name in witness.column_names]
        bad = [count or 0 for count in rows.select(*flags).first()]
        good = witness.filter(pa.array(_complete(witness)))
        if not any(bad) or not _reads(job, good, words, label):
            raise
        worst = max(range(len(bad)), key=bad.__getitem__)
        total, subject = rows.count(), "predictions" if witness.num_columns == 1 else "scores"
        raise InputError(
            f"{bad[worst]:,} of {total:,} {subject} are missing or not finite.", error.hint
        ) from error


def schema(names: Sequence[str], fields: Sequence[Any], reading: Reading) -> Any:
    """The columns of the predictions: those of the rows under their names, and what was read."""
    from pyspark.sql.pandas.types import from_arrow_type

    added = [reading.prediction.type, *(pa.float64() for _ in reading.scores)]
    kinds = [*(one.dataType for one in fields), *map(from_arrow_type, added)]
    return StructType([StructField(n, kind) for n, kind in zip(names, kinds, strict=True)])


def matrix(pairs: Sequence[tuple[Any, Any, int]], width: int) -> Any:
    """Rows by prediction and label, of counted pairs; shape (width, width)."""
    counts = np.zeros((width, width))
    for predicted, labelled, rows in pairs:
        counts[int(predicted), int(labelled)] += rows
    return counts


def _column(name: str) -> Any:
    return F.col(f"{ANSWER}.{name}")


def _bad(name: str) -> Any:
    """1 for a value that is missing or not finite."""
    value = _column(name)
    text = value.cast("string")
    return F.when(value.isNull() | text.isin("NaN", "Infinity", "-Infinity"), 1).otherwise(0)


def _hashable(answer: Any) -> tuple[Any, ...] | None:
    if answer is None:
        return None
    return tuple(tuple(value) if isinstance(value, list) else value for value in answer)


def _complete(witness: Any) -> list[bool]:
    columns = [column.to_pylist() for column in witness.columns]
    return [all(map(_is_good, row)) for row in zip(*columns, strict=True)]


def _is_good(value: Any) -> bool:
    return value is not None and not (isinstance(value, float) and not np.isfinite(value))


def _reads(job: ScoringJob, witness: Any, words: Words, label: LabelColumn) -> bool:
    try:
        read_table(job, witness, words, label)
    except InputError:
        return False
    return True
