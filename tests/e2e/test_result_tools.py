"""Evaluation tools run, and what they write is read as their golden files are."""

import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cdml.results.reader import Role
from cdml.wiring import read_results

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "tests/support/result_tools"
GOLDEN = ROOT / "tests/golden/results"
UV = Path(sys.executable).with_name("uv")
WRITTEN = {
    "deepeval": ["deepeval.json"],
    "inspect": ["inspect.json", "inspect.eval"],
    "lm_eval": ["lm-eval"],
    "mlflow": ["mlflow-frame.json", "mlflow-traces.json"],
}


def run(tool: str, folder: Path) -> None:
    """Run the script of a tool, in the environment that its lock describes; MLflow is in ours."""
    python = [sys.executable]
    if tool != "mlflow":
        python = [UV, "run", "--no-project", "--isolated", "--quiet", "--python", sys.executable]
        python += ["--with-requirements", SCRIPTS / f"{tool}.txt", "python"]
    # Tests before may have chosen an experiment for this process.
    ours = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    done = subprocess.run(
        [str(part) for part in (*python, SCRIPTS / f"run_{tool}.py", folder)],
        env={**ours, "HF_HOME": str(folder / "hub")},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def reading(path: Path, folder: Path) -> tuple[object, ...]:
    """Everything that is the same in every run: no latencies, no order, no identities of traces."""
    table = read_results(path, folder, select={"filter": "last"} if path.is_dir() else {})
    columns = [c for c in table.columns if c.role is not Role.LATENCY]
    names = [c.name for c in columns if table.reader != "mlflow" or c.role is not Role.TRIAL]
    rows = pq.read_table(table.path, columns=names).to_pylist()  # MLflow evaluates in threads
    return table.reader, columns, table.notes, sorted(rows, key=repr)


@pytest.mark.long
@pytest.mark.parametrize("tool", WRITTEN)
def test_what_a_tool_writes_is_read_as_its_golden_file(tool, tmp_path):
    run(tool, tmp_path)

    for name in WRITTEN[tool]:
        assert reading(GOLDEN / name, tmp_path) == reading(tmp_path / name, tmp_path)
