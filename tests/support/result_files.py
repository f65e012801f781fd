"""Files of results in the shapes of the tools that write them, for tests."""

import csv
import hashlib
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Case:
    """One case as a tool scored it.

    Without an `id`, its question identifies it. Where there is an `error`, its instrument failed;
    `more` are fields that a future version of the tool may write.
    """

    id: str | None
    score: Any = 1.0
    error: str | None = None
    question: str = ""
    trial: int = 1
    more: Mapping[str, Any] | None = None

    @property
    def asked(self) -> str:
        return self.question or f"question {self.id}"


def write_lines(path: Path, records: Sequence[Mapping[str, Any]]) -> Path:
    """Write a file of JSON Lines."""
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    return path


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


def _promptfoo(path: Path, cases: Sequence[Case]) -> Path:
    results = []
    for at, case in enumerate(cases):
        failed = {"score": 0, "reason": case.error, "metadata": {"graderError": True}}
        component = failed if case.error else {"score": case.score, "reason": "…"}
        component |= {"assertion": {"metric": "quality"}}
        score = 0 if case.error else case.score
        results.append(
            promptfoo_result(
                case.id,
                question=case.asked,
                testIdx=at,
                id=f"{case.asked} {case.trial}",
                namedScores={"quality": score},
                gradingResult={"componentResults": [component]},
                **(case.more or {}),
            )
        )
    return write_promptfoo(path, results)


def _deepeval(path: Path, cases: Sequence[Case]) -> Path:
    written = []
    for at, case in enumerate(cases):
        metric = {"name": "quality", "threshold": 0.5, "success": not case.error}
        metric |= {"error": case.error} if case.error else {"score": case.score}
        written.append(
            {
                "name": case.id or f"test_case_{at}",
                "input": case.asked,
                "actualOutput": "…",
                "success": not case.error,
                "metricsData": [metric],
                "order": at,
                **(case.more or {}),
            }
        )
    about = {"conversationalTestCases": [], "metricsScores": [], "testPassed": 1}
    path.write_text(json.dumps({"testCases": written, **about}))
    return path


def inspect_log(cases: Sequence[Case], **changes: Any) -> dict[str, Any]:
    """A log of Inspect AI 0.3."""
    samples = [
        {
            "id": at if case.id is None else case.id,
            "epoch": case.trial,
            "input": case.asked,
            "target": "…",
            "scores": {} if case.error else {"quality": {"value": case.score}},
            "model_usage": {"m": {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}},
            **({"error": {"message": case.error, "traceback": "…"}} if case.error else {}),
            **(case.more or {}),
        }
        for at, case in enumerate(cases, 1)
    ]
    about = {"version": 2, "status": "success", "eval": {"eval_id": "e"}, "results": {}}
    return {**about, **changes, "samples": samples, "reductions": []}


def _inspect(path: Path, cases: Sequence[Case]) -> Path:
    path.write_text(json.dumps(inspect_log(cases), indent=1))
    return path


def pack_inspect(path: Path, log: Mapping[str, Any]) -> Path:
    """Write a log as `.eval`: its header, a file of each sample, and their summaries."""
    header = {key: value for key, value in log.items() if key != "samples"}
    summaries = [
        {**sample, "error": sample.get("error", {}).get("message")} for sample in log["samples"]
    ]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for at, sample in enumerate(log["samples"]):
            name = f"samples/{at}_epoch_{sample['epoch']}.json"
            archive.writestr(name, json.dumps(sample))
        archive.writestr("summaries.json", json.dumps(summaries))
        archive.writestr("header.json", json.dumps(header))
    return path


def _packed(path: Path, cases: Sequence[Case]) -> Path:
    return pack_inspect(path, inspect_log(cases))


