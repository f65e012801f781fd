"""A rollback to a warm server behind a real HAProxy, with clients asking all the while.

Whole processes. What counts begins where the journal is told of it, which is the first effect,
and ends where HAProxy is seen to give all traffic back; between them lies the smoke check, too.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime
from http import HTTPStatus
from pathlib import Path

from measure import ROOT, Row

sys.path.insert(0, str(ROOT / "tests"))

from support.kill_points import BRANCH, Killing

TIMES = 9


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="cdml-bench-") as name, Killing(Path(name)) as place:
        place.register("A", 1)
        run(place, "deploy", "--model", "1")
        place.register("B", 2, against="1")
        begun, asked = [], []
        with place.load() as load:
            for _ in range(TIMES):
                run(place, "deploy", "--model", "2", *("--override", "quarantined,champion-moved"))
                output = run(place, "rollback")
                times = json.loads((output / "deployment.json").read_text())["times"]
                restored = datetime.fromisoformat(times["restored"])
                begun.append((restored - begin_of_rollback(place.folder)).total_seconds())
                asked.append(
                    (restored - datetime.fromisoformat(times["requested"])).total_seconds()
                )
    slowest, median = max(begun), sorted(begun)[TIMES // 2]
    yield Row(
        "warm switch on HAProxy, first effect to all traffic back",
        f"{median:.2f} s (slowest of {TIMES} {slowest:.2f} s;"
        f" {sorted(asked)[TIMES // 2]:.2f} s from the request)",
        "≤ 1 s",
        median <= 1,
    )
    lost = sum(getattr(one, "status", None) != HTTPStatus.OK for one in load.answers)
    yield Row("requests lost meanwhile", f"{lost} of {len(load.answers):,}", "0", lost == 0)


def run(place: Killing, *words: str) -> Path:
    output = place.folder / ".cdml"
    config = ("--config", str(place.folder / "cdml.yaml"), "--output-dir", str(output))
    command = [sys.executable, "-m", "cdml", *words, "--reason", "bench", *config]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=place.folder)
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return output


def begin_of_rollback(folder: Path) -> datetime:
    """When the last rollback told the journal of itself."""
    git = ["git", "-C", str(folder)]
    found = ("log", "--format=%H", "-n", "1", "--grep", "^rollback: begin", BRANCH)
    commit = subprocess.run([*git, *found], capture_output=True, text=True, check=True).stdout
    shown = subprocess.run(
        [*git, "show", f"{commit.strip()}:journal.json"],
        capture_output=True,
        text=True,
        check=True,
    )
    return datetime.fromisoformat(json.loads(shown.stdout)["operation"]["started_at"])
