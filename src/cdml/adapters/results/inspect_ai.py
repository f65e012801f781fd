"""Logs of Inspect AI: `.eval` and `.json`."""

import re
from collections.abc import Iterator, Mapping
from math import isnan
from pathlib import Path
from typing import Any

from cdml.adapters.results.json_stream import JsonFile
from cdml.adapters.results.records import (
    categories,
    digest,
    free_name,
    get,
    join,
    number,
    part,
    require,
    start_file,
    text,
    whole,
)
from cdml.adapters.results.zip_entries import ZipEntries
from cdml.errors import InputError
from cdml.results.reader import Record, ResultColumn, ResultFile, Role, Value

_JSON = re.compile(rb'\A\s*\{\s*"version"\s*:\s*\d+\s*,\s*"status"\s*:\s*"\w+"')
_LETTERS: Mapping[str, int | float] = {"C": 1, "P": 0.5, "I": 0, "N": 0}
"""Correct, partial, incorrect and no answer, as Inspect's `value_to_float` counts them."""
_WORDS = {"yes": 1, "true": 1, "no": 0, "false": 0}
_COLUMNS = {
    "case": Role.KEY, "trial": Role.TRIAL, "error": Role.ERROR, "latency_s": Role.LATENCY,
    **dict.fromkeys(("input_tokens", "output_tokens", "total_tokens"), Role.TOKENS),
    **dict.fromkeys(("input", "output", "expected", "reason"), Role.TEXT),
}  # fmt: skip


class InspectReader:
    """Samples are identified by their id; one that is a number may be a position.

    Those are identified by their input.
    """

    name = "inspect"

    def recognises(self, path: Path, head: bytes) -> bool:
        """See the port."""
        if head.startswith(b"PK"):
            return path.suffix == ".eval"
        return bool(_JSON.match(head))

    def read(self, path: Path) -> ResultFile:
        """See the port."""
        with path.open("rb") as opened:
            packed = opened.read(2) == b"PK"
        file = start_file(self.name, _COLUMNS)
        samples = _packed_samples(path) if packed else _samples(path)
        file.records = _Samples(file, path.name).read(samples)
        return file


def _samples(path: Path) -> Iterator[tuple[str, Any]]:
    log = JsonFile(path)
    try:
        for at, sample in enumerate(log.items("samples")):
            if at == 0:
                _refuse_failed(path, log.members)
            yield f"{path.name}, samples[{at}]", sample
    except InputError:
        _refuse_failed(path, log.members)  # says more than that there are no samples
        raise
    _refuse_failed(path, log.members)


def _refuse_failed(path: Path, members: Mapping[tuple[str, ...], Any]) -> None:
    log = {keys[0]: value for keys, value in members.items()}
    if "status" in log and log["status"] != "success":
        raise _failed(path, log)


def _failed(path: Path, log: Any) -> InputError:
    status = get(log, "status")
    message = text(get(log, "error", "message")) or ""
    problem = f": {message.splitlines()[0]}" if message else ""
    return InputError(
        f"{path.name} is the log of a run that did not succeed (status: {status}{problem}).",
        "Run the evaluation again, or finish it with `inspect eval-retry`: missing samples"
        " would bias the comparison.",
    )


def _packed_samples(path: Path) -> Iterator[tuple[str, Any]]:
    """The summaries of samples, which are small; the samples, where their whole input is needed."""
    entries = ZipEntries(path)
    header = entries.read("header.json")
    if header is None:
        raise _failed(path, {"status": "started"})
    if get(header, "status") != "success":
        raise _failed(path, header)
    summaries = entries.read("summaries.json")
    names = [name for name in entries.names() if name.startswith("samples/")]
    if summaries is None or any(not isinstance(get(one, "id"), str) for one in summaries):
        for name in names:
            yield f"{path.name}, {name}", entries.read(name)
        return
    for at, summary in enumerate(summaries):
        yield f"{path.name}, summaries.json[{at}]", summary


