"""What counts as an input of a training, and when two trainings are the same."""

from types import SimpleNamespace

import pytest

from cdml.errors import InputError
from cdml.evidence.lineage import TrainingEnvironment
from cdml.training.fingerprint import fingerprint
from cdml.training.inputs import changed_inputs, name_some, read_inputs, read_parameters


@pytest.fixture
def loaded(tmp_path):
    (tmp_path / "src" / "deep").mkdir(parents=True)
    (tmp_path / "src" / "deep" / "b.py").write_text("b")
    (tmp_path / "src" / "a.py").write_text("a")
    (tmp_path / "train.py").write_text("train")
    return SimpleNamespace(folder=tmp_path)


def read(loaded, *written, **options):
    return read_inputs(loaded, written, None, **{"without": (), **options})


@pytest.mark.parametrize("written", ["src", "src/", "src/**"])
def test_a_folder_stands_for_every_file_below_it(loaded, written):
    assert ["src/a.py", "src/deep/b.py"] == [one.path for one in read(loaded, written).inputs]


def test_what_runs_write_is_no_input(loaded):
    for name in ("src/__pycache__/a.pyc", "model/MLmodel", ".git/HEAD"):
        (loaded.folder / name).parent.mkdir(exist_ok=True)
        (loaded.folder / name).write_text("x")

    state = read(loaded, "**", without=(loaded.folder / "model",))
    assert ["src/a.py", "src/deep/b.py", "train.py"] == [one.path for one in state.inputs]


@pytest.mark.parametrize(
    ("written", "problem"), [("nobody.csv", "does not exist"), ("*.csv", "matches no file")]
)
def test_an_input_that_is_not_there_is_an_error(loaded, written, problem):
    with pytest.raises(InputError, match=problem):
        read(loaded, written)


def test_files_that_changed_came_or_went_are_named(loaded):
    before = read(loaded, "src")
    (loaded.folder / "src" / "a.py").write_text("another")
    (loaded.folder / "src" / "c.py").write_text("c")
    (loaded.folder / "src" / "deep" / "b.py").unlink()

    after = read(loaded, "src", earlier=before)
    assert ["src/a.py", "src/c.py", "src/deep/b.py"] == changed_inputs(before, after)
    assert "a, b, c and 2 more" == name_some(["a", "b", "c", "d", "e"])


def test_a_file_that_was_only_touched_has_not_changed(loaded):
    before = read(loaded, "src")
    (loaded.folder / "src" / "a.py").write_text("a")

    assert [] == changed_inputs(before, read(loaded, "src", earlier=before))


def test_parameters_are_read_from_the_files_named_for_them(loaded):
    (loaded.folder / "params.yaml").write_text("net: {depth: 3, names: [a, b]}\nrate: 0.1\n")

    parameters = read_parameters(loaded, read(loaded, "train.py", "params.yaml"))
    assert {"net.depth": "3", "net.names": '["a", "b"]', "rate": "0.1"} == parameters


@pytest.mark.parametrize("text", ["{", "- 1\n- 2\n", ""])
def test_a_parameter_file_of_another_form_has_no_parameters(loaded, text):
    (loaded.folder / "params.yaml").write_text(text)

    assert {} == read_parameters(loaded, read(loaded, "params.yaml"))


CHANGES = {
    "command": {"command": ["python", "train.py", "--fast"]},
    "input": {"files": {"src/a.py": "another"}},
    "name": {"written": ("train.py",)},
    "packages": {"packages": "f" * 64},
    "Python": {"python": "3.12.1"},
    "seed": {"seed": 8},
}


def fingerprint_of(
    loaded, *, command=("python", "train.py"), files=None, written=("src",), packages="0" * 64,
    python="3.11.9", seed=7,
):  # fmt: skip
    for name, text in (files or {}).items():
        (loaded.folder / name).write_text(text)
    environment = TrainingEnvironment(source="current", digest=f"sha256:{packages}", python=python)
    return fingerprint(command, read(loaded, *written).inputs, environment, seed)


def test_the_same_training_has_the_same_fingerprint(loaded):
    assert fingerprint_of(loaded) == fingerprint_of(loaded)


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_decides_a_model_changes_the_fingerprint(loaded, change):
    before = fingerprint_of(loaded)

    assert before != fingerprint_of(loaded, **CHANGES[change])
