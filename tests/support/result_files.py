"""Files of results in the shapes of the tools that write them, for tests."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def promptfoo_result(case: str | None = "c1", **changes: Any) -> dict[str, Any]:
    """A result of promptfoo 0.123; without a case, its variables identify it."""
    passed = changes.pop("passed", True)
    question = changes.pop("question", case)
    metadata = {} if case is None else {"case_id": case, "topic": "geo"}
    score = 1 if passed else 0
    component = {"pass": passed, "score": score, "reason": "…", "assertion": {"metric": "correct"}}
    return {
        "cost": 0.25,
        "gradingResult": {"pass": passed, "reason": "…", "componentResults": [component]},
        "id": f"id-{case}-{question}",
        "latencyMs": 40,
        "namedScores": {"correct": score},
        "prompt": {"raw": f"Answer: {question}", "label": "new"},
        "promptIdx": 0,
        "provider": {"id": "echo", "label": "model"},
        "response": {"output": "Paris", "cached": False},
        "score": score,
        "success": passed,
        "testCase": {"description": "d", "vars": {"question": question}, "metadata": metadata},
        "testIdx": 0,
        "tokenUsage": {"total": 10, "prompt": 7, "completion": 3},
        "vars": {"question": question},
        "failureReason": 0 if passed else 1,
        **changes,
    }


def write_promptfoo(path: Path, results: Sequence[Mapping[str, Any]]) -> Path:
    """Write results as promptfoo does by the name of the file."""
    if path.suffix == ".jsonl":
        return write_lines(path, results)
    prompts = [{"label": "new", "metrics": {"score": 1}}]
    parts = {"version": 3, "prompts": prompts, "results": results, "stats": {"successes": 1}}
    path.write_text(json.dumps({"evalId": "eval-1", "results": parts, "config": {}}, indent=1))
    return path


def write_lines(path: Path, records: Sequence[Mapping[str, Any]]) -> Path:
    """Write a file of JSON Lines."""
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    return path
