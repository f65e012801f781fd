"""Environments built from models' own requirements, by the real uv from the real index."""

import threading
from dataclasses import dataclass, field

import pandas as pd
import pytest

from cdml.adapters.scoring.environments import interpreter
from cdml.adapters.scoring.sandbox import Walls
from cdml.adapters.scoring.sandbox_choice import Enclosure
from cdml.adapters.scoring.scorer import ProcessScorer
from cdml.ci.run import RunTrust
from cdml.errors import InputError
from cdml.evaluation.scorer import ScoringJob
from fakes.progress import FakeProgress
from support import models

FIT = """
import sklearn
from sklearn.linear_model import LinearRegression
assert sklearn.__version__ == "{version}", sklearn.__version__
self.model = LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])
"""
PREDICT = "return self.model.predict(frame[['x']].to_numpy())"


@pytest.fixture(scope="module", autouse=True)
def environments(tmp_path_factory):
    """A cache of environments that nobody has filled; uv keeps its own, with the downloads."""
    folder = tmp_path_factory.mktemp("environments")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cdml.adapters.scoring.environments.cache_folder", lambda: folder)
        yield folder


def pinned(folder, version):
    """A model that was made for one version of scikit-learn and runs with no other."""
    return models.written(
        folder,
        PREDICT,
        load=FIT.format(version=version),
        requirements=("mlflow-skinny==3.17.2", f"scikit-learn=={version}"),
    )


def score(folder, model, environment="model"):
    job = ScoringJob(
        folder=folder,
        model=model,
        data=models.parquet(folder),
        key=("id",),
        label="minutes",
        carried=(),
        task="regression",
        positive=None,
        environment=environment,
        timeout=120,
        output=folder / f"{model.name}.parquet",
    )
    return ProcessScorer(Enclosure(RunTrust(strangers=""))).score(job, FakeProgress())


def test_two_models_that_pin_conflicting_versions_are_scored_on_the_same_rows(tmp_path):
    one, other = (pinned(tmp_path / f"m{v}", v) for v in ("1.5.2", "1.7.2"))

    first, second = score(tmp_path, one), score(tmp_path, other)

    answers = pd.read_parquet(first.predictions)["prediction"]
    assert answers.round(9).tolist() == (2 * models.rows()["x"]).round(9).tolist()
    pd.testing.assert_frame_equal(
        pd.read_parquet(first.predictions), pd.read_parquet(second.predictions)
    )
    with pytest.raises(InputError, match="AssertionError"):
        score(tmp_path, one, environment="current")


def test_libraries_that_models_import_are_compiled_when_an_environment_is_built(
    tmp_path, environments
):
    score(tmp_path, pinned(tmp_path / "model", "1.7.2"))

    compiled = list(environments.rglob("sklearn/ensemble/__pycache__/_forest.*.pyc"))
    assert compiled or Enclosure(RunTrust(strangers="")).walls is Walls.NONE


@dataclass
class Builder:
    """Builds an environment, beside others."""

    model: object
    python: object = None
    progress: FakeProgress = field(default_factory=FakeProgress)

    def __call__(self):
        self.python = interpreter("model", self.model, self.progress, lambda *_: None)


def test_two_builders_at_once_end_with_one_environment(tmp_path, environments):
    model = models.plain(
        tmp_path / "model", "flavors: {python_function: {loader_module: mlflow.sklearn}}\n"
    )
    (model / "requirements.txt").write_text("mlflow-skinny==3.17.2\npandas\npyarrow\ntabulate\n")
    before = len(list(environments.iterdir()))
    builders = [Builder(model), Builder(model)]
    threads = [threading.Thread(target=builder) for builder in builders]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert builders[0].python is not None
    assert builders[0].python == builders[1].python
    assert builders[0].python.exists()
    assert before + 1 == len(list(environments.iterdir()))
    again = Builder(model)
    again()
    assert {} == again.progress.steps, "an environment that is there is not built again"


def test_requirements_that_cannot_be_had_are_an_input_error(tmp_path):
    model = models.plain(
        tmp_path / "model", "flavors: {python_function: {loader_module: mlflow.sklearn}}\n"
    )
    (model / "requirements.txt").write_text("scikit-learn==1.5.2\nscikit-learn==1.6.1\n")

    with pytest.raises(InputError, match=r"environment cannot be built: .*scikit-learn") as raised:
        interpreter("model", model, FakeProgress(), lambda *_: None)

    assert raised.value.message.isprintable()


def test_a_python_that_is_not_here_gives_way_to_the_one_that_is(tmp_path):
    model = models.plain(
        tmp_path / "model", "flavors: {python_function: {loader_module: mlflow.sklearn}}\n"
    )
    (model / "requirements.txt").write_text("mlflow-skinny==3.17.2\npandas\npyarrow\n")
    (model / "python_env.yaml").write_text("python: 3.4.99\n")
    progress = FakeProgress()

    python = interpreter("model", model, progress, lambda *_: None)

    assert python.exists()
    assert ["Python 3.4 is not available here"] == [note.split(";")[0] for note in progress.notes]
