"""The loop that `cdml init --train --monitor` writes, under a real runner.

A model is trained, judged and deployed. Its traffic changes, so monitoring proves that it has
degraded, restores the version before, and starts the training, whose model is judged and deployed.
"""

import csv
import json
import random
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import train_by_rows
from act_runner import Outcome, dispatch, push
from world import PYTHON, World

from cdml.scaffold.init import init

pytestmark = [pytest.mark.xdist_group("runner"), pytest.mark.long]

GATE, DEPLOY, MONITOR = "cdml-gate.yml", "cdml-deploy.yml", "cdml-monitor.yml"
CONFIGURATION = f"""\
version: 1
model: loop
registry: {{uri: "${{MLFLOW_TRACKING_URI}}"}}
data: {{evaluation: data/evaluation.parquet, key: [id], label: late, positive: true}}
gates: [{{metric: accuracy, at_least: 0.6, max_regression: 0.01}}]
scoring: {{environment: current, timeout: 2m}}
training:
  command: [{PYTHON}, train.py]
  inputs: [train.py, data/training.csv]
  model: model
  seed: 7
monitoring:
  predictions: logs/predictions.parquet
  labels: logs/labels.parquet
  key: [id]
  time: at
  window: 1s
  label_delay: 1s
  independent_rows: true
  on_degradation: [issue, rollback, retrain]
  retrain: {{workflow: {GATE}}}
"""
BEFORE, AFTER = 0.5, -1.0
"""What the column y adds to the label: before the traffic changed, and after."""


def rows(count: int, y_counts: float, seed: int) -> dict[str, list]:
    """Rows of this law, as columns."""
    of = random.Random(seed)
    x, y, noise = ([of.gauss(0, 1) for _ in range(count)] for _ in range(3))
    late = [a + y_counts * b + c > 0 for a, b, c in zip(x, y, noise, strict=True)]
    return {"id": list(range(count)), "x": x, "y": y, "late": late}


def write_data(here: World, y_counts: float) -> None:
    """Rows to train with, and others to judge with."""
    data = here.repository.folder / "data"
    training, evaluation = rows(1000, y_counts, 3), rows(1000, y_counts, 4)
    with (data / "training.csv").open("w") as file:
        csv.writer(file).writerows([training, *zip(*training.values(), strict=True)])
    pq.write_table(pa.table(evaluation), data / "evaluation.parquet")


def write_traffic(here: World, since: datetime) -> None:
    """Two seconds of requests, what the deployed model answered, and their labels."""
    weights = train_by_rows.fit(here.repository.folder / "data/training.csv")
    seen = rows(1000, AFTER, 5)
    late = seen.pop("late")
    at = [since + timedelta(seconds=2 * number / 1000) for number in seen["id"]]
    scores = zip(*(seen[name] for name in weights), strict=True)
    answers = [sum(w * v for w, v in zip(weights.values(), row, strict=True)) for row in scores]
    logs = here.repository.folder / "logs"
    logs.mkdir()
    logged = {**seen, "at": at, "prediction": [answer > 0 for answer in answers]}
    pq.write_table(pa.table(logged), logs / "predictions.parquet")
    pq.write_table(pa.table({"id": seen["id"], "late": late}), logs / "labels.parquet")


def journal(here: World) -> list[dict]:
    """What served, by the journal, the newest first."""
    text = "\n".join(here.repository.in_origin("show", "cdml/production/loop:journal.json"))
    document = json.loads(text)
    return [document["current"], *document["previous"]]


def wait_until(moment: datetime) -> None:
    """The runner's clock is the machine's: windows close only as time passes."""
    time.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()))


@pytest.fixture(scope="module")
def trained(world: Callable[[str], World]) -> tuple[World, Outcome]:
    """A repository with a model that a pull request trained, and that run."""
    here = world("loop")
    folder = here.repository.folder
    init(folder, train=True, monitor=True, force=True)
    here.fill_in(python=PYTHON)
    here.repository.write("cdml.yaml", CONFIGURATION)
    shutil.copy(train_by_rows.__file__, folder / "train.py")
    write_data(here, BEFORE)
    here.github.state.workflows.append(GATE)
    here.github.permissions["actions"] = "write"
    return here, here.gate(3, here.repository.commit("Train a model"))


