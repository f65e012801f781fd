"""Three models of made-up loans, and the rows they are judged on: `train.py FOLDER`."""

import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

NUMBERS = ["income", "debt", "age"]
COLUMNS = [*NUMBERS, "region"]


def rows(count: int, seed: int) -> pd.DataFrame:
    """Made-up loans of two regions; `bad` is whether one was not paid back."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(random.normal(size=(count, len(NUMBERS))), columns=NUMBERS)
    risk = 1.5 * frame["debt"] - frame["income"] - 0.3 * frame["age"] * frame["debt"]
    frame["region"] = random.choice(["north", "south"], count)
    frame["bad"] = risk + random.normal(size=count) > 0
    return frame.assign(id=np.arange(count))


def main(folder: Path) -> None:
    """Write data/rows.parquet, and three models below models/."""
    warnings.simplefilter("ignore")  # MLflow's, about its own imports
    import mlflow.sklearn
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures

    seen = rows(4000, seed=1)
    (folder / "data").mkdir(parents=True, exist_ok=True)
    rows(20_000, seed=2).to_parquet(folder / "data" / "rows.parquet", index=False)
    plain = ColumnTransformer([("numbers", "passthrough", NUMBERS)])
    squares = ColumnTransformer([("squares", PolynomialFeatures(2), NUMBERS)])
    # Without handle_unknown="ignore" it raises for a region that it has not seen. No row of the
    # evaluation is of one, so that only traffic can tell.
    regions = ColumnTransformer([*squares.transformers, ("region", OneHotEncoder(), ["region"])])
    for name, columns in (("first", plain), ("second", squares), ("third", regions)):
        model = make_pipeline(columns, LogisticRegression(max_iter=1000))
        model.fit(seen[COLUMNS], seen["bad"])
        mlflow.sklearn.save_model(
            model,
            str(folder / "models" / name),
            input_example=seen[COLUMNS].head(3),
            pip_requirements=["mlflow", "scikit-learn"],
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
