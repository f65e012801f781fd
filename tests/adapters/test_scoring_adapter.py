"""The parts of scoring that need no process."""

import ast
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cdml.adapters.scoring import package_index, predictions, sandbox
from cdml.adapters.scoring.environments import interpreter
from cdml.adapters.scoring.model_input import Given
from cdml.adapters.scoring.scorer import WORKER, _ScoringConversation, clean_line
from cdml.adapters.scoring.subprocesses import ProcessResult
from cdml.errors import ConfigurationError, InputError
from cdml.evaluation.scorer import ScoringJob
from fakes.progress import FakeProgress
from support.models import plain

NAN = float("nan")


@pytest.fixture
def joined(tmp_path):
    """Join labels with foreign answers, and give the written columns."""

    def join(labels, answers, classes=(), *, task="binary", positive=None):
        rows = len(labels)
        data = tmp_path / "rows.parquet"
        pq.write_table(pa.table({"id": list(range(rows)), "y": labels}), data)
        answers = {"a0" if k == "prediction" else k: v for k, v in answers.items()}
        pq.write_table(pa.table(answers), tmp_path / "answers.parquet")
        job = ScoringJob(
            folder=tmp_path,
            model=tmp_path, data=data, key=("id",), label="y", carried=(), task=task,
            positive=positive, environment="current", timeout=1, output=tmp_path / "out.parquet",
        )  # fmt: skip
        words = predictions.Words(classes=list(classes))
        predictions.join(job, tmp_path / "answers.parquet", words)
        return pq.read_table(job.output).drop_columns(["id", "y"]).to_pydict()

    return join


@pytest.mark.parametrize(
    ("labels", "said", "written"),
    [
        ([True, False], [1, 0], [True, False]),
        ([1, 0], [True, False], [1, 0]),
        (["1", "0"], [1, 0], ["1", "0"]),
        ([1, 0], ["1", "0"], [1, 0]),
        (["yes", "no"], ["no", "no"], ["no", "no"]),
        ([1, 0], [1.0, 0.0], [1, 0]),
    ],
)
def test_predictions_are_told_in_the_labels_own_values(joined, labels, said, written):
    assert {"prediction": written} == joined(labels, {"prediction": said}, positive=labels[0])


def test_a_class_the_rows_do_not_hold_stays_a_class(joined):
    assert ["c", "a"] == joined(["a", "b"], {"prediction": ["c", "a"]}, task="multiclass")[
        "prediction"
    ]


def test_an_answer_that_can_be_no_label_is_an_input_error(joined):
    with pytest.raises(InputError, match='the model returned late, "on time"'):
        joined([True, False], {"prediction": ["late", "on time"]}, positive=True)


@pytest.mark.parametrize("said", [[["yes"], ["no"]], [{"a": 1}, {"a": 2}]])
def test_an_answer_of_several_values_a_row_is_an_input_error(joined, said):
    with pytest.raises(InputError, match="not one value for each row"):
        joined(["yes", "no"], {"prediction": said}, positive="yes")


@pytest.mark.parametrize(
    "line",
    [
        b"1 " + b"[" * 200_000,
        b'1 {"event": "rows", "rows": 1e999}',
        b"9" * 5000 + b' {"event": "asked"}',
        b'1 {"event": "done"}',
        b"1 null",
        b"null",
        b"",
    ],
)
def test_foreign_words_of_a_worker_are_passed_over(line):
    with FakeProgress().step("scoring", 3) as step:
        conversation = _ScoringConversation(step, Given(rows=3, columns=("x",)), frozenset())
        conversation.hear(line)

        with pytest.raises(InputError, match="before it finished"):
            conversation.finish(ProcessResult(code=0, timed_out=False, last_words=""), 1.0)


def test_scores_go_by_the_class_they_are_of(joined):
    answers = {"prediction": [1, 0], "p0": [0.9, 0.2], "p1": [0.1, 0.8]}

    assert [0.9, 0.2] == joined([1, 0], answers, (1, 0), positive=1)["score"]
    assert [0.1, 0.8] == joined([1, 0], answers, (0, 1), positive=1)["score"]
    multiclass = joined(["a", "b"], {**answers, "prediction": ["a", "b"]}, "ab", task="multiclass")
    assert ["prediction", "score_a", "score_b"] == list(multiclass)


