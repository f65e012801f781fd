"""Results of DeepEval: `test_run_*.json`, and `.deepeval/.latest_run_full.json`."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cdml.adapters.results.json_stream import JsonFile
from cdml.adapters.results.records import (
    categories,
    digest,
    free_name,
    get,
    identity,
    join,
    number,
    parts,
    require,
    start_file,
    text,
)
from cdml.results.reader import Record, ResultColumn, ResultFile, Role, Value

_FILE = re.compile(rb'\A\s*\{\s*"(?:testFile|testCases)"\s*:')
_POSITION = re.compile(r"(?:conversational_)?test_case_\d+|.*\[[a-z_]*\d+\]")
"""Names that DeepEval and pytest make of the number of a case."""
_COLUMNS = {
    "case": Role.KEY, "success": Role.SCORE, "error": Role.ERROR, "latency_s": Role.LATENCY,
    "cost": Role.COST, "input_tokens": Role.TOKENS, "output_tokens": Role.TOKENS,
    **dict.fromkeys(("input", "output", "expected", "reason"), Role.TEXT),
}  # fmt: skip


class DeepEvalReader:
    """Cases are identified by an id in their metadata, by their name, else by their input."""

    name = "deepeval"

    def recognises(self, path: Path, head: bytes) -> bool:
        """See the port."""
        del path
        return bool(_FILE.match(head)) and b'"testCases"' in head

    def read(self, path: Path) -> ResultFile:
        """See the port."""
        file = start_file(self.name, _COLUMNS, higher_is_better=["success"])
        file.records = _TestCases(file, path).read()
        return file


class _TestCases:
    def __init__(self, file: ResultFile, path: Path) -> None:
        self._file = file
        self._path = path
        self._digested = 0
        self._directions: dict[str, set[bool]] = {}

    def read(self) -> Iterator[Record]:
        document = JsonFile(self._path)
        for at, case in enumerate(document.items("testCases")):
            yield self._read(f"{self._path.name}, testCases[{at}]", case)
        rest = {key: value for (key,), value in document.members.items()}
        for at, case in enumerate(parts(rest, "conversationalTestCases", self._path.name)):
            yield self._read(f"{self._path.name}, conversationalTestCases[{at}]", case)
        for name, directions in self._directions.items():
            if len(directions) == 1:
                self._file.declare(ResultColumn(name, Role.SCORE, next(iter(directions))))
        if self._digested:
            self._file.notes.append(
                "Test cases without a name are identified by a digest of their input, because"
                " DeepEval numbers them by position."
            )

    def _read(self, where: str, case: Any) -> Record:
        turns = get(case, "turns") or []
        return {
            "case": self._identify(where, case),
            **self._scores(where, case),
            "latency_s": number(get(case, "completionTime")),
            "cost": number(get(case, "tokenCost")),
            "input_tokens": number(get(case, "inputTokenCount")),
            "output_tokens": number(get(case, "outputTokenCount")),
            "input": text(get(case, "input") or get(case, "scenario")),
            "output": text(get(case, "actualOutput") or turns or None),
            "expected": text(get(case, "expectedOutput") or get(case, "expectedOutcome")),
            **categories(self._file, get(case, "metadata")),
        }

    def _identify(self, where: str, case: Any) -> str:
        name = identity(get(case, "metadata")) or text(get(case, "name"))
        if name and not _POSITION.fullmatch(name):
            return name
        self._digested += 1
        if get(case, "scenario") is not None:
            return digest(get(case, "scenario"))
        return digest(require(case, "input", where=where))

    def _scores(self, where: str, case: Any) -> dict[str, Value]:
        scores: dict[str, Value] = {}
        problems, reasons = [], []
        for metric in parts(case, "metricsData", where):
            name = free_name(
                self._file, str(require(metric, "name", where=f"{where}.metricsData")), Role.SCORE
            )
            score, error = get(metric, "score"), text(get(metric, "error"))
            if error or score is None:
                problems.append(f"{name}: {error or 'no score'}")
                scores[name] = None
                continue
            scores[name] = score
            self._learn_direction(name, score, metric)
            if reason := get(metric, "reason"):
                reasons.append(f"{name}: {reason}")
        success = None if problems else get(case, "success")
        return {
            "success": success, **scores, "error": join(problems), "reason": join(reasons)
        }  # fmt: skip

    def _learn_direction(self, name: str, score: Any, metric: Any) -> None:
        """DeepEval does not write whether more is better; its verdict at the threshold says so."""
        threshold, passed = get(metric, "threshold"), get(metric, "success")
        comparable = all(isinstance(part, int | float) for part in (score, threshold))
        if comparable and isinstance(passed, bool) and score != threshold:
            self._directions.setdefault(name, set()).add((score > threshold) == passed)
