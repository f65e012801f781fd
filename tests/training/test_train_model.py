"""`cdml train-model` from the command to the registered version and back."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cdml.cli import run
from cdml.evidence.lineage import FINGERPRINT
from support.models import parquet, rows

pytestmark = pytest.mark.long

CONFIG = """\
version: 1
model: flights
registry: {{uri: "folder:registry"}}
data: {{evaluation: rows.parquet, key: [id], label: late, positive: true}}
gates: [{{metric: accuracy, at_least: 0.6, max_regression: 0.05}}]
training:
  command: [{python}, -S, train.py]
  inputs: [train.py, params.yaml]
  model: model/
  seed: 7
  {more}
"""
SCRIPT = """\
import os, pathlib
rate = pathlib.Path("params.yaml").read_text()
print("training with seed", os.environ["CDML_SEED"])
folder = pathlib.Path("model")
folder.mkdir()
(folder / "MLmodel").write_text("flavors: {python_function: {loader_module: none}}\\n")
(folder / "weights").write_text(rate + os.environ["CDML_SEED"])
"""
OLD = "an earlier model"


class Project:
    """A user's folder, and what the commands left in it."""

    def __init__(self, folder: Path, capfd):
        self.folder, self.capfd = folder, capfd
        self.script(SCRIPT)
        self.configure()
        (folder / "params.yaml").write_text("rate: 0.1\n")

    def configure(self, more=""):
        text = CONFIG.format(python=sys.executable, more=more)
        (self.folder / "cdml.yaml").write_text(text)

    def script(self, text):
        (self.folder / "train.py").write_text(text)

    def train(self, *options):
        """The exit code, what was printed, and the lineage."""
        code = run(["train-model", *options])
        out, err = self.capfd.readouterr()
        path = self.folder / ".cdml/lineage.json"
        return code, out + err, json.loads(path.read_text()) if path.exists() else None

    def gate(self):
        """Judge and register the trained model by predictions, as nothing can load it."""
        frame = rows()
        parquet(self.folder, frame)
        score = 1 / (1 + 2.718 ** -(frame["x"] + 0.5 * frame["y"]))
        scored = frame[["id", "late"]].assign(prediction=score > 0.5, score=score)
        scored.to_parquet(self.folder / "scored.parquet")
        given = ("--predictions", "scored.parquet", "--champion", "none", "--register", "flights")
        assert 0 == run(["gate", "--model", "model", *given]), self.capfd.readouterr()
        self.capfd.readouterr()

    @property
    def weights(self):
        path = self.folder / "model/weights"
        return path.read_text() if path.exists() else None

    def left(self):
        """Everything but what was there before the training."""
        ours = {"train.py", "cdml.yaml", "params.yaml", ".cdml", "registry"}
        return sorted({path.name for path in self.folder.iterdir()} - ours)


@pytest.fixture
def project(tmp_path, monkeypatch, capfd):
    for name in ("CI", "GITHUB_ACTIONS", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path, capfd)


def test_a_model_is_trained_and_its_lineage_recorded(project):
    code, printed, lineage = project.train()

    assert 0 == code, printed
    assert "training with seed 7" in printed
    assert "trained: model/" in printed
    assert "rate: 0.1\n7" == project.weights
    assert ["params.yaml", "train.py"] == [one["path"] for one in lineage["inputs"]]
    assert ({"rate": "0.1"}, 7, True) == (
        lineage["parameters"], lineage["seed"], lineage["trained"],
    )  # fmt: skip
    assert lineage["hardware"]["cores"] >= 1
    assert lineage["environment"]["python"]