def test_a_positive_class_the_model_does_not_know_is_an_input_error(joined):
    answers = {"prediction": ["a", "b"], "p0": [0.9, 0.2], "p1": [0.1, 0.8]}

    with pytest.raises(
        InputError, match=r"the model's classes are a, b; none is data\.positive, c"
    ):
        joined(["a", "c"], answers, "ab", positive="c")


def test_a_positive_class_that_is_no_value_of_the_label_is_an_input_error(joined):
    with pytest.raises(InputError, match=r"data\.positive, true, is not a value of the label y"):
        joined(["yes", "no"], {"prediction": ["yes", "no"]}, positive=True)


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ({"prediction": [1.0, NAN]}, "1 of 2 predictions"),
        ({"prediction": [float("inf"), 1.0]}, "1 of 2 predictions"),
        ({"prediction": [None, 1.0]}, "1 of 2 predictions"),
        ({"prediction": [1, 0], "p0": [NAN, NAN], "p1": [0.1, 0.8]}, "2 of 2 scores"),
        ({"prediction": [1]}, "1 rows for 2"),
        ({"prediction": [1, 0, 1]}, "3 rows for 2"),
        ({"prediction": [1, 0], "y": [1, 1]}, "unexpected columns"),
        ({"score": [1, 0]}, "unexpected columns"),
        ({"prediction": [1, 0], "p0": [0.5, 0.5]}, "unexpected columns"),
    ],
)
def test_foreign_answers_that_do_not_fit_are_an_input_error(joined, answers, told):
    with pytest.raises(InputError, match=told):
        joined([1, 0], answers, (0, 1), positive=1)


def test_words_of_a_model_are_shown_short_printable_and_on_one_line():
    assert "first  [2J second third" == clean_line("\n first \x1b[2J second\nthird")
    assert 500 == len(clean_line("x" * 1000))
    assert "" == clean_line("\n \n")


def test_the_environment_of_the_scorer_is_the_same_whatever_ours_holds(monkeypatch):
    before = sandbox.environment(Path("/scratch"))
    for name in ("GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "PYTHONPATH", "MLFLOW_TRACKING_TOKEN"):
        monkeypatch.setenv(name, "hidden")

    assert before == sandbox.environment(Path("/scratch"))
    assert "hidden" not in str(before)


def test_uv_finds_packages_where_pip_does_and_gets_no_token(monkeypatch):
    monkeypatch.setattr(
        package_index,
        "_pip_settings",
        lambda _: {
            "index-url": "https://mirror/simple",
            "extra-index-url": "https://a https://b",
            "find-links": "/wheels /more",
            "cert": "/ca.pem",
            "no-index": "true",
            "default-timeout": "60",
        },
    )

    told = package_index.uv_environment(
        {
            "PATH": "/bin", "GITHUB_TOKEN": "hidden", "https_proxy": "http://proxy",
            "UV_CACHE_DIR": "/cache", "UV_PYTHON": "3.8", "UV_PUBLISH_TOKEN": "hidden",
            "UV_FIND_LINKS": "/own",
        }
    )  # fmt: skip

    assert {
        "PATH": "/bin",
        "https_proxy": "http://proxy",
        "UV_CACHE_DIR": "/cache",
        "UV_DEFAULT_INDEX": "https://mirror/simple",
        "UV_INDEX": "https://a https://b",
        "UV_FIND_LINKS": "/own",
        "UV_OFFLINE": "1",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "SSL_CERT_FILE": "/ca.pem",
        "UV_HTTP_TIMEOUT": "60",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_PROGRESS": "1",
    } == told


def test_an_index_that_is_set_for_uv_wins_over_that_of_pip(monkeypatch):
    monkeypatch.setattr(package_index, "_pip_settings", lambda _: {"index-url": "https://pip"})

    told = package_index.uv_environment({"UV_INDEX_URL": "https://uv"})

    assert ("https://uv", None) == (told["UV_INDEX_URL"], told.get("UV_DEFAULT_INDEX"))


def test_an_interpreter_that_is_none_is_a_configuration_error(tmp_path):
    with pytest.raises(ConfigurationError, match="not an interpreter"):
        interpreter(str(tmp_path / "python"), tmp_path, None, lambda *_: None)
    (tmp_path / "python").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "python").chmod(0o755)
    with pytest.raises(ConfigurationError, match="not the interpreter of a Python"):
        sandbox.inspect(interpreter(str(tmp_path / "python"), tmp_path, None, lambda *_: None))


