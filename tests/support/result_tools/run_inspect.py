"""Write logs of Inspect AI 0.3.285: python run_inspect.py FOLDER, where it is installed."""

import json
import shutil
import sys
from pathlib import Path

import inspect_ai
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import Score, match, mean, scorer
from inspect_ai.solver import generate
from suite import TRIALS, closeness, sums


@scorer(metrics=[mean()])
def near():
    async def score(state, target):
        if state.sample_id == "sum-3":
            return Score.unscored(reason="the judge is not there")
        return Score(value=closeness(state.output.completion, target.text))

    return score


def outputs():
    for trial in range(TRIALS):
        for one in sums():
            output = ModelOutput.from_content("mockllm/model", one.answers[trial])
            output.usage = ModelUsage(input_tokens=7, output_tokens=3, total_tokens=10)
            yield output


samples = [
    Sample(id=one.id, input=one.question, target=one.right, metadata={"digits": len(one.right)})
    for one in sums()
]
sums_task = inspect_ai.Task(
    dataset=MemoryDataset(samples, "sums"),
    solver=generate(),
    scorer=[match(), near()],
    epochs=TRIALS,
)
for form in ("json", "eval"):
    model = get_model("mockllm/model", custom_outputs=list(outputs()))
    inspect_ai.eval(
        sums_task, model=model, log_dir=f"logs-{form}", log_format=form, display="none",
        max_connections=1, max_samples=1, log_model_api=False,
    )  # fmt: skip
    [written] = Path(f"logs-{form}").glob(f"*.{form}")
    shutil.copy(written, Path(sys.argv[1], f"inspect.{form}"))
written = Path(sys.argv[1], "inspect.json")
log = json.loads(written.read_text())
for sample in log["samples"]:  # the transcripts are most of it
    for transcript in ("events", "events_data", "messages"):
        sample.pop(transcript, None)
written.write_text(json.dumps(log, indent=1) + "\n")
