"""Evidence of earlier versions is of the same question: digests of configurations never change."""

import pytest

from cdml.config import load
from cdml.config.targets import target_types
from cdml.gates.rules import policy_ref

FLIGHTS = """\
version: 1
model: m
data: {evaluation: rows.parquet, key: [id], label: late, positive: true, slices: [origin]}
gates:
  - {metric: roc_auc, at_least: 0.8, max_regression: 1%, slices: {mode: require}}
  - {metric: mean(score), range: [1, 5], max_regression: 0.1, tier: advisory}
"""
CASES = """\
version: 1
model: m
data: {evaluation: rows.parquet, key: [id], trial: attempt, error: problem}
gates:
  - {metric: mean(score), range: [1, 5], max_regression: 0.1, tier: advisory}
"""


def digests(folder, text):
    (folder / "cdml.yaml").write_text(text, encoding="utf-8")
    policy = policy_ref(load(folder / "cdml.yaml", targets=target_types()).config)
    return policy.digest[7:15], policy.question[7:15]


@pytest.mark.parametrize(
    ("text", "expected"),
    [(FLIGHTS, ("ba1976b5", "9257f6b1")), (CASES, ("4d77ca08", "67dda8ed"))],
    ids=["rows", "cases"],
)
def test_a_configuration_has_the_digests_of_earlier_versions(tmp_path, text, expected):
    assert expected == digests(tmp_path, text)


def test_labels_and_judges_change_the_policy_and_not_the_question(tmp_path):
    plain, question = digests(tmp_path, CASES)
    labelled = CASES.replace("tier: advisory", "corrected_by: human")
    judged = labelled.replace("corrected_by: human", "corrected_by: human, judge: {min_kappa: 0.6}")
    found = [digests(tmp_path, text) for text in (labelled, judged)]

    assert {question} == {one[1] for one in found}
    assert 3 == len({plain, *(one[0] for one in found)})
