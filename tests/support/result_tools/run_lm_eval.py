"""Write samples of lm-eval 0.4.13: python run_lm_eval.py FOLDER, where it is installed."""

import json
import shutil
import sys
from pathlib import Path

import lm_eval
from lm_eval.api.model import LM
from lm_eval.loggers import EvaluationTracker
from lm_eval.tasks import TaskManager
from suite import sums

SUMS = {f"{one.question}=": one for one in sums()}
TASK = """\
task: sums
dataset_path: json
dataset_kwargs: {data_files: {test: sums.jsonl}}
output_type: generate_until
test_split: test
doc_to_text: "{{question}}="
doc_to_target: "{{right}}"
generation_kwargs: {until: ["\\n"]}
filter_list:
  - {name: last, filter: [{function: take_first}]}
  - {name: digits, filter: [{function: regex, regex_pattern: "([0-9]+)"}, {function: take_first}]}
metric_list:
  - {metric: exact_match, aggregation: mean, higher_is_better: true}
"""


class Answers(LM):
    """Gives the answers of the suite, in a sentence where they are right."""

    def generate_until(self, requests, **_):
        answered = [SUMS[request.args[0]] for request in requests]
        return [
            f"It is {one.answers[0]}." if one.answers[0] == one.right else one.answers[0]
            for one in answered
        ]

    def loglikelihood(self, requests, **_):
        raise NotImplementedError

    loglikelihood_rolling = loglikelihood


rows = ({"id": one.id, "question": one.question, "right": one.right} for one in sums())
Path("sums.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
Path("tasks").mkdir(exist_ok=True)
Path("tasks/sums.yaml").write_text(TASK)
tracker = EvaluationTracker(output_path="out")
results = lm_eval.simple_evaluate(
    model=Answers(), tasks=["sums"], log_samples=True, evaluation_tracker=tracker,
    task_manager=TaskManager(include_path="tasks"), bootstrap_iters=0,
)  # fmt: skip
samples = results.pop("samples")
tracker.save_results_aggregated(results=results, samples=samples)
tracker.save_results_samples("sums", samples["sums"])
target = Path(sys.argv[1], "lm-eval")
target.mkdir(exist_ok=True)
[written] = Path("out").rglob("samples_sums_*.jsonl")
shutil.copy(written, target / "samples_sums.jsonl")
aggregated = {"higher_is_better": results["higher_is_better"], "results": results["results"]}
(target / "results.json").write_text(json.dumps(aggregated, indent=1) + "\n")
