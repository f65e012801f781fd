"""Gate, deploy, traffic that moves: `cdml monitor` warns before any label is there, and after."""

import json
import random
import subprocess
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from cdml.adapters.registries.folder import FolderRegistry
from cdml.cli import run
from cdml.cli.progress import ConsoleProgress
from cdml.delivery.deploy import deploy
from cdml.delivery.divergence import chosen_cure
from cdml.wiring import Wiring
from fakes.clock import FakeClock

CONFIG = """\
version: 1
model: flights
registry: {uri: "folder:registry"}
data: {evaluation: rows.parquet, reference: before.parquet, key: [id], label: late, positive: true}
gates: [{metric: accuracy, at_least: 0.5}]
monitoring:
  predictions: log.parquet
  labels: labels.parquet
  key: [id]
  time: at
  label_delay: 30d
"""
DAYS, ROWS = 6, 200


class Past:
    """What a command may touch, days ago."""

    def __init__(self, wiring, time):
        self._wiring, self.clock = wiring, FakeClock(time)

    def __getattr__(self, name):
        return getattr(self._wiring, name)


def drawn(rows, delay, seed=5):
    draws = random.Random(seed)
    delays = [draws.gauss(delay, 1) for _ in range(rows)]
    late = [one + draws.gauss(0, 1) > 0.5 for one in delays]
    answers = [one > 0.5 for one in delays]
    scores = [0.9 if one else 0.1 for one in answers]
    return {
        "id": list(range(rows)), "delay": delays, "prediction": answers, "score": scores,
        "late": late,
    }  # fmt: skip


def write(path, columns, *names):
    pq.write_table(pa.table({name: columns[name] for name in names or columns}), path)


def test_moved_inputs_and_predictions_are_a_warning_on_the_terminal(tmp_path, capsys):
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / "cdml.yaml").write_text(CONFIG)
    usual = drawn(1000, 0.0)
    write(tmp_path / "rows.parquet", usual, "id", "delay", "late")
    write(tmp_path / "before.parquet", drawn(1000, 0.0, seed=6), "id", "delay", "late")
    write(tmp_path / "answers.parquet", usual, "id", "prediction", "late")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "MLmodel").write_text(
        "flavors: {python_function: {loader_module: sklearn}}\n"
    )
    registry = FolderRegistry(uri="folder:registry", folder=tmp_path)
    registry.register("flights", tmp_path / "model", tags={})
    config = ["--config", str(tmp_path / "cdml.yaml")]
    gate = ["gate", *config, "--model", "models:/flights/1"]
    assert run([*gate, "--predictions", str(tmp_path / "answers.parquet")]) == 0
    registry.set_alias("flights", "champion", "1")
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    since = midnight - timedelta(days=DAYS)
    wiring = Wiring.read(tmp_path / "cdml.yaml", ConsoleProgress())
    cure = chosen_cure(adopt=True, repair=False, reason="it served before")
    deploy(
        wiring.loaded, Past(wiring, since), output=tmp_path / ".cdml", reason="before", cure=cure
    )
    log = drawn(DAYS * ROWS, 1.5)
    log["at"] = [since + timedelta(days=DAYS) * number / (DAYS * ROWS) for number in log["id"]]
    write(tmp_path / "log.parquet", log, "id", "at", "delay", "prediction", "score")
    capsys.readouterr()

    assert run(["monitor", *config]) == 0

    printed = capsys.readouterr().out
    assert "The inputs differ from the reference data: delay (PSI" in printed
    assert "The predictions differ from those at the gate: prediction (PSI" in printed
    assert "estimated     accuracy 0.900, precision 0.900" in printed
    assert "only if the scores are calibrated" in printed
    seen = json.loads((tmp_path / ".cdml" / "monitor.json").read_text())
    assert seen["verdict"] == "warn"
    assert {"delay": 6, "prediction": 6} == {
        one["column"]: one["consecutive"] for one in seen["drift"]
    }
    page = (tmp_path / ".cdml" / "monitor.html").read_text()
    assert "Drift of delay" in page

    text = (tmp_path / "cdml.yaml").read_text()
    (tmp_path / "cdml.yaml").write_text(text.replace("label_delay: 30d", "label_delay: 1d"))
    write(tmp_path / "labels.parquet", log, "id", "late")
    assert run(["monitor", *config]) == 0

    assert "The shares of the label's classes differ" in capsys.readouterr().out
    seen = json.loads((tmp_path / ".cdml" / "monitor.json").read_text())
    [label] = [one for one in seen["drift"] if one["role"] == "label"]
    shares = {one["name"]: one["at_gate"] for one in label["classes"]}
    assert shares == {str(one).lower(): usual["late"].count(one) / 1000 for one in (True, False)}