class _Samples:
    def __init__(self, file: ResultFile, written: str) -> None:
        self._file = file
        self._written = written
        self._digested = self._unanswered = 0
        self._listed: set[str] = set()

    def read(self, samples: Iterator[tuple[str, Any]]) -> Iterator[Record]:
        for where, sample in samples:
            yield self._read(where, sample)
        names = ", ".join(sorted(self._listed))
        if names and not any(c.role is Role.SCORE for c in self._file.columns.values()):
            raise InputError(
                f"{self._written}: all scores are lists: {names}.",
                "Record one number for each score.",
            )
        if names:
            self._file.notes.append(f"Scores that are lists are not compared: {names}.")
        if self._digested:
            self._file.notes.append(
                "Samples whose id is a number are identified by a digest of their input,"
                " because Inspect numbers samples without an id by position."
            )
        if self._unanswered:
            self._file.notes.append(
                f"N (no answer) counts as 0, as in Inspect ({self._unanswered:,} of the scores)."
            )

    def _read(self, where: str, sample: Any) -> Record:
        usage = list(part(sample, "model_usage", where).values())
        return {
            "case": self._identify(where, sample),
            "trial": require(sample, "epoch", where=where),
            **self._scores(where, sample),
            "latency_s": number(get(sample, "working_time") or get(sample, "total_time")),
            **{
                name: number(sum(whole(get(one, name)) for one in usage))
                for name in ("input_tokens", "output_tokens", "total_tokens")
            },
            "input": text(get(sample, "input")),
            "output": text(get(sample, "output", "completion")),
            "expected": text(get(sample, "target")),
            **categories(self._file, get(sample, "metadata")),
        }

    def _identify(self, where: str, sample: Any) -> str:
        case = require(sample, "id", where=where)
        if isinstance(case, str):
            return case
        self._digested += 1
        return digest(require(sample, "input", where=where))

    def _scores(self, where: str, sample: Any) -> dict[str, Value]:
        error = get(sample, "error")
        message = text(get(error, "message")) if isinstance(error, dict) else text(error)
        reason = get(sample, "invalidation", "reason") or get(sample, "invalidation")
        problems = [message, f"invalidated: {text(reason)}" if reason else None]
        failed = any(problems)
        scores: dict[str, Value] = {}
        reasons = []
        listed: set[str] = set()
        for scorer, score in part(sample, "scores", where).items():
            if not isinstance(score, dict) or "value" not in score:
                raise InputError(f"{where}: scores.{scorer}.value is missing.")
            value = score["value"]
            named = value if isinstance(value, dict) else {"": value}
            for key, single in named.items():
                name = f"{scorer}/{key}" if key else scorer
                if isinstance(single, list | dict):
                    listed.add(name)
                    continue
                converted = self._convert(single)
                name = free_name(self._file, name, Role.SCORE)
                if isinstance(single, str) and single in _LETTERS:
                    self._file.declare(ResultColumn(name, Role.SCORE, higher_is_better=True))
                scores[name] = None if failed else converted
                if converted is None and not failed:
                    problems.append(f"{name}: unscored {text(get(score, 'reason')) or ''}".strip())
            if get(score, "explanation"):
                reasons.append(f"{scorer}: {text(get(score, 'explanation'))}")
        if not scores and not failed and not listed:
            problems.append("not scored")
        self._listed |= listed
        return {**scores, "error": join(problems), "reason": join(reasons)}

    def _convert(self, value: Any) -> Value:
        """A score as a number, by Inspect's own rules; None where it was not measured."""
        match value:
            case None:
                return None
            case bool() | int():
                return value
            case float():
                return None if isnan(value) else value
            case _:
                self._unanswered += value == "N"
                if value in _LETTERS:
                    return _LETTERS[value]
                return _WORDS.get(value.lower(), str(value))
