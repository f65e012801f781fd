"""Results of `mlflow.genai.evaluate`: its result frame (JSON, CSV, Parquet), and its traces."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cdml.adapters.results.frames import frame_names, frame_rows
from cdml.adapters.results.json_stream import JsonFile
from cdml.adapters.results.records import (
    Definitions,
    categories,
    digest,
    free_name,
    get,
    identity,
    join,
    number,
    part,
    parts,
    require,
    start_file,
    text,
)
from cdml.errors import InputError
from cdml.results.reader import Record, ResultFile, Role, Value

_TRACES = re.compile(rb'\A\s*\[\s*\{\s*"info"\s*:\s*\{\s*"trace_id"\s*:')
_FRAME = re.compile(rb'\A\s*\[?\s*\{\s*"trace_id"\s*:')
_HINT = "Give each row of the data an id: 'tags': {'case_id': …}."
_INPUTS = "mlflow.traceInputs"
_VALUE, _ERROR = "/value", "/error_message"
_WORDS: Mapping[str, bool] = {"yes": True, "no": False}
"""What the judges of MLflow answer, except `unknown`."""
_COLUMNS = {
    "case": Role.KEY, "trial": Role.TRIAL, "error": Role.ERROR, "latency_ms": Role.LATENCY,
    **dict.fromkeys(("input_tokens", "output_tokens", "total_tokens"), Role.TOKENS),
    **dict.fromkeys(("input", "output", "expected", "reason"), Role.TEXT),
}  # fmt: skip


class MlflowReader:
    """Cases are identified by an id in the tags of their trace, else by their inputs.

    A trace's own id is another one in each run.
    """

    name = "mlflow"

    def recognises(self, path: Path, head: bytes) -> bool:
        """See the port."""
        if (names := frame_names(path, head)) is not None:
            return b"trace_id" in names and _VALUE.encode() in names
        return bool(_TRACES.match(head) or (_FRAME.match(head) and _VALUE.encode() in head))

    def read(self, path: Path) -> ResultFile:
        """See the port."""
        file = start_file(self.name, _COLUMNS)
        file.records = _Traces(file, path.name).read(_rows(path))
        return file


def _rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Traces, or rows of a frame as traces."""
    with path.open("rb") as opened:
        head = opened.read(2**16)
    if _TRACES.match(head):
        for at, trace in enumerate(JsonFile(path).items()):
            yield f"{path.name}, [{at}]", _with_inputs(trace, f"{path.name}, [{at}]")
    else:
        for where, row in frame_rows(path, head):
            yield where, _trace(row)


def _with_inputs(trace: Any, where: str) -> dict[str, Any]:
    """What is recorded about a trace, with its whole inputs: the preview is cut off."""
    require(trace, "info", where=where)
    info = part(trace, "info", where)
    spans = parts(part(trace, "data", where), "spans", where)
    root = next((span for span in spans if not get(span, "parent_span_id")), None)
    inputs = get(root, "attributes", "mlflow.spanInputs")
    if inputs is None:
        inputs = get(info, "trace_metadata", _INPUTS) or get(info, "request_preview")
    return {**info, "inputs": _parsed(inputs)}


def _trace(row: Any) -> dict[str, Any]:
    """A row of the frame in the shape of a trace.

    A column `x/value` is a score or an expectation; the assessments say which.
    """
    if not isinstance(row, dict):
        return {}
    assessments = row.get("assessments")
    if not isinstance(assessments, list | tuple):
        assessments = None
    return {
        **{
            key: row.get(key)
            for key in ("trace_id", "client_request_id", "state", "tags", "trace_metadata")
        },
        "execution_duration_ms": row.get("execution_duration"),
        "inputs": _parsed(row.get("request")),
        "response_preview": row.get("response"),
        "assessments": list(_assessments(row)) if assessments is None else list(assessments),
    }


