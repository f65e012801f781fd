"""The frame of a ragas result, `to_pandas()`, as JSON Lines, JSON, CSV or Parquet."""

import re
from collections.abc import Iterator
from math import isnan
from pathlib import Path
from typing import Any

from cdml.adapters.results.frames import frame_names, frame_rows
from cdml.adapters.results.records import (
    digest,
    identity,
    is_identity,
    join,
    require,
    start_file,
    text,
)
from cdml.results.column_names import is_cost, is_latency, is_tokens, suggests_a_role
from cdml.results.reader import Record, ResultColumn, ResultFile, Role, Value

_ROW = re.compile(rb'\A\s*\[?\s*\{\s*"user_input"\s*:')
_ANSWERS = ("response", "multi_responses", "retrieved_contexts", "reference_contexts", "reference")
"""Every frame has one of these and the question, whatever its metrics."""
_DESCRIBED = frozenset(
    ("user_input", *_ANSWERS, "rubrics", "reference_topics", "reference_tool_calls",
     "persona_name", "query_style", "query_length", "synthesizer_name")
)  # fmt: skip
"""What ragas says of a question."""
_COLUMNS = {
    "case": Role.KEY, "error": Role.ERROR,
    **dict.fromkeys(("input", "output", "expected"), Role.TEXT),
}  # fmt: skip
_OURS = _DESCRIBED | _COLUMNS.keys()


class RagasReader:
    """Cases are identified by an id that the data has, else by their question."""

    name = "ragas"

    def recognises(self, path: Path, head: bytes) -> bool:
        """See the port."""
        names = frame_names(path, head)
        if names is None:
            names = head if _ROW.match(head) else b""
        return b"user_input" in names and any(name.encode() in names for name in _ANSWERS)

    def read(self, path: Path) -> ResultFile:
        """See the port."""
        with path.open("rb") as opened:
            head = opened.read(2**16)
        file = start_file(self.name, _COLUMNS)
        for name in sorted({name for _, row in frame_rows(path, head) for name in _numbers(row)}):
            file.declare(ResultColumn(name, Role.SCORE))
        file.records = _records(file, frame_rows(path, head))
        return file


def _numbers(row: Any) -> Iterator[str]:
    """Columns that hold a number in this row, and are not for something else by their name."""
    others = (_OURS.__contains__, suggests_a_role, is_latency, is_cost, is_tokens)
    for name, value in row.items() if isinstance(row, dict) else ():
        if isinstance(value, int | float) and not any(is_other(name) for is_other in others):
            yield name


def _records(file: ResultFile, rows: Iterator[tuple[str, Any]]) -> Iterator[Record]:
    digested = False
    for where, row in rows:
        asked = require(row, "user_input", where=where)
        case = identity(row)
        digested = digested or case is None
        yield {
            **_others(file, row),
            "case": case or digest(asked),
            "input": text(asked),
            "output": text(row.get("response")),
            "expected": text(row.get("reference")),
        }
    if digested:
        file.notes.append("Rows without an id are identified by a digest of their user_input.")


def _others(file: ResultFile, row: dict[str, Any]) -> dict[str, Value]:
    """The metrics and other columns; ragas writes NaN where a metric raised an error."""
    values: dict[str, Value] = {}
    problems = [text(row.get("error"))]
    for name, value in row.items():
        if name in _OURS or is_identity(name) or isinstance(value, dict | list):
            continue
        unmeasured = value is None or (isinstance(value, float) and isnan(value))
        values[name] = None if unmeasured else value
        if unmeasured and name in file.columns:
            problems.append(f"{name}: no value")
    return {**values, "error": join(problems)}
