"""Samples that lm-evaluation-harness logs with `--log_samples`: a file of one task, or a folder."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from cdml.adapters.results.json_stream import read_lines
from cdml.adapters.results.records import free_name, get, parts, require, start_file, text
from cdml.errors import InputError
from cdml.results.reader import Record, ResultFile, Role, Value

_LINE = re.compile(rb'\A\s*\{\s*"doc_id"\s*:')
_NAME = re.compile(r"samples_(?P<task>.+?)(?:_(?P<time>\d{4}-\d\d-\d\dT[\d.:-]+))?\.jsonl")
_FIELDS = frozenset(
    ("doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics",
     "doc_hash", "prompt_hash", "target_hash")
)  # fmt: skip
_COLUMNS = {
    "case": Role.KEY, "trial": Role.TRIAL, "task": Role.SELECT, "filter": Role.SELECT,
    **dict.fromkeys(("input", "output", "expected"), Role.TEXT),
}  # fmt: skip


class LmEvalReader:
    """Documents are identified by their hash; `doc_id` is a position.

    One document that occurs several times in a task has as many trials.
    """

    name = "lm-eval"

    def recognises(self, path: Path, head: bytes) -> bool:
        """See the port."""
        if path.is_dir():
            return any(path.rglob("samples_*.jsonl"))
        return bool(_LINE.match(head))

    def read(self, path: Path) -> ResultFile:
        """See the port."""
        file = start_file(self.name, _COLUMNS)
        files = _newest(path) if path.is_dir() else [path]
        file.records = _records(file, files)
        return file


def _newest(folder: Path) -> Sequence[Path]:
    """The newest samples of each task, of one model."""
    files = sorted(folder.rglob("samples_*.jsonl"), key=lambda file: file.name)
    models = sorted({str(file.parent.relative_to(folder)) for file in files})
    if len(models) > 1:
        raise InputError(
            f"{folder} has samples of several models: {', '.join(models)}.",
            "Give the folder of one model.",
        )
    return list({_task(file): file for file in files}.values())


def _task(file: Path) -> str:
    match = _NAME.fullmatch(file.name)
    return match["task"] if match else file.stem


def _directions(folder: Path, task: str) -> dict[str, bool]:
    """Whether more is better, by metric, as the newest results next to the samples say."""
    for results in sorted(folder.glob("results*.json"), reverse=True):
        try:
            read = json.loads(results.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{results.name} cannot be read: {error}.") from error
        directions = get(read, "higher_is_better", task)
        if isinstance(directions, dict):
            return {name: up for name, up in directions.items() if isinstance(up, bool)}
    return {}


def _records(file: ResultFile, files: Sequence[Path]) -> Iterator[Record]:
    skipped: set[str] = set()
    for path in files:
        task = _task(path)
        directions = _directions(path.parent, task)
        for line, record in read_lines(path):
            where = f"{path.name}, line {line:,}"
            metrics = parts(record, "metrics", where) or sorted(record.keys() - _FIELDS)
            yield {
                "case": str(require(record, "doc_hash", where=where)),
                "trial": require(record, "doc_id", where=where),
                "task": task,
                "filter": text(require(record, "filter", where=where)),
                **_scores(file, record, map(str, metrics), directions, skipped),
                "input": _input(record),
                "output": text(record.get("filtered_resps")),
                "expected": text(record.get("target")),
            }
    for name in sorted(skipped):
        file.notes.append(f"{name} is not compared: it has no number for each document.")


def _scores(
    file: ResultFile,
    record: dict[str, Any],
    metrics: Iterable[str],
    directions: dict[str, bool],
    skipped: set[str],
) -> dict[str, Value]:
    scores: dict[str, Value] = {}
    for name in metrics:
        value = record.get(name)
        if isinstance(value, list | dict):
            skipped.add(name)
        else:
            column = free_name(file, name, Role.SCORE, higher_is_better=directions.get(name))
            scores[column] = value
    return scores


def _input(record: dict[str, Any]) -> str | None:
    """The prompt; the document where it is not recorded."""
    prompt = get(record, "arguments", "gen_args_0", "arg_0")
    return prompt if isinstance(prompt, str) else text(record.get("doc"))
