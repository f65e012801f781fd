"""A scorer without processes: its models are folders that say which column is their answer."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cdml.adapters.scoring import model_input, predictions, reference_rows
from cdml.errors import InputError
from cdml.evaluation.scorer import Scored
from cdml.models.mlmodel import read_mlmodel

FAULTS = {
    "load": "the model cannot be loaded: OSError: no weights.",
    "throws": "the model failed on these rows: ValueError: cannot.",
    "hangs": "the model did not finish within 1 seconds.",
}


def pretend(folder: Path, *, inputs=None, run=None, **answer) -> Path:
    """A model's folder for `FakeScorer`.

    Args:
        folder: where to make it.
        inputs: columns of the signature, or None for no signature.
        run: the run that logged it, or None.
        answer: `score=COLUMN` (binary; the probability of the positive class),
            `scores=[COLUMN, …]` (multiclass; in the order of the sorted labels),
            `prediction=COLUMN` (regression), or `fault=` load, throws, hangs, nan or short.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = "flavors: {python_function: {loader_module: fake}}\n"
    if run is not None:
        text += f"run_id: {run}\n"
    if inputs is not None:
        columns = [{"name": name, "type": "double", "required": True} for name in inputs]
        text += f"signature: {{inputs: '{json.dumps(columns)}'}}\n"
    (folder / "MLmodel").write_text(text, encoding="utf-8")
    (folder / "fake.json").write_text(json.dumps(answer), encoding="utf-8")
    return folder


class FakeScorer:
    """Scores the models that `pretend` makes, and remembers the jobs it was given."""

    def __init__(self, *, latency_ms=(1.0, 2.0, 3.0), isolation="namespaces"):
        self.jobs = []
        self.latency_ms = tuple(latency_ms)
        self.isolation = isolation
        self.isolations = frozenset({isolation})
        self.times_rows = bool(self.latency_ms)
        self.at_once = 2

    def score(self, job, progress):
        self.jobs.append(job)
        mlmodel = read_mlmodel(job.model)
        answer = json.loads((job.model / "fake.json").read_text(encoding="utf-8"))
        job.output.parent.mkdir(parents=True, exist_ok=True)
        answers, features = (job.output.with_suffix(end) for end in (".answers", ".features"))
        given = model_input.write_inputs(job, mlmodel, features)
        rows = given.rows
        fault = answer.pop("fault", None)
        if fault in FAULTS:
            features.unlink()
            raise InputError(FAULTS[fault], "Check it.")
        with progress.step(f"scoring {rows:,} rows", rows) as step:
            pq.write_table(_answers(job, answer, fault), answers)
            step.advance(rows)
        try:
            words = predictions.Words(classes=[] if fault else predictions.labels(job))
            written, _ = predictions.join(job, answers, words, mlmodel)
            if job.recorded_rows:
                reference_rows.write_reference_rows(job, features, given.columns, answers, None)
        finally:
            answers.unlink()
            features.unlink()
        return Scored(
            predictions=job.output,
            rows=written,
            latency_ms=self.latency_ms,
            isolation=self.isolation,
        )


def _answers(job, answer, fault):
    data = pq.read_table(job.data)
    if fault:
        values = [float(index) for index in range(data.num_rows)]
        values = [float("nan"), *values[1:]] if fault == "nan" else values[1:]
        return pa.table({"a0": values})
    if "prediction" in answer:
        return pa.table({"a0": data[answer["prediction"]].cast(pa.float64())})
    labels = predictions.labels(job)
    if "score" in answer:
        positive = data[answer["score"]].to_pylist()
        columns = [[1 - value for value in positive], positive]
    else:
        columns = [data[name].to_pylist() for name in answer["scores"]]
    rows = list(zip(*columns, strict=True))
    best = [labels[row.index(max(row))] for row in rows]
    scores = {f"p{index}": pa.array(column) for index, column in enumerate(columns)}
    return pa.table({"a0": pa.array(best), **scores})
