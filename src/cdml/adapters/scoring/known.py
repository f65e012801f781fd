"""Known answers: the first rows as the model was given them, and what it said to them."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from cdml.evidence.known import SUFFIX
from cdml.evidence.store import write_atomically
from cdml.ports import ScoringJob

_PLAIN = (bool, int, float, str, type(None))


def keep(job: ScoringJob, features: Path) -> None:
    """Write them beside the predictions; not where JSON has no word for a value, such as a time.

    Args:
        job: what was scored; its predictions are written.
        features: Parquet file of what the model was given.
    """
    rows = pq.read_table(features).slice(0, job.known).to_pylist()
    said = pq.read_table(job.output).slice(0, job.known).to_pylist()
    if not rows or not all(isinstance(value, _PLAIN) for row in rows for value in row.values()):
        return
    columns = list(rows[0])
    known = {
        "schema": "cdml.known/1",
        "columns": columns,
        "rows": [[_sent(row[name]) for name in columns] for row in rows],
        "answers": _answers(said),
    }
    content = json.dumps(known, ensure_ascii=False, allow_nan=False)
    write_atomically(job.output.with_suffix(SUFFIX), content.encode())


def _answers(said: list[dict[str, Any]]) -> list[list[Any]]:
    """The predictions; the score of the positive class; the probabilities of all classes."""
    answers = [[row["prediction"] for row in said]]
    if said and "score" in said[0]:
        scores = [row["score"] for row in said]
        answers += [scores, [[1 - score, score] for score in scores]]
    classes = [name for name in (said[0] if said else ()) if name.startswith("score_")]
    if classes:
        answers.append([[row[name] for name in classes] for row in said])
    return answers


def _sent(value: Any) -> Any:
    return None if isinstance(value, float) and value != value else value  # noqa: PLR0124 - NaN
