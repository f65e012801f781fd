"""Train the five models of the story, each saved as an MLflow model in a folder of its own.

- champion: logistic regression on the first three months
- challenger: gradient boosting on half a year; better
- worse: the same without `dep_delay`, the one thing that is only known at pushback
- leaking: the same with `arr_time`, which nobody knows at pushback
- slice-breaker: the same, trained on data in which one carrier's labels are upside down
"""

import logging
import os

# More OpenMP threads than idle cores make gradient boosting many times slower, never faster here.
os.environ["OMP_NUM_THREADS"] = "1"

import sys
import time
import warnings
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import mlflow.sklearn
import pandas as pd
from mlflow.models import infer_signature
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

HERE = Path(__file__).parent
SEED = 2013
CATEGORIES = ["carrier", "origin", "dest"]
SCHEDULE = ["sched_dep_time", "weekday", "distance"]
WEATHER = ["temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib"]
PUSHBACK = [*CATEGORIES, *SCHEDULE, *WEATHER, "dep_delay"]
FLIPPED = "HA"
# What the model needs to answer. Half of mlflow is enough, and loads in half the time.
LIBRARIES = ("mlflow-skinny", "scikit-learn", "pandas", "numpy", "pyarrow", "cloudpickle")


@dataclass(frozen=True)
class Recipe:
    """How one model is made.

    Attributes:
        rows: the training data, a file of `data/`.
        features: the columns it reads.
        linear: logistic regression; else gradient boosting.
        flipped: a carrier whose labels are turned upside down, or None.
    """

    rows: str = "2013-h1"
    features: tuple[str, ...] = tuple(PUSHBACK)
    linear: bool = False
    flipped: str | None = None


RECIPES = {
    "champion": Recipe(rows="2013-q1", linear=True),
    "challenger": Recipe(),
    "worse": Recipe(features=tuple(name for name in PUSHBACK if name != "dep_delay")),
    "leaking": Recipe(features=(*PUSHBACK, "sched_arr_time", "arr_time")),
    "slice-breaker": Recipe(flipped=FLIPPED),
}


def logistic(numbers: list[str]) -> Pipeline:
    """One-hot categories, standardised numbers, logistic regression."""
    return make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore", min_frequency=20), CATEGORIES),
            (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        ),
        LogisticRegression(max_iter=200, random_state=SEED),
    )


def boosting(numbers: list[str]) -> Pipeline:
    """Categories by number, missing values as they are, gradient boosting."""
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=float("nan"))
    return make_pipeline(
        make_column_transformer((encoder, CATEGORIES), ("passthrough", numbers)),
        HistGradientBoostingClassifier(
            categorical_features=list(range(len(CATEGORIES))), random_state=SEED
        ),
    )


def train(name: str, data: Path, models: Path) -> float:
    """Train one model, save it, and give the seconds it took."""
    start = time.monotonic()
    recipe = RECIPES[name]
    features = list(recipe.features)
    rows = pd.read_parquet(data / f"{recipe.rows}.parquet")
    inputs, late = rows[features], rows["late"].astype(bool)
    if recipe.flipped is not None:
        late = late ^ (rows["carrier"] == recipe.flipped)
    numbers = [column for column in features if column not in CATEGORIES]
    model = (logistic if recipe.linear else boosting)(numbers).fit(inputs, late)
    example = inputs.head(5)
    mlflow.sklearn.save_model(
        model,
        models / name,
        serialization_format="cloudpickle",
        pip_requirements=[f"{library}=={version(library)}" for library in LIBRARIES],
        signature=infer_signature(example, model.predict_proba(example)),
        pyfunc_predict_fn="predict_proba",
    )
    return time.monotonic() - start


def train_all(data: Path, models: Path) -> None:
    """Train all five, two at a time."""
    with ProcessPoolExecutor(max_workers=2) as pool:
        waiting = {pool.submit(train, name, data, models): name for name in RECIPES}
        for done in as_completed(waiting):
            print(f"{waiting[done]}: trained in {done.result():.1f} s", flush=True)


if __name__ == "__main__":
    # mlflow warns that pickles are code. So they are: cdml loads them in a process apart.
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    # weekday and the schedule are integers that are never missing, which mlflow cannot know.
    warnings.filterwarnings("ignore", message=".*integer column.*")
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    train_all(root / "data", root / "models")
