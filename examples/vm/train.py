"""Two models of made-up loans, and the rows they are judged on: `train.py FOLDER`."""

import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

COLUMNS = ("income", "debt", "age")


def rows(count: int, seed: int) -> pd.DataFrame:
    """Made-up loans; `bad` is whether one was not paid back."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(random.normal(size=(count, len(COLUMNS))), columns=list(COLUMNS))
    risk = 1.5 * frame["debt"] - frame["income"] - 0.3 * frame["age"] * frame["debt"]
    frame["bad"] = risk + random.normal(size=count) > 0
    return frame.assign(id=np.arange(count))


def main(folder: Path) -> None:
    """Write data/rows.parquet, models/first and models/second."""
    warnings.simplefilter("ignore")  # MLflow's, about its own imports
    import mlflow.sklearn
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures

    seen = rows(4000, seed=1)
    (folder / "data").mkdir(parents=True, exist_ok=True)
    rows(20_000, seed=2).to_parquet(folder / "data" / "rows.parquet", index=False)
    models = {
        "first": LogisticRegression(),
        "second": make_pipeline(PolynomialFeatures(2), LogisticRegression(max_iter=1000)),
    }
    for name, estimator in models.items():
        estimator.fit(seen[list(COLUMNS)], seen["bad"])
        mlflow.sklearn.save_model(
            estimator,
            str(folder / "models" / name),
            input_example=seen[list(COLUMNS)].head(3),
            pip_requirements=["mlflow", "scikit-learn"],
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
