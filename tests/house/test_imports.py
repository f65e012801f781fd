"""What a command does not use it does not import: most of a small comparison's time is imports."""

import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

UNUSED = (
    "cdml.delivery.canary",
    "cdml.data.rules.signature",
    "cdml.data.odcs.reader",
    "cdml.delivery.rollout.state_machine",
    "cdml.journal.file",
    "cdml.delivery.deploy",
    "cdml.delivery.target",
    "cdml.data.open_rows",
    "cdml.evaluation.score_model",
    "cdml.report.formats.comment",
    "github",
    "jinja2",
    "matplotlib",
    "mlflow",
    "numpy.ma",
    "open_data_contract_standard",
    "pandas",
    "pyarrow",
    "requests",
    "scipy",
    "sklearn",
    "sqlalchemy",
)
"""Of scoring, contracts, delivery and reports, none of which two predictions files need."""
CONFIG = """\
version: 1
model: flights
data: {evaluation: none.parquet, key: [id], label: label, positive: true}
gates: [{metric: roc_auc, max_regression: 0.05}, {metric: log_loss, max_regression: 0.1}]
"""
PROGRAM = """\
import sys
from cdml.cli import run
code = run(sys.argv[2:])
print(code, *(name for name in sys.argv[1].split(",") if name in sys.modules))
"""


@pytest.fixture
def compared(tmp_path):
    """A comparison's last line: its exit code, and which of these modules it has imported."""
    rows = [
        {"id": at, "label": at % 3 == 0, "prediction": at % 4 == 0, "score": (at % 7) / 7}
        for at in range(200)
    ]
    for name in ("old.parquet", "new.parquet"):
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / name)
    (tmp_path / "cdml.yaml").write_text(CONFIG, encoding="utf-8")

    def compared(modules):
        words = ["compare-to-champion", "--challenger", "new.parquet", "--champion", "old.parquet"]
        ran = subprocess.run(
            [sys.executable, "-c", PROGRAM, ",".join(modules), *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        return ran.stdout.splitlines()[-1]

    return compared


def test_comparing_two_files_imports_nothing_that_only_models_or_contracts_need(compared):
    assert "0" == compared(UNUSED)


def test_what_it_uses_is_seen(compared):
    """So that the test above can fail."""
    used = ("duckdb", "cdml.evaluation.compare", "cdml.statistics")

    assert " ".join(("0", *used)) == compared(used)
