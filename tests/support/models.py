"""Small models, saved as MLflow saves them, and the rows they are asked about.

All columns of `rows()` are made from a seed. `late` is the label; `x` and `y` are what a model
may know; `id` is the key; `origin` has two values.
"""

import warnings
from contextlib import contextmanager
from pathlib import Path


def rows(count=400, seed=7):
    """A data frame with the columns id, origin, x, y, late, kind, minutes."""
    import numpy as np
    import pandas as pd

    random = np.random.default_rng(seed)
    x, y = random.normal(size=count), random.normal(size=count)
    noise = random.normal(size=count)
    return pd.DataFrame(
        {
            "id": np.arange(count),
            "origin": np.where(np.arange(count) % 3 == 0, "EWR", "JFK"),
            "x": x,
            "y": y,
            "late": x + 0.5 * y + noise > 0,
            "kind": np.select([x > 0.5, x < -0.5], ["high", "low"], "middle"),
            "minutes": 10 * x + 3 * y + noise,
        }
    )


def parquet(folder: Path, frame=None):
    """The rows as a Parquet file."""
    path = folder / "rows.parquet"
    (rows() if frame is None else frame).to_parquet(path, index=False)
    return path


@contextmanager
def quietly():
    """MLflow warns of its own imports and of pickles when it saves."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def save_sklearn(folder: Path, estimator, *, requirements=("scikit-learn", "mlflow"), **options):
    """Save a fitted estimator; cloudpickle, because it keeps any pipeline, and quickly."""
    with quietly():
        import mlflow.sklearn

        mlflow.sklearn.save_model(
            estimator,
            str(folder),
            pip_requirements=list(requirements),
            serialization_format="cloudpickle",
            **options,
        )
    return folder


def classifier(folder: Path, features=("x", "y"), label="late", **options):
    """A logistic regression that answers labels, as scikit-learn's flavour does by default."""
    from sklearn.linear_model import LogisticRegression

    data = rows()
    known = data[list(features)]
    fitted = LogisticRegression().fit(known, data[label])
    with quietly():
        from mlflow.models import infer_signature

        options.setdefault("signature", infer_signature(known))
    return save_sklearn(folder, fitted, **options)


def regressor(folder: Path, **options):
    """A linear regression of `minutes`."""
    from sklearn.linear_model import LinearRegression

    data = rows()
    return save_sklearn(
        folder, LinearRegression().fit(data[["x", "y"]], data["minutes"]), **options
    )


def written(folder: Path, predict, *, load="pass", requirements=("mlflow",), **options):
    """A model of Python text: the body of `predict(self, context, frame)`, and of its loading."""
    code = folder.parent / f"{folder.name}_code.py"
    code.write_text(
        "import mlflow\nimport pandas\n\n\nclass Model(mlflow.pyfunc.PythonModel):\n"
        f"    def load_context(self, context):\n{_indented(load)}\n"
        "    def predict(self, context, frame: pandas.DataFrame, params=None):\n"
        f"{_indented(predict)}\n\n"
        "mlflow.models.set_model(Model())\n",
        encoding="utf-8",
    )
    with quietly():
        import mlflow.pyfunc

        mlflow.pyfunc.save_model(
            str(folder),
            python_model=str(code),
            pip_requirements=list(requirements),
            **options,
        )
    return folder


def plain(folder: Path, text="flavors: {}\n"):
    """Files that look like a model to whoever does not load them; needs no library."""
    (folder / "data").mkdir(parents=True)
    (folder / "MLmodel").write_text(text, encoding="utf-8")
    (folder / "data" / "weights.bin").write_bytes(text.encode() * 3)
    return folder


def _indented(body):
    return "\n".join(f"        {line}" for line in body.strip().splitlines())
