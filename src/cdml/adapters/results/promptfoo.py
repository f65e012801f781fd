"""Results of promptfoo: `eval --output` as .json or .jsonl."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cdml.adapters.results.json_stream import JsonFile, read_lines
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

_FAILED, _ERROR = 1, 2
"""`failureReason` of an assertion that failed, or that raised; and where there was no answer."""
_RAISED = (
    "Custom function threw error:",
    "Python code execution failed:",
    "Ruby code execution failed:",
    "Webhook error:",
    "Scoring function error:",
    "Invalid regex pattern:",
    "Could not extract JSON from",
    "llm-rubric produced malformed response",
)
"""How the reason of an assertion begins that could not judge, and is written as score 0."""
_JSON = re.compile(rb'\A\s*\{\s*"evalId"\s*:|\A\s*\{\s*"results"\s*:\s*\{\s*"version"\s*:')
_LINE = re.compile(rb'\A\s*\{[^\n]*"(?:namedScores|gradingResult|promptIdx)"\s*:')
_CSV = re.compile(rb"\A[^\n]*,Status,Score,Named Scores,[^\n]*Grader Reason,")
_COLUMNS = {
    "case": Role.KEY, "trial": Role.TRIAL, "provider": Role.SELECT, "prompt": Role.SELECT,
    "success": Role.SCORE, "score": Role.SCORE, "error": Role.ERROR, "latency_ms": Role.LATENCY,
    "cost": Role.COST,
    **dict.fromkeys(("total_tokens", "prompt_tokens", "completion_tokens"), Role.TOKENS),
    **dict.fromkeys(("description", "input", "output", "reason"), Role.TEXT),
}  # fmt: skip


class PromptfooReader:
    """Cases are identified by an id in their metadata, else by their variables.

    `testIdx` is a position, and identifies none.
    """

    name = "promptfoo"

    def recognises(self, path: Path, head: bytes) -> bool:
        """See the port."""
        del path
        return any(form.match(head) for form in (_JSON, _LINE, _CSV))

    def read(self, path: Path) -> ResultFile:
        """See the port."""
        with path.open("rb") as opened:
            head = opened.read(2**16)
        if _CSV.match(head):
            raise InputError(
                f"{path.name} is promptfoo's CSV, which has neither errors nor case ids.",
                "Write the results as JSON: promptfoo eval --output results.json.",
            )
        records = (
            ((f"{path.name}, line {line:,}", record) for line, record in read_lines(path))
            if not _JSON.match(head)
            else _results(path)
        )
        file = start_file(self.name, _COLUMNS, higher_is_better=["success", "score"])
        file.records = _Results(file, path.name).read(records)
        return file


def _results(path: Path) -> Iterator[tuple[str, Any]]:
    for at, record in enumerate(JsonFile(path).items("results", "results")):
        yield f"{path.name}, results.results[{at}]", record


class _Results:
    def __init__(self, file: ResultFile, written: str) -> None:
        self._file = file
        hint = "Give each test an id: metadata: {case_id: …}."
        self._definitions = Definitions(written, hint)
        self._digested = self._cached = 0

    def read(self, records: Iterator[tuple[str, Any]]) -> Iterator[Record]:
        for where, record in records:
            yield self._read(where, record)
        if self._digested:
            self._file.notes.append(
                "Tests without an id in their metadata are identified by a digest of their"
                " variables."
            )
        if self._cached:
            self._file.notes.append(
                f"Answers from promptfoo's cache have no latency, cost or tokens ({self._cached:,}"
                " of them). Use --no-cache."
            )

    def _read(self, where: str, record: Any) -> Record:
        provider = require(record, "provider", where=where)
        test, response = (part(record, key, where) for key in ("testCase", "response"))
        cached = response.get("cached") is True
        self._cached += cached
        measured = {} if cached else record
        usage = part(measured, "tokenUsage", where)
        return {
            "case": self._identify(where, record, test),
            "trial": text(record.get("id")),
            "provider": text(get(provider, "label") or get(provider, "id") or provider),
            "prompt": text(get(record, "prompt", "label") or record.get("promptId")),
            **self._scores(where, record),
            "latency_ms": number(measured.get("latencyMs")),
            "cost": number(measured.get("cost")),
            "total_tokens": number(usage.get("total")),
            "prompt_tokens": number(usage.get("prompt")),
            "completion_tokens": number(usage.get("completion")),
            "description": text(test.get("description")),
            "input": text(record.get("vars")),
            "output": text(response.get("output")),
            "reason": text(part(record, "gradingResult", where).get("reason")),
            **categories(self._file, test.get("metadata")),
        }

    def _identify(self, where: str, record: Any, test: dict[str, Any]) -> str:
        case = identity(test.get("metadata") or record.get("metadata"))
        if case is None:
            case = digest(require(record, "vars", where=where))
            self._digested += 1
        self._definitions.check(case, test.get("description"), test.get("assert"))
        return case

    def _scores(self, where: str, record: Any) -> Mapping[str, Value]:
        """What was measured; what an assertion that could not judge takes part in was not."""
        named = part(record, "namedScores", where)
        names = {
            name: free_name(self._file, name, Role.SCORE, higher_is_better=True) for name in named
        }
        reason, error = get(record, "failureReason"), text(get(record, "error"))
        if reason == _ERROR or (reason is None and error and not get(record, "gradingResult")):
            return {"error": error or "no answer"}
        if named or reason == _FAILED:  # without it, a judge's failure cannot be seen
            require(record, "gradingResult", "componentResults", where=where)
        failed = list(_failed(get(record, "gradingResult"), where))
        if not failed:
            scores = {names[name]: value for name, value in named.items()}
            return {
                "success": require(record, "success", where=where),
                "score": require(record, "score", where=where),
                **scores,
            }
        metrics = {metric for metric, _ in failed if metric is not None}
        if metrics <= named.keys():  # a metric whose name is a template may be any of them
            scores = {names[name]: value for name, value in named.items() if name not in metrics}
        else:
            scores = {}
        return {"error": join(reason for _, reason in failed), **scores}


def _failed(result: Any, where: str) -> Iterator[tuple[str | None, str]]:
    """The metric and the reason of each assertion that could not judge; "" for any metric."""
    inner = [
        one
        for component in parts(result, "componentResults", where)
        for one in _failed(component, where)
    ]
    yield from inner
    reason = text(get(result, "reason")) or ""
    raised = get(result, "metadata", "graderError") is True or reason.startswith(_RAISED)
    if raised and not inner:
        assertion = get(result, "assertion")
        metric = "" if assertion is None else text(get(assertion, "metric"))
        yield metric, reason.partition("\n")[0]