def test_what_degrades_is_taken_back_trained_again_judged_and_deployed(
    trained: tuple[World, Outcome],
) -> None:
    here, first = trained
    assert first.succeeded, first.log
    assert "training, token none" in first.log
    assert ("true", "model") == (
        first.outputs["train"]["trained"], first.outputs["train"]["model"],
    )  # fmt: skip
    tags = here.versions()["2"]
    assert tags["cdml.training"].startswith("sha256:")
    assert first.outputs["train"]["digest"] == tags["cdml.digest"]

    merge = here.repository.commit("Merge")
    here.github.add_pull(3, here.repository.git("rev-parse", "HEAD~"), merged_as=merge)
    deployed = here.repository.run(DEPLOY, "push", push(merge))
    assert deployed.succeeded, deployed.log
    assert "2" == here.champion()

    since = datetime.fromisoformat(journal(here)[0]["at"])
    write_traffic(here, since)
    write_data(here, AFTER)
    here.repository.commit("Bring the data up to date")
    wait_until(since + timedelta(seconds=5))
    watched = here.repository.run(MONITOR, "schedule", dispatch())
    assert "failure" == watched.steps["monitor"], watched.log
    assert "fail" == watched.outputs["monitor"]["verdict"]
    evidence = json.loads((here.repository.artifacts / "cdml-monitor/monitor.json").read_text())
    [rule] = evidence["versions"][0]["rules"]
    assert ("2", "accuracy", "fail") == (
        evidence["versions"][0]["version"], rule["metric"], rule["verdict"],
    )  # fmt: skip
    reactions = {one["kind"]: one for one in evidence["reactions"]}
    assert dict.fromkeys(("rollback", "retrain", "issue"), "done") == {
        kind: one["state"] for kind, one in reactions.items()
    }, reactions
    assert "1" == here.champion()
    assert ("rollback", "1") == (journal(here)[0]["kind"], journal(here)[0]["version"])
    assert "v1 is proven better than v2" in journal(here)[0]["reason"]
    [(workflow, branch, inputs)] = here.github.state.started
    assert (GATE, "main") == (workflow, branch)
    assert inputs["reason"].startswith("loop v2 in production: Accuracy has degraded")
    [issue] = here.github.state.issues.values()
    assert ("loop in production has degraded", "open") == (issue["title"], issue["state"])
    assert f"{here.github.site}/octo-org/flights/actions/runs/0" == reactions["retrain"]["url"]
    assert reactions["retrain"]["url"] in issue["body"]

    again = here.repository.run(workflow, "workflow_dispatch", dispatch(**inputs))
    assert again.succeeded, again.log
    assert ("true", "pass") == (
        again.outputs["train"]["trained"], again.outputs["gate"]["verdict"],
    )  # fmt: skip
    assert "3" == again.outputs["gate"]["version"] == here.champion()
    assert [("deploy", "3"), ("rollback", "1"), ("deploy", "2")] == [
        (one["kind"], one["version"]) for one in journal(here)[:3]
    ]
    assert inputs["reason"] == journal(here)[0]["reason"]
    weights = train_by_rows.fit(here.repository.folder / "data/training.csv")
    assert weights["y"] < 0 < weights["x"], "it learned what has changed"


def test_unchanged_inputs_are_not_trained_again_and_a_failed_training_is_not_judged(
    trained: tuple[World, Outcome],
) -> None:
    here, _ = trained
    here.repository.write("README.md", "Something that trains nothing.")
    second = here.gate(4, here.repository.commit("Write a page"))
    assert second.succeeded, second.log
    assert ("false", max(here.versions())) == (
        second.outputs["train"]["trained"], second.outputs["train"]["version"],
    )  # fmt: skip
    assert "training, token" not in second.log

    here.repository.write("train.py", "print('no data')\nraise SystemExit(3)\n")
    third = here.gate(5, here.repository.commit("Break the training"))
    assert not third.succeeded
    assert "failure" == third.steps["train"]
    assert "The training command failed with exit code 3. Its last line: no data." in third.log
    assert "gate" not in third.outputs, "what is not trained is not judged"
