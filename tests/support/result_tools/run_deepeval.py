"""Write results of DeepEval 4.3.1: python run_deepeval.py FOLDER, where it is installed."""

import json
import os
import sys
from pathlib import Path

os.environ.update(DEEPEVAL_TELEMETRY_OPT_OUT="YES", ERROR_REPORTING="NO")
os.environ["DEEPEVAL_RESULTS_FOLDER"] = "written"

from deepeval import evaluate
from deepeval.evaluate import AsyncConfig, DisplayConfig, ErrorConfig
from deepeval.metrics import BaseMetric, ExactMatchMetric
from deepeval.test_case import LLMTestCase
from suite import closeness, sums


class Closeness(BaseMetric):
    """Raises an error at the third sum."""

    threshold, async_mode, evaluation_model, strict_mode = 0.5, False, "none", False
    evaluation_cost = 0.0

    def measure(self, case, *_, **__):
        if case.name == "sum-3":
            raise ValueError("the judge is not there")
        self.score = closeness(case.actual_output, case.expected_output)
        self.success = self.score >= self.threshold
        self.reason = "by the distance"
        return self.score

    def is_successful(self):
        return self.success

    @property
    def __name__(self):
        return "Closeness"


cases = [
    LLMTestCase(
        name=None if one.id == "sum-6" else one.id,
        input=one.question,
        actual_output=one.answers[0],
        expected_output=one.right,
        completion_time=0.25,
        token_cost=0.001,
        metadata={"digits": len(one.right)},
    )
    for one in sums()
]
evaluate(
    cases,
    [Closeness(), ExactMatchMetric()],
    async_config=AsyncConfig(run_async=False),
    display_config=DisplayConfig(show_indicator=False, print_results=False),
    error_config=ErrorConfig(ignore_errors=True),
)
[written] = Path("written").glob("test_run_*.json")
target = Path(sys.argv[1], "deepeval.json")
target.write_text(json.dumps(json.loads(written.read_text()), indent=1) + "\n")
