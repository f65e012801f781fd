"""A command of an installation that lacks what it needs."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.long

HEAVY = ("mlflow", "pandas", "sklearn", "scipy", "pyarrow", "sqlglot", "jsonschema", "matplotlib")


def compare(folder, absent):
    program = (
        f"import sys; sys.modules.update(dict.fromkeys({absent!r}))\n"
        "from cdml.cli import run; sys.exit(run(['compare', 'old.jsonl', 'new.jsonl']))"
    )
    for name in ("old", "new"):
        lines = (f'{{"id": "q{case}", "passed": true}}\n' for case in range(30))
        (folder / f"{name}.jsonl").write_text("".join(lines))
    return subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("absent", ["numpy", "duckdb"])
def test_says_what_to_install(tmp_path, absent):
    done = compare(tmp_path, [absent])

    assert 2 == done.returncode
    assert absent in done.stderr
    assert "which is not installed" in done.stderr
    assert "Install" in done.stderr
    assert "Traceback" not in done.stderr


def test_compares_with_duckdb_and_numpy_alone(tmp_path):
    done = compare(tmp_path, HEAVY)

    assert 0 == done.returncode, done.stderr
    assert "Pass rate" in done.stdout