def test_the_worker_runs_in_older_pythons_and_knows_nothing_of_cdml():
    tree = ast.parse(WORKER.read_text(encoding="utf-8"), feature_version=(3, 9))

    modules = {
        name
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert {"mlflow", "numpy", "pandas", "pyarrow"} == {
        top for name in modules if (top := name.split(".")[0]) not in sys.stdlib_module_names
    }


def test_without_uv_there_is_advice(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(package_index.shutil, "which", lambda _: None)
    monkeypatch.setattr(package_index, "find_spec", lambda _: None)

    with pytest.raises(ConfigurationError, match="uv, which builds the model") as raised:
        package_index.find_uv()
    assert "scoring.environment" in raised.value.hint


def test_a_model_without_requirements_cannot_have_an_environment_of_its_own(tmp_path):
    with pytest.raises(InputError, match=r"no requirements\.txt"):
        interpreter("model", plain(tmp_path / "model"), None, lambda *_: None)


def test_what_lies_around_the_job_is_hidden_wherever_it_runs(tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    for marker in ("runner/.credentials", "runner/_work/repository/.git"):
        (tmp_path / marker).mkdir(parents=True)
    job = tmp_path / "runner/_work/repository/models/late"
    data = tmp_path / "data"
    for folder in (job, data):
        folder.mkdir(parents=True)
    found = sandbox._private({}, [job, data])

    expected = {job, data, tmp_path / "runner", tmp_path / "runner/_work/repository"}
    assert expected <= found
    assert not {Path("/"), tmp_path, tmp_path / "runner/_work"} & found


def test_inside_there_is_what_the_system_needs_and_what_is_named(tmp_path):
    data, model, library = (tmp_path / name for name in ("data", "data/model", "python/lib"))
    for folder in (model, library / "rows"):
        folder.mkdir(parents=True)
    (library / "labels.csv").write_text("x,y")
    layout = sandbox._layout(
        Path(sys.executable),
        [(model, False), (tmp_path / "python", False)],
        [data, library / "labels.csv", library / "rows"],
    )
    seen = {path: kind for kind, path, _ in layout}

    assert "tree" == seen[str(model)] == seen[str(library)]
    assert "blank" == seen[str(library / "labels.csv")]
    assert "empty" == seen[str(library / "rows")]
    assert str(data) not in seen, "what is not named is not there"
    assert not {"/", "/home", "/root", "/mnt", "/etc", "/run", "/opt"} & {
        path for path, kind in seen.items() if kind == "tree"
    }
    places = [path for _, path, _ in layout]
    assert places.index(str(library)) < places.index(str(library / "labels.csv"))


def test_links_on_the_way_to_an_interpreter_are_there_as_well(tmp_path):
    (tmp_path / "versions/3.11.7/bin").mkdir(parents=True)
    python = tmp_path / "versions/3.11.7/bin/python3"
    python.touch()
    (tmp_path / "versions/3.11").symlink_to("3.11.7")
    (tmp_path / "python").symlink_to(tmp_path / "versions/3.11/bin/python3")

    assert {
        tmp_path / "python": str(tmp_path / "versions/3.11/bin/python3"),
        tmp_path / "versions/3.11": "3.11.7",
    } == sandbox._links(tmp_path / "python")


def test_links_in_a_circle_have_an_end(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")

    assert {tmp_path / "a": "b", tmp_path / "b": "a"} == sandbox._links(tmp_path / "a")