def _assessments(row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for column in row:
        name = column.removesuffix(_VALUE)
        if name == column or name.startswith("expected_"):
            continue
        error = row.get(f"{name}{_ERROR}")
        yield {
            "assessment_name": name,
            "feedback": {
                "value": row[column],
                "error": {"error_message": error} if error is not None else None,
            },
            "rationale": row.get(f"{name}/rationale"),
        }


class _Traces:
    def __init__(self, file: ResultFile, written: str) -> None:
        self._file = file
        self._definitions = Definitions(written, _HINT)
        self._digested = 0
        self._skipped: set[str] = set()

    def read(self, traces: Iterator[tuple[str, dict[str, Any]]]) -> Iterator[Record]:
        for where, trace in traces:
            yield self._read(where, trace)
        if self._digested:
            self._file.notes.append(
                "Cases without an id in their tags are identified by a digest of their inputs."
            )
        for name in sorted(self._skipped):
            self._file.notes.append(f"{name} is not compared: it has no number for each case.")

    def _read(self, where: str, trace: dict[str, Any]) -> Record:
        inputs = trace.get("inputs")
        case = identity(trace.get("tags")) or text(trace.get("client_request_id"))
        if case is None:
            if inputs is None:
                places = f"request, or info.trace_metadata.{_INPUTS},"
                raise InputError(f"{where}: {places} is missing.", _HINT)
            case = digest(inputs)
            self._digested += 1
        assessments = parts(trace, "assessments", where)
        expected = {
            str(get(one, "assessment_name")): get(one, "expectation", "value")
            for one in assessments
            if get(one, "expectation") is not None
        }
        self._definitions.check(case, expected)
        usage = _parsed(get(trace, "trace_metadata", "mlflow.trace.tokenUsage"))
        names = ("input_tokens", "output_tokens", "total_tokens")
        return {
            "case": case,
            "trial": text(require(trace, "trace_id", where=where)),
            **self._scores(where, trace, assessments),
            "latency_ms": number(trace.get("execution_duration_ms")),
            **{name: number(get(usage, name)) for name in names},
            "input": text(inputs),
            "output": text(_parsed(trace.get("response_preview"))),
            "expected": text(expected or None),
            **categories(self._file, _own_tags(trace.get("tags"))),
        }

    def _scores(self, where: str, trace: dict[str, Any], assessments: Any) -> dict[str, Value]:
        failed = trace.get("state") == "ERROR"
        problems: list[str | None] = ["the trace ended with an error"] if failed else []
        scores: dict[str, Value] = {}
        reasons = []
        for given, assessment in self._feedback(where, assessments).items():
            feedback = get(assessment, "feedback")
            value, error = get(feedback, "value"), get(feedback, "error")
            if isinstance(value, str):
                value = _WORDS.get(value.lower(), value)
            if isinstance(value, list | dict):
                self._skipped.add(given)
                continue
            unmeasured = error is not None or value is None or value in ("unknown", "UNKNOWN")
            name = free_name(self._file, given, Role.SCORE)
            scores[name] = None if failed or unmeasured else value
            if unmeasured:
                problems.append(f"{name}: {_message(error) or 'no value'}")
            if get(assessment, "rationale"):
                reasons.append(f"{name}: {text(get(assessment, 'rationale'))}")
        return {**scores, "error": join(problems), "reason": join(reasons)}

    def _feedback(self, where: str, assessments: Iterable[Any]) -> dict[str, Any]:
        """The newest feedback of each name; feedback of people has other names."""
        newest: dict[str, Any] = {}
        for assessment in sorted(assessments, key=_updated):
            if get(assessment, "feedback") is None or get(assessment, "valid") is False:
                continue
            name = str(require(assessment, "assessment_name", where=f"{where}.assessments"))
            human = get(assessment, "source", "source_type") == "HUMAN"
            newest[f"{name}/human" if human else name] = assessment
        return newest


def _updated(assessment: Any) -> str:
    return text(get(assessment, "last_update_time")) or ""


def _message(error: Any) -> str | None:
    return text(get(error, "error_message") or get(error, "error_code") or error)


def _own_tags(tags: Any) -> dict[str, Any]:
    """The user's tags, without MLflow's."""
    if not isinstance(tags, Mapping):
        return {}
    return {key: value for key, value in tags.items() if not key.startswith("mlflow.")}


def _parsed(value: Any) -> Any:
    """JSON that MLflow stores as text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
