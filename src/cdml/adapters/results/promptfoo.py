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
    require,
    text,
)
from cdml.results.reader import Record, ResultColumn, ResultFile, Role, Value

_ERROR = 2
"""`failureReason` where there was no answer; 1 is an assertion that failed, or that raised."""
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


class PromptfooReader:
    """Cases are identified by an id in their metadata, else by their variables.

    `testIdx` is a position, and identifies none.
    """

    name = "promptfoo"

    def recognises(self, path: Path, head: bytes) -> bool:
        """See the port."""
        del path
        return bool(_JSON.match(head) or _LINE.match(head))

    def read(self, path: Path) -> ResultFile:
        """See the port."""
        with path.open("rb") as opened:
            lines = _LINE.match(opened.read(2**16)) and path.suffix != ".json"
        records = (
            ((f"{path.name}, line {line:,}", record) for line, record in read_lines(path))
            if lines
            else _results(path)
        )
        file = ResultFile(reader=self.name, columns={}, records=iter(()))
        file.declare(
            ResultColumn("case", Role.KEY),
            ResultColumn("trial", Role.TRIAL),
            ResultColumn("provider", Role.SELECT),
            ResultColumn("prompt", Role.SELECT),
            ResultColumn("success", Role.SCORE, higher_is_better=True),
            ResultColumn("score", Role.SCORE, higher_is_better=True),
            ResultColumn("error", Role.ERROR),
            ResultColumn("latency_ms", Role.LATENCY, higher_is_better=False),
            ResultColumn("cost", Role.COST, higher_is_better=False),
            ResultColumn("total_tokens", Role.TOKENS, higher_is_better=False),
            ResultColumn("prompt_tokens", Role.TOKENS, higher_is_better=False),
            ResultColumn("completion_tokens", Role.TOKENS, higher_is_better=False),
            ResultColumn("description", Role.TEXT),
            ResultColumn("input", Role.TEXT),
            ResultColumn("output", Role.TEXT),
            ResultColumn("reason", Role.TEXT),
        )
        file.records = _Cases(file, path.name).read(records)
        return file


def _results(path: Path) -> Iterator[tuple[str, Any]]:
    for at, record in enumerate(JsonFile(path).items("results", "results")):
        yield f"{path.name}, results.results[{at}]", record


class _Cases:
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
                f"{self._cached:,} answers came from promptfoo's cache: their latency, cost and"
                " tokens are not measured. Use --no-cache."
            )

    def _read(self, where: str, record: Any) -> Record:
        case = self._identify(where, record)
        provider = require(record, "provider", where=where)
        cached = get(record, "response", "cached") is True
        self._cached += cached
        usage = {} if cached else get(record, "tokenUsage") or {}
        return {
            "case": case,
            "trial": text(get(record, "id")),
            "provider": text(get(provider, "label") or get(provider, "id") or provider),
            "prompt": text(get(record, "prompt", "label") or get(record, "promptId")),
            **self._scores(where, record),
            "latency_ms": None if cached else number(get(record, "latencyMs")),
            "cost": None if cached else number(get(record, "cost")),
            "total_tokens": number(get(usage, "total")),
            "prompt_tokens": number(get(usage, "prompt")),
            "completion_tokens": number(get(usage, "completion")),
            "description": text(get(record, "testCase", "description")),
            "input": text(get(record, "vars")),
            "output": text(get(record, "response", "output")),
            "reason": text(get(record, "gradingResult", "reason")),
            **categories(self._file, get(record, "testCase", "metadata")),
        }

    def _identify(self, where: str, record: Any) -> str:
        case = identity(get(record, "testCase", "metadata") or get(record, "metadata"))
        if case is None:
            case = digest(require(record, "vars", where=where))
            self._digested += 1
        test = get(record, "testCase") or {}
        self._definitions.check(case, test.get("description"), test.get("assert"))
        return case

    def _scores(self, where: str, record: Any) -> Mapping[str, Value]:
        """What was measured; what an assertion that could not judge takes part in was not."""
        named = get(record, "namedScores") or {}
        names = {
            name: free_name(self._file, name, Role.SCORE, higher_is_better=True) for name in named
        }
        if get(record, "failureReason") == _ERROR:
            return {"error": text(get(record, "error")) or "no answer"}
        failed = list(_failed(get(record, "gradingResult")))
        if not failed:
            scores = {names[name]: value for name, value in named.items()}
            return {
                "success": require(record, "success", where=where),
                "score": require(record, "score", where=where),
                **scores,
            }
        metrics = {metric for metric, _ in failed if metric}
        if metrics <= named.keys():  # a metric whose name is a template may be any of them
            scores = {names[name]: value for name, value in named.items() if name not in metrics}
        else:
            scores = {}
        return {"error": join(reason for _, reason in failed), **scores}


def _failed(result: Any) -> Iterator[tuple[str | None, str]]:
    """The metric and the reason of each assertion that could not judge."""
    parts = get(result, "componentResults") or []
    for part in parts:
        yield from _failed(part)
    reason = text(get(result, "reason")) or ""
    raised = get(result, "metadata", "graderError") is True or reason.startswith(_RAISED)
    if raised and not any(True for part in parts for _ in _failed(part)):
        yield get(result, "assertion", "metric"), reason.partition("\n")[0]
