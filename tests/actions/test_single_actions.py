"""One action per step under a real runner, the report last."""

from collections.abc import Callable

import pytest
from world import PYTHON, World

pytestmark = pytest.mark.xdist_group("runner")

STEPS = f"""\
name: single actions
on: pull_request
permissions: {{}}
jobs:
  judge:
    runs-on: ubuntu-latest
    env:
      MLFLOW_TRACKING_URI: ${{{{ secrets.MLFLOW_TRACKING_URI }}}}
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with:
          persist-credentials: false
      - id: data
        uses: org/cdml-action/actions/validate-data@v1
        with: {{python: {PYTHON}}}
      - id: evaluation
        uses: org/cdml-action/actions/evaluate-model@v1
        with: {{python: {PYTHON}, model: model}}
      - id: comparison
        uses: org/cdml-action/actions/compare-to-champion@v1
        with: {{python: {PYTHON}, challenger: model}}
      - id: report
        if: ${{{{ !cancelled() }}}}
        uses: org/cdml-action/actions/report@v1
        with: {{python: {PYTHON}, report-id: single}}
"""


def test_single_actions_hand_evidence_on_and_the_report_comes_although_one_said_no(
    world: Callable[[str], World],
) -> None:
    here = world("single")
    here.repository.write(".github/workflows/single.yml", STEPS)
    outcome = here.gate(3, here.propose("worse"), "single.yml")

    steps = ("data", "evaluation", "comparison", "report")
    expected = ["success", "success", "failure", "failure"]
    assert expected == [outcome.steps.get(name) for name in steps], outcome.log
    assert not outcome.succeeded
    assert "fail" == outcome.outputs["report"]["verdict"]
    (comment,) = here.comments(3)
    assert "ROC AUC fell from" in comment.body