def test_the_commit_and_whether_the_tree_was_clean_are_recorded(project):
    def git(*arguments):
        identity = ("-c", "user.name=A user", "-c", "user.email=user@example.org")
        done = subprocess.run(
            ["git", *identity, *arguments], check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    assert project.train()[2]["clean"] is None
    git("init", "-q")
    git("add", "train.py", "params.yaml")
    git("commit", "-qm", "Begin")
    _, _, lineage = project.train()
    assert (True, git("rev-parse", "HEAD")) == (lineage["clean"], lineage["produced"]["commit"])
    project.script(SCRIPT + "# changed\n")
    assert project.train()[2]["clean"] is False


def test_unchanged_inputs_are_not_trained_again(project):
    _, _, first = project.train()
    project.gate()
    code, printed, again = project.train()

    assert 0 == code
    assert "unchanged inputs: models:/flights/1" in printed
    assert "training with seed" not in printed
    assert ("models:/flights/1", "1", False) == (
        again["model"]["uri"], again["model"]["version"], again["trained"],
    )  # fmt: skip
    assert (first["fingerprint"], first["model"]["digest"]) == (
        again["fingerprint"], again["model"]["digest"],
    )  # fmt: skip


def test_a_changed_input_is_trained(project):
    project.train()
    project.gate()
    (project.folder / "params.yaml").write_text("rate: 0.2\n")
    _, printed, lineage = project.train()

    assert "training with seed 7" in printed
    assert lineage["trained"]
    assert "rate: 0.2\n7" == project.weights


def test_the_gate_stores_the_lineage_with_the_version(project):
    _, _, lineage = project.train()
    project.gate()

    [version] = (project.folder / "registry").glob("*/versions/*")
    tags = json.loads((version / "version.json").read_text())["tags"]
    [stored] = version.glob("evidence/*/lineage.json")
    assert lineage["fingerprint"] == tags[FINGERPRINT]
    assert lineage == json.loads(stored.read_text())


def test_a_lineage_of_another_model_is_not_stored(project):
    project.train()
    (project.folder / "model/weights").write_text("changed by hand")
    project.gate()

    [version] = (project.folder / "registry").glob("*/versions/*")
    assert FINGERPRINT not in (version / "version.json").read_text()
    assert [] == list(version.glob("evidence/*/lineage.json"))


FAILURES = {
    "fails": ("print('no data'); raise SystemExit(3)", "", "exit code 3. Its last line: no data."),
    "writes nothing": ("print('done')", "", "wrote nothing to model/"),
    "writes a file": ("open('model', 'w').write('x')", "", "wrote nothing to model/"),
    "makes a link": ("import os; os.symlink('/etc', 'model')", "", "wrote no MLmodel file"),
    "writes no MLmodel": (
        "import os; os.mkdir('model'); open('model/x', 'w').write('x')",
        "",
        "wrote no MLmodel file to model/",
    ),
    "writes what is no model": (
        "import os; os.mkdir('model'); open('model/MLmodel', 'w').write('flavors: {}')",
        "",
        "describes no model that Python can load",
    ),
    "changes its inputs": (
        SCRIPT + "open('params.yaml', 'a').write('x: 1')\n",
        "",
        "Inputs changed while the training ran: params.yaml.",
    ),
    "takes too long": (
        SCRIPT + "import time; time.sleep(600)\n",
        "timeout: 1s",
        "stopped after 1 s",
    ),
}


@pytest.mark.parametrize("kind", FAILURES)
def test_a_training_that_fails_leaves_an_earlier_model_and_a_sentence(project, kind):
    script, more, sentence = FAILURES[kind]
    project.script(script)
    project.configure(more)
    (project.folder / "model").mkdir()
    (project.folder / "model/MLmodel").write_text("flavors: {}")
    (project.folder / "model/weights").write_text(OLD)
    code, printed, lineage = project.train()

    assert 4 == code, printed
    assert sentence in printed
    assert "Traceback" not in printed
    assert lineage is None
    assert (OLD, ["model"]) == (project.weights, project.left())
    failure = json.loads((project.folder / ".cdml/train-model.error.json").read_text())
    assert (4, "train-model") == (failure["exit_code"], failure["command"])


def test_a_training_that_fails_leaves_no_half_model(project):
    project.script(SCRIPT + "raise SystemExit(1)\n")

    assert 4 == project.train()[0]
    assert [] == project.left()


def test_what_a_killed_training_left_is_put_back(project):
    before = project.folder / ".model.before-training"
    before.mkdir()
    (before / "MLmodel").write_text("flavors: {}")
    (before / "weights").write_text(OLD)
    (project.folder / "model").mkdir()
    (project.folder / "model/half").write_text("half")
    project.script("raise SystemExit(1)")

    assert 4 == project.train()[0]
    assert (OLD, ["model"]) == (project.weights, project.left())


def test_a_folder_that_holds_no_model_is_not_replaced(project):
    (project.folder / "model").mkdir()
    (project.folder / "model/thesis.txt").write_text("years of work")
    code, printed, _ = project.train()

    assert (2, True) == (code, "training would replace it" in printed)
    assert "years of work" == (project.folder / "model/thesis.txt").read_text()


USAGE = {
    "training is missing": ("training:", "other:", "cdml.yaml has"),
    "no such program": (sys.executable, "no-such-program", "there is no program no-such-program"),
    "a model elsewhere": ("model: model/", "model: ../model", "a folder below"),
    "a model at an address": ("model: model/", "model: s3://bucket/model", "a folder below"),
    "an input that is not there": ("params.yaml]", "missing.csv]", "missing.csv does not exist"),
    "a lock that is not there": ("seed: 7", "environment: no.lock", "no.lock cannot be read"),
}


@pytest.mark.parametrize("kind", USAGE)
def test_what_is_configured_wrongly_is_a_sentence(project, kind):
    before, after, sentence = USAGE[kind]
    path = project.folder / "cdml.yaml"
    path.write_text(path.read_text().replace(before, after))
    code, printed, lineage = project.train()

    assert (code in (2, 4), lineage) == (True, None), printed
    assert sentence in printed
    assert "Traceback" not in printed


def test_without_training_there_is_nothing_to_train(project):
    path = project.folder / "cdml.yaml"
    path.write_text(path.read_text().partition("training:")[0])
    code, printed, _ = project.train()

    assert (2, True) == (code, "cdml.yaml has no training." in printed)


class TestVerify:
    @pytest.fixture
    def registered(self, project):
        project.train()
        project.gate()
        return project

    def test_a_training_that_gives_the_same_files_is_reproduced(self, registered):
        code, printed, lineage = registered.train("--verify")

        assert (0, "same-digest") == (code, lineage["verification"]["result"]), printed
        assert "Training again gave the files of models:/flights/1." in printed

    def test_ids_and_time_of_mlflow_do_not_count(self, project):
        stamp = (
            "f'flavors: {{python_function: {{loader_module: none}}}}\\nmodel_uuid: {uuid.uuid4()}'"
        )
        script = SCRIPT.replace('"flavors: {python_function: {loader_module: none}}\\n"', stamp)
        project.script("import uuid\n" + script)
        project.train()
        project.gate()
        code, printed, lineage = project.train("--verify")

        assert (0, "same-files") == (code, lineage["verification"]["result"]), printed

    def test_another_input_is_named_and_nothing_is_trained(self, registered):
        (registered.folder / "params.yaml").write_text("rate: 0.2\n")
        code, printed, lineage = registered.train("--verify")

        assert (1, "inputs-differ") == (code, lineage["verification"]["result"])
        assert "training input params.yaml (sha256:" in printed
        assert "training with seed" not in printed

    def test_the_model_in_the_folder_stays_as_it_is(self, registered):
        (registered.folder / "model/weights").write_text(OLD)
        registered.train("--verify")

        assert (OLD, []) == (registered.weights, [
            name for name in registered.left() if "before" in name
        ])  # fmt: skip

    def test_without_a_recorded_training_there_is_nothing_to_verify(self, project):
        code, printed, _ = project.train("--verify")

        assert (4, True) == (code, "has a recorded training" in printed)
