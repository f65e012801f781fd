"""Write results of mlflow.genai 3.17.2: python run_mlflow.py FOLDER, where it is installed."""

import json
import sys
from pathlib import Path

import mlflow
from mlflow.entities import Feedback
from mlflow.genai import scorer
from suite import closeness, sums

target = Path(sys.argv[1])


@scorer
def exact(outputs, expectations):
    return outputs == expectations["expected_response"]


@scorer
def near(inputs, outputs, expectations):
    if inputs["question"] == sums()[2].question:
        raise ValueError("the judge is not there")
    value = closeness(outputs, expectations["expected_response"])
    return Feedback(value=value, rationale="by the distance")


def scrub(value):
    """Leave out who ran it where, spans, and stack traces."""
    dropped = ("mlflow.source", "mlflow.user", "mlflow.artifactLocation", "stack_trace", "spans")
    if isinstance(value, dict):
        return {k: scrub(v) for k, v in value.items() if not k.startswith(dropped)}
    return [scrub(one) for one in value] if isinstance(value, list) else value


data = [
    {
        "inputs": {"question": one.question},
        "outputs": one.answers[0],
        "expectations": {"expected_response": one.right},
        "tags": {} if one.id == "sum-6" else {"case_id": one.id, "digits": str(len(one.right))},
    }
    for one in sums()
]
mlflow.set_tracking_uri("sqlite:///mlflow.db")
frame = mlflow.genai.evaluate(data=data, scorers=[exact, near]).result_df
frame = frame.drop(columns=["trace"], errors="ignore")
rows = scrub(json.loads(frame.to_json(orient="records", default_handler=str)))
(target / "mlflow-frame.json").write_text(json.dumps(rows, indent=1) + "\n")
traces = mlflow.search_traces(return_type="list")
written = json.loads(json.dumps([trace.to_dict() for trace in traces], default=str))
(target / "mlflow-traces.json").write_text(json.dumps(scrub(written), indent=1) + "\n")
