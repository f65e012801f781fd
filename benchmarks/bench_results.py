"""Files of results read as tables: whole processes, imports included."""

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from measure import Row, Usage, usage

RECORDS, ROWS = 30_000, 1_000_000
IMPORTING, READING, LARGE, MEMORY = 0.5, 3.0, 8.0, 1024
PROGRAM = "import sys; from pathlib import Path; from cdml.wiring import read_results; "


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        bare = usage([sys.executable, "-c", "pass"], times=5).seconds
        one = _table(Path(folder, "one.jsonl"), 1)
        importing = _read(one, folder, times=5).seconds - bare
        yield Row(
            "reading one row of JSON Lines, beside Python itself", f"{importing:.2f} s",
            f"≤ {IMPORTING} s", importing <= IMPORTING,
        )  # fmt: skip
        results = _promptfoo(Path(folder, "out.json"))
        load = f"import json; json.load(open({str(results)!r}))"
        loading = usage([sys.executable, "-c", load]).seconds
        ratio = _read(results, folder).seconds / loading
        yield Row(
            f"{RECORDS:,} results of promptfoo / `json.load`", f"{ratio:.1f} × ({loading:.1f} s)",
            f"≤ {READING} ×", ratio <= READING,
        )  # fmt: skip
        used = _read(_table(Path(folder, "rows.jsonl"), ROWS), folder)
        yield Row(
            f"{ROWS:,} rows of JSON Lines, 250 bytes each",
            f"{used.seconds:.1f} s, {used.mebibytes:.0f} MiB", f"≤ {LARGE} s, {MEMORY} MiB",
            used.seconds <= LARGE and used.mebibytes <= MEMORY,
        )  # fmt: skip


def _read(path: Path, folder: str, times: int = 1) -> Usage:
    program = f"{PROGRAM}read_results(Path({str(path)!r}), Path({folder!r}))"
    return usage([sys.executable, "-c", program], times=times)


def _table(path: Path, count: int) -> Path:
    with path.open("w") as file:
        for number in range(count):
            part = number * 0.6180339887498949 % 1
            row = {
                "case": f"c{number}",
                "category": "abcdefghij"[number % 10],
                "passed": part > 0.3,
            }
            row |= {f"score_{n}": part * n / 7 for n in range(1, 5)}
            row |= {"latency_ms": number % 2000, "output": "x" * 50}
            file.write(json.dumps(row) + "\n")
    return path


def _promptfoo(path: Path) -> Path:
    assertion = {"pass": True, "score": 1, "assertion": {"metric": "correct"}, "reason": "x" * 500}
    with path.open("w") as file:
        file.write('{"evalId": "e", "results": {"version": 3, "results": [')
        for number in range(RECORDS):
            result = {
                "gradingResult": {"componentResults": [assertion] * 3},
                "id": f"id-{number}",
                "namedScores": {"correct": 1, "brevity": 0.5},
                "prompt": {"label": "new"},
                "provider": {"id": "echo"},
                "response": {"output": "x" * 500},
                "score": 1,
                "success": True,
                "testCase": {"metadata": {"case_id": f"c{number}"}},
                "vars": {"question": "x" * 300},
                "failureReason": 0,
            }
            file.write(f"{',' if number else ''}{json.dumps(result)}")
        file.write("]}}")
    return path
