"""Smoke cases: the first rows as the model was given them, and its answers."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from cdml.adapters.scoring.untrusted_files import read_answers
from cdml.evaluation.scorer import ScoringJob
from cdml.evidence.reference_rows import SUFFIX
from cdml.evidence.store import write_atomically

_PLAIN = (bool, int, float, str, type(None))


def write_reference_rows(
    job: ScoringJob,
    features: Path,
    inputs: Sequence[str],
    answers: Path,
    names: Sequence[str | int | float | bool] | None,
) -> None:
    """Write them next to the predictions; not where JSON has no word for a value.

    It has none for a time, and none for an infinity. Where the model was given a column that is
    classified, only its name is written: rows without it are not what it answered to. `features` is
    what the model was given, of which `inputs`; `answers` has columns `a0`, ... and their names,
    None for an array.
    """
    excluded = {name.casefold() for name in job.classified}
    classified = [name for name in inputs if name.casefold() in excluded]
    if classified:
        _write(job, {"columns": [], "rows": [], "answers": [], "classified": classified})
        return
    rows, predictions = _first(features, job.recorded_rows), _first(job.output, job.recorded_rows)
    if not rows or not all(_has_a_word(row[name]) for row in rows for name in inputs):
        return
    columns = list(inputs)
    document = {
        "columns": columns,
        "rows": [[_sent(row[name]) for name in columns] for row in rows],
        "answers": [*_answers(predictions), *_as_answered(_checked(answers, job), names)],
    }
    _write(job, document)


def _write(job: ScoringJob, recorded: dict[str, Any]) -> None:
    document = {"schema": "cdml.known/1", **recorded}
    content = json.dumps(document, ensure_ascii=False, allow_nan=False)
    write_atomically(job.output.with_suffix(SUFFIX), content.encode())


def _first(path: Path, rows: int) -> list[dict[str, Any]]:
    with pq.ParquetFile(path) as file:
        return next((batch.to_pylist() for batch in file.iter_batches(rows)), [])


def _checked(answers: Path, job: ScoringJob) -> list[dict[str, Any]]:
    """The first answers, as a file that the model could write is read."""
    rows = pq.read_metadata(job.output).num_rows
    records: list[dict[str, Any]] = (
        read_answers(answers, rows).slice(0, job.recorded_rows).to_pylist()
    )
    return records


def _has_a_word(value: Any) -> bool:
    return isinstance(value, _PLAIN) and not (isinstance(value, float) and math.isinf(value))


def _answers(records: list[dict[str, Any]]) -> list[list[Any]]:
    """The predictions; the score of the positive class; the probabilities of all classes."""
    answers = [[row["prediction"] for row in records]]
    if records and "score" in records[0]:
        scores = [row["score"] for row in records]
        answers += [scores, [[1 - score, score] for score in scores]]
    classes = [name for name in (records[0] if records else ()) if name.startswith("score_")]
    if classes:
        answers.append([[row[name] for name in classes] for row in records])
    return answers


def _as_answered(
    rows: list[dict[str, Any]], names: Sequence[str | int | float | bool] | None
) -> list[list[Any]]:
    """The answer itself as a server may send it: of each row its values by name, or just them."""
    columns = [name for name in rows[0] if name.startswith("a")]
    if not all(_has_words(row[column]) for row in rows for column in columns):
        return []
    lists = [[_sent(row[column]) for column in columns] for row in rows]
    keys = [str(name) for name in (range(len(columns)) if names is None else names)]
    mappings = [dict(zip(keys, row, strict=True)) for row in lists]
    return [mappings, [row[0] for row in lists] if len(columns) == 1 else lists]


def _has_words(value: Any) -> bool:
    return all(map(_has_a_word, value)) if isinstance(value, list) else _has_a_word(value)


def _sent(value: Any) -> Any:
    return None if isinstance(value, float) and value != value else value  # noqa: PLR0124 - NaN
