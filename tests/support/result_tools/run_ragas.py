"""Write results of ragas 0.4.3: python run_ragas.py FOLDER, where it is installed."""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

os.environ["RAGAS_DO_NOT_TRACK"] = "true"

from ragas import EvaluationDataset, evaluate
from ragas.metrics import ExactMatch
from ragas.metrics.base import MetricType, SingleTurnMetric
from suite import closeness, sums


@dataclass
class Near(SingleTurnMetric):
    """Raises an error at the third sum."""

    name: str = "near"
    _required_columns: dict = field(
        default_factory=lambda: {MetricType.SINGLE_TURN: {"user_input", "response", "reference"}}
    )

    def init(self, run_config):
        pass

    async def _single_turn_ascore(self, sample, *_, **__):
        if sample.user_input == sums()[2].question:
            raise ValueError("the judge is not there")
        return closeness(sample.response, sample.reference)


data = EvaluationDataset.from_list(
    [
        {"user_input": one.question, "response": one.answers[0], "reference": one.right}
        for one in sums()
    ]
)
metrics = [Near(), ExactMatch()]
frame = evaluate(data, metrics=metrics, show_progress=False).to_pandas()
target = Path(sys.argv[1])
frame.to_csv(target / "ragas.csv", index=False)
frame.to_json(target / "ragas.jsonl", orient="records", lines=True)