def _lm_eval(path: Path, cases: Sequence[Case]) -> Path:
    return write_lines(
        path,
        [
            {
                "doc_id": case.trial,
                "doc": {"question": case.asked},
                "target": "…",
                "arguments": {"gen_args_0": {"arg_0": case.asked}},
                "filtered_resps": ["…"],
                "filter": "none",
                "metrics": ["quality"],
                "doc_hash": case.id or hashlib.sha256(case.asked.encode()).hexdigest(),
                "quality": case.score,
                **(case.more or {}),
            }
            for case in cases
        ],
    )


def _mlflow_traces(path: Path, cases: Sequence[Case]) -> Path:
    traces = []
    for case in cases:
        feedback: dict[str, Any] = {"value": case.score}
        if case.error:
            feedback = {"value": None, "error": {"error_message": case.error}}
        info = {
            "trace_id": f"tr-{case.asked}-{case.trial}",
            "state": "OK",
            "trace_metadata": {"mlflow.traceInputs": json.dumps({"question": case.asked})},
            "assessments": [
                {"assessment_name": "quality", "feedback": feedback, "valid": True},
                {"assessment_name": "expected_response", "expectation": {"value": 7}},
            ],
            "tags": {"mlflow.user": "u"} | ({"case_id": case.id} if case.id else {}),
            "execution_duration_ms": 5,
            **(case.more or {}),
        }
        traces.append({"info": info, "data": {"spans": []}})
    path.write_text(json.dumps(traces, indent=1))
    return path


def _frame(cases: Sequence[Case]) -> list[dict[str, Any]]:
    return [
        {
            "trace_id": f"tr-{case.asked}-{case.trial}",
            "quality/value": None if case.error else case.score,
            "quality/error_message": case.error,
            "expected_response/value": 7,
            "state": "OK",
            "execution_duration": 5,
            "request": {"question": case.asked},
            "response": "…",
            "tags": {"mlflow.user": "u"} | ({"case_id": case.id} if case.id else {}),
            **(case.more or {}),
        }
        for case in cases
    ]


def _mlflow_json(path: Path, cases: Sequence[Case]) -> Path:
    path.write_text(json.dumps(_frame(cases), indent=1).replace("/value", "\\/value"))
    return path


def _mlflow_csv(path: Path, cases: Sequence[Case]) -> Path:
    return write_csv(path, _frame(cases))


def _ragas(path: Path, cases: Sequence[Case]) -> Path:
    rows = [
        {
            "user_input": case.asked,
            "response": "…",
            "reference": "…",
            **({"case_id": case.id} if case.id else {}),
            "quality": case.score,
            **(case.more or {}),
        }
        for case in cases
    ]
    return (write_csv if path.suffix == ".csv" else write_lines)(path, rows)


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write rows of CSV, as pandas does."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, dict.fromkeys(name for row in rows for name in row))
        writer.writeheader()
        for row in rows:
            writer.writerow({k: v for k, v in row.items() if v == v})  # noqa: PLR0124 - NaN is left out
    return path


def _mlflow_parquet(path: Path, cases: Sequence[Case]) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(_frame(cases)), path)
    return path


@dataclass(frozen=True)
class Format:
    """One format of a tool: the reader's name, a file's name, and how the tool writes it."""

    reader: str
    file: str
    write: Callable[[Path, Sequence[Case]], Path]
    errors: bool = True
    """Whether the tool goes on after an error."""


FORMATS = (
    Format("promptfoo", "out.json", _promptfoo),
    Format("promptfoo", "out.jsonl", _promptfoo),
    Format("deepeval", "test_run.json", _deepeval),
    Format("inspect", "log.json", _inspect),
    Format("inspect", "log.eval", _packed),
    Format("lm-eval", "samples_toy.jsonl", _lm_eval, errors=False),
    Format("mlflow", "traces.json", _mlflow_traces),
    Format("mlflow", "frame.json", _mlflow_json),
    Format("mlflow", "frame.csv", _mlflow_csv),
    Format("mlflow", "frame.parquet", _mlflow_parquet),
    Format("ragas", "ragas.jsonl", _ragas, errors=False),
    Format("ragas", "ragas.csv", _ragas, errors=False),
)
