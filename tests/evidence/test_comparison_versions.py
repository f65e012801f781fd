"""comparison.json of every version says the same; one that contradicts itself says nothing."""

import json
from pathlib import Path

import pytest

from cdml.common.rule_kinds import RuleKind
from cdml.config import load
from cdml.errors import InputError
from cdml.evidence.schema import Comparison
from cdml.evidence.store import dump_evidence, parse_evidence
from cdml.gates.rejudge import recompute
from support.evidence_builders import comparison

FROZEN = Path(__file__).parent / "frozen" / "comparison-1.json"
"""Written by the version before /2, on the rows of `fakes.judging`."""


def read(document):
    return parse_evidence(json.dumps(document).encode(), Comparison, "comparison.json")


def test_version_1_is_read_with_the_criterion_of_its_text():
    found = read(json.loads(FROZEN.read_text("utf-8")))

    asked = [(gate.criterion.kind, gate.criterion.margin) for gate in found.gates]
    loss, gain = RuleKind.NON_INFERIORITY, RuleKind.SUPERIORITY
    assert [(loss, 0.05)] * 4 + [(loss, 0.05)] + [(loss, 0.2)] * 3 + [(gain, 0.01)] == asked[:9]
    assert [gate.rule for gate in found.gates] == [gate.criterion.text for gate in found.gates]
    assert {"advisory"} == {g.criterion.tier for g in found.gates if g.metric == "recall"}


def test_version_1_is_judged_as_version_2_is(tmp_path):
    (tmp_path / "cdml.yaml").write_text(
        "version: 1\nmodel: late\nregistry: {uri: 'folder:registry'}\n"
        "data: {evaluation: rows.parquet, key: [id], label: late, positive: true,"
        " slices: [carrier]}\n"
        "gates:\n- {metric: accuracy, max_regression: 0.05}\n"
        "- {metric: log_loss, max_regression: 5%, slices: {mode: require, max_regression: 20%}}\n"
        "- {metric: recall, min_improvement: 0.01, tier: advisory}\npolicy: {min_rows: 20}\n"
    )
    config = load(tmp_path / "cdml.yaml", targets=["registry"], environment={}).config
    first = read(json.loads(FROZEN.read_text("utf-8")))
    second = read(json.loads(dump_evidence(first)))

    assert recompute(None, first, config) == recompute(None, second, config)
    assert first.verdict == recompute(None, first, config).verdict


def test_what_is_written_is_version_2():
    document = json.loads(dump_evidence(comparison()))

    assert "cdml.comparison/2" == document["schema"]
    asked = {"metric": "log_loss", "kind": "max_regression", "margin": 0.01, "relative": True}
    assert asked.items() <= document["gates"][1]["criterion"].items()
    assert comparison() == read(document)


@pytest.mark.parametrize(
    "rule",
    ["max_regression", "max_regression many", "max_regression 0.050", "max_regression -0.1",
     "max_regression nan", "max_regression inf%", "at_least 0.05", "", 7, None],
)  # fmt: skip
def test_version_1_with_a_rule_that_nobody_wrote_is_refused(rule):
    document = json.loads(FROZEN.read_text("utf-8"))
    document["gates"][0]["rule"] = rule
    with pytest.raises(InputError, match="not evidence of this stage"):
        read(document)


def test_version_1_has_no_criterion():
    document = json.loads(dump_evidence(comparison())) | {"schema": "cdml.comparison/1"}
    with pytest.raises(InputError, match="schema"):
        read(document)


def test_version_2_has_one():
    document = json.loads(FROZEN.read_text("utf-8")) | {"schema": "cdml.comparison/2"}
    with pytest.raises(InputError, match="criterion"):
        read(document)


@pytest.mark.parametrize("broken", [None, 7, [], [None], [[]], {}, [{}], "gates"])
def test_version_1_without_gates_is_refused_and_nothing_else_happens(broken):
    document = json.loads(FROZEN.read_text("utf-8")) | {"gates": broken}
    if broken == []:
        document |= {"verdict": "inconclusive"}
        assert () == read(document).gates
        return
    with pytest.raises(InputError):
        read(document)
